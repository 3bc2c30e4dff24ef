"""A component as Verilog under cocotb and Verilator: what a bench is told, how it is built and run."""

import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

import cocotb_tools.config
import numpy as np
import pytest
from amaranth.lib import wiring
from cocotb_tools.runner import get_results, get_runner

from hwgen import golden
from hwgen.flow import toolchain, verilog
from hwgen.hdl import csr
from rtl_tests.helpers.networks import images_for

CLOCK_HZ = 12_345_678
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


def expectations(plan, network) -> dict[str, np.ndarray]:
    """What a bench of the accelerator is told: three different images, what they are to give, and (address, value) of
    every register as it is when nothing was sent yet, but for the cycle counters."""
    images = images_for(np.random.default_rng(3), network, 3)
    answers = golden.run(network, images)
    assert len({tuple(row) for row in answers.logits.tolist()}) == 3
    channels, height, width = plan.lowered.image_shape
    registers = {
        csr.Register.MAGIC: csr.MAGIC,
        csr.Register.VERSION: csr.VERSION,
        csr.Register.MODEL: csr.model_word(network.digest),
        csr.Register.STATUS: 0,
        csr.Register.CONTROL: 0,
        csr.Register.LAYERS: len(plan.stages),
        csr.Register.FRAMES: 0,
        csr.Register.CHANNELS: channels,
        csr.Register.HEIGHT: height,
        csr.Register.WIDTH: width,
        csr.Register.LOGITS: plan.logits.count,
        csr.Register.P: plan.shape.p,
        csr.Register.S: plan.shape.s,
        csr.Register.Q: plan.shape.q,
        csr.Register.CLOCK: CLOCK_HZ,
        csr.Register.STRUCTURE: 0,
    }
    assert {*registers} == {*csr.Register} - {csr.Register.CYCLES}
    return {
        "images": images,
        "logits": answers.logits,
        "classes": answers.classes,
        "cycles": np.array(plan.cycles_per_stage),
        "registers": np.array(list(registers.items())),
    }


def build(component: wiring.Component, top: str, folder: Path):
    """A runner for a component as the module `top`, compiled in `folder`."""
    (folder / f"{top}.v").write_text(verilog.emit(component, top))
    runner = get_runner("verilator")
    runner.build(
        sources=[folder / f"{top}.v"],
        hdl_toplevel=top,
        build_dir=folder / "build",
        build_args=FLAGS,
        timescale=("1ns", "1ps"),
        log_file=folder / "build.log",
    )
    return runner


def run(
    runner, bench: str, top: str, expected: dict[str, np.ndarray], folder: Path, only: str | None = None
) -> tuple[int, int]:
    """(tests, failures) of the module `bench`, which finds what is expected by way of the variable HWGEN_EXPECTED;
    `only` of those whose names match this regular expression."""
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    np.savez(folder / "expected.npz", **expected)
    with suppress(SystemExit):  # how the runner says that a test failed; the results say which, or are not there
        runner.test(
            test_module=bench,
            hdl_toplevel=top,
            build_dir=folder / "build",
            test_dir=folder,
            test_filter=only,
            results_xml=str(results),
            extra_env={"HWGEN_EXPECTED": str(folder / "expected.npz")},
            log_file=folder / "test.log",
        )
    return get_results(results)
