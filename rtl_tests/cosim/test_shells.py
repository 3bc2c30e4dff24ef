"""The shells of buses under cocotb and Verilator, with the models of cocotbext-axi (`shell_benches.py`)."""

import pytest

from hwgen.hdl.accelerator import Accelerator
from hwgen.hdl.shells.axi import AXIShell
from hwgen.hdl.shells.wishbone import WishboneShell
from rtl_tests.helpers.cosim import CLOCK_HZ, build, expectations, paths_without_spaces, run
from rtl_tests.helpers.zoo import CASES

TESTS = 17
BENCH, TOP = "rtl_tests.cosim.shell_benches", "shell"


@pytest.mark.parametrize("shell", [AXIShell, WishboneShell])
def test_benches(shell, tmp_path):
    """All pass; and they compare: with one wrong logit a test that runs that frame fails."""
    case = next(case for case in CASES if case.name == "dense only")
    plan = case.plan()
    expected = expectations(plan, case.network())
    logits = expected["logits"].copy()
    logits[0, -1] += 1
    with paths_without_spaces(tmp_path / "site"):
        runner = build(shell(Accelerator(plan, CLOCK_HZ)), TOP, tmp_path)
        assert run(runner, BENCH, TOP, expected, tmp_path) == (TESTS, 0)
        wrong = {**expected, "logits": logits}
        assert run(runner, BENCH, TOP, wrong, tmp_path, only="counters_after_frames") == (1, 1)
