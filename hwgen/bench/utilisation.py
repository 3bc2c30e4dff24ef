"""How busy the array is, image in to result out, in steady state."""

from functools import partial

from .. import boards, models
from ..plan import Plan
from ..plan import plan as plan_for
from .row import Row

SIZES = (
    ("cnv_w1a1", 64, 64, 1, 0.90),
    ("cnv_w1a1", 32, 32, 1, 0.90),
    ("cnv_w1a1", 64, 64, 4, 0.85),
    ("lfc_w1a1", 32, 32, 1, 0.90),
)
"""Model, P, S, Q, what to reach. (The weights of LFC on 64 x 64 x 1 take more block RAM than any of our boards has.)"""

BOARD = "ulx3s_85f"


def utilisation_rows():
    """One measuring function per row, by name."""
    return {_name(*size): partial(_row, *size, goal) for *size, goal in SIZES}


def _name(model, p, s, q):
    return f"utilisation, {model} on {p} x {s} x {q}"


def planned(model: str, p: int, s: int, q: int) -> Plan:
    """A model of the zoo on an array."""
    return plan_for(models.load(model).network, boards.load(BOARD), p, s, q)


def _row(model: str, p: int, s: int, q: int, goal: float) -> Row:
    plan = planned(model, p, s, q)
    return Row(
        what=_name(model, p, s, q),
        ours=plan.utilisation * plan.cycles / plan.interval,
        unit="",
        peer="YodaNN, 3x3 kernels",
        theirs=0.37,
        goal=goal,
        more_is_better=True,
        method=f"binary multiply-accumulates of an image over what the array does in {plan.interval:,} cycles, from "
        "one class to the next, as planned; hwgen verify finds the same cycles in simulation",
        details={"cycles": plan.cycles, "interval": plan.interval, "cycles_per_layer": plan.cycles_per_stage},
    )
