"""The accelerator under cocotb and Verilator: streams, stalls, resets and registers (`benches.py`)."""

import pytest

from hwgen.hdl.accelerator import Accelerator
from rtl_tests.helpers.cosim import CLOCK_HZ, build, expectations, paths_without_spaces, run
from rtl_tests.helpers.zoo import CASES

TESTS = 12
BENCH, TOP = "rtl_tests.cosim.benches", "accelerator"


@pytest.mark.parametrize("name", ["packed late", "sums"])
def test_benches(name, tmp_path):
    """All pass; and they compare: with one wrong logit every test that runs that frame fails."""
    case = next(case for case in CASES if case.name == name)
    plan = case.plan()
    expected = expectations(plan, case.network())
    logits = expected["logits"].copy()
    logits[0, -1] += 1
    with paths_without_spaces(tmp_path / "site"):
        runner = build(Accelerator(plan, CLOCK_HZ), TOP, tmp_path)
        assert run(runner, BENCH, TOP, expected, tmp_path) == (TESTS, 0)
        assert run(runner, BENCH, TOP, {**expected, "logits": logits}, tmp_path) == (TESTS, TESTS - 1)
