"""The accelerator under cocotb and Verilator: streams, stalls, resets and registers (`benches.py`)."""

import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

import cocotb_tools.config
import numpy as np
import pytest
from cocotb_tools.runner import get_results, get_runner

from hwgen import golden
from hwgen.flow import toolchain, verilog
from hwgen.hdl import csr
from hwgen.hdl.accelerator import Accelerator
from rtl_tests.helpers.networks import images_for
from rtl_tests.helpers.zoo import CASES

TESTS = 12
FLAGS = ["-Wno-fatal", "-Wno-PROCASSINIT", "-O3", "--x-assign", "fast"]


@contextmanager
def paths_without_spaces(folder: Path):
    """Verilator's and cocotb's files by way of `folder`: their scripts and Makefiles break at a space in a path."""
    installed = Path(cocotb_tools.config.__file__).parents[1]
    (folder / "verilator" / "bin").mkdir(parents=True)
    (folder / "cocotb").symlink_to(installed / "cocotb")
    for part in ("", "bin"):
        for path in (installed / "verilator" / part).iterdir():
            if path.name != "bin":
                (folder / "verilator" / part / path.name).symlink_to(path)
    script = folder / "verilator" / "bin" / "verilator"  # which looks for the rest where it really is
    script.unlink()
    shutil.copy(installed / "verilator" / "bin" / "verilator", script)
    environment = {k: v.replace(str(installed), str(folder)) for k, v in toolchain.verilator_environment().items()}
    with pytest.MonkeyPatch.context() as patch, toolchain.applied(environment):
        for name in ("libs_dir", "share_dir"):
            path = getattr(cocotb_tools.config, name).relative_to(installed)
            patch.setattr(cocotb_tools.config, name, folder / path)
        yield


def run_benches(plan, network, folder: Path, **changes) -> tuple[int, int]:
    """(tests, failures) of `benches.py` on a plan; `changes` to the arrays that say what is expected."""
    images = images_for(np.random.default_rng(3), network, 3)
    answers = golden.run(network, images)
    assert len({tuple(row) for row in answers.logits.tolist()}) == 3
    expected = {
        "images": images,
        "logits": answers.logits,
        "classes": answers.classes,
        "cycles": np.array(plan.cycles_per_stage),
        "image_shape": np.array(plan.lowered.image_shape),
        "model": np.array(csr.model_word(network.digest)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "expected.npz", **{**expected, **changes})
    (folder / "accelerator.v").write_text(verilog.emit(Accelerator(plan), "accelerator"))
    with paths_without_spaces(folder / "site"):
        runner = get_runner("verilator")
        runner.build(
            sources=[folder / "accelerator.v"],
            hdl_toplevel="accelerator",
            build_dir=folder / "build",
            build_args=FLAGS,
            timescale=("1ns", "1ps"),
            log_file=folder / "build.log",
        )
        with suppress(SystemExit):  # how the runner says that a test failed; the results say which, or are not there
            runner.test(
                test_module="rtl_tests.cosim.benches",
                hdl_toplevel="accelerator",
                build_dir=folder / "build",
                test_dir=folder,
                results_xml=str(folder / "results.xml"),
                extra_env={"HWGEN_EXPECTED": str(folder / "expected.npz")},
                log_file=folder / "test.log",
            )
    return get_results(folder / "results.xml")


@pytest.mark.parametrize("name", ["packed late", "sums"])
def test_benches(name, tmp_path):
    case = next(case for case in CASES if case.name == name)
    assert run_benches(case.plan(), case.network(), tmp_path) == (TESTS, 0)


def test_a_wrong_expectation_fails(tmp_path):
    """The benches compare: with one wrong logit every test that runs that frame fails, with a wrong count of cycles
    every test that reads it."""
    case = next(case for case in CASES if case.name == "single layer")
    plan, network = case.plan(), case.network()
    images = images_for(np.random.default_rng(3), network, 3)
    logits = golden.run(network, images).logits.copy()
    logits[0, -1] += 1
    assert run_benches(plan, network, tmp_path, logits=logits) == (TESTS, TESTS - 1)
