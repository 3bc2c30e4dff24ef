"""Processing elements against the models that stand for them in `hwgen verify`, in Verilator."""

import re

import pytest

from hwgen.errors import BuildError
from hwgen.flow import verilog
from hwgen.plan.style import Style
from hwgen.sim import elements
from rtl_tests.cosim.test_networks import FOLDER
from rtl_tests.helpers.plans import plan_for
from rtl_tests.helpers.zoo import CASES


def planned(name, array, style):
    return plan_for(next(case for case in CASES if case.name == name).network(), *array, style=style)


@pytest.mark.parametrize(
    "name, array, style",
    [
        ("dense only", (4, 64, 1), Style(cells="ecp5", stages=2)),
        ("dense only", (4, 64, 1), Style()),
        ("two planes", (16, 32, 2), Style(cells="ecp5", stages=3)),
        ("two planes", (16, 32, 2), Style(stages=2)),
        ("ramps", (8, 8, 1), Style(cells="ecp5", stages=1)),
        ("two planes", (16, 32, 2), Style(cells="ice40", stages=2)),
        ("two planes", (16, 32, 2), Style(cells="gowin", stages=2)),
        ("dense only", (4, 64, 1), Style(cells="gowin")),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_model(name, array, style):
    FOLDER.mkdir(parents=True, exist_ok=True)
    elements.check_model(planned(name, array, style), FOLDER)


def test_a_wrong_cell_is_told(monkeypatch):
    """One table of one cell in a processing element."""
    plan, emit = planned("dense only", (4, 64, 1), Style(cells="ecp5", stages=2)), verilog.emit

    def broken(*arguments):
        text, count = re.subn(r"\.INIT0\(16'h663c\)", ".INIT0(16'h6633)", emit(*arguments), count=1)
        assert count == 1
        return text

    monkeypatch.setattr(elements.verilog, "emit", broken)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with pytest.raises(BuildError, match=r"differ, which is a defect of hwgen: in cycle \d+ the accumulators differ"):
        elements.check_model(plan, FOLDER)
