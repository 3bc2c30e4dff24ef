"""LUT estimate of a plan: a sum over units, with coefficients read off synthesis. docs/numbers.md compares them."""

from dataclasses import dataclass

from .plan import Plan


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """LUT4 of a family, as synthesis counts them (a carry cell counts as the LUT positions it takes).

    Attributes
    ----------
    lane : XNOR and popcount, per lane of a PE
    adder : per bit of an accumulator that adds
    select : per bit of a two-way choice
    control : sequencer, reader, collector, writer and registers, per stage and in all
    """

    lane: float
    adder: float
    select: float
    per_stage: float
    control: float


FAMILY = {
    "ice40": Coefficients(lane=2.6, adder=1.0, select=1.0, per_stage=55, control=420),
    "ecp5": Coefficients(lane=2.8, adder=1.1, select=1.0, per_stage=75, control=520),
}


def estimate_luts(plan: Plan, family: str) -> int:
    """Expected LUT4 of the core."""
    c, shape = FAMILY[family], plan.shape
    bits, elements = plan.accumulator_bits, shape.p * shape.q
    element = c.lane * shape.s + bits * (c.adder + c.select * (2 if plan.planes > 1 else 1))
    luts = c.control + c.per_stage * len(plan.stages) + elements * element
    luts += shape.p * bits * c.select  # the emitter's queue
    luts += shape.s * shape.q * c.select * (1 + max(1, shape.q) // 2 + plan.has_border)  # bank rotation, borders
    first = plan.stages[0].compiled
    if first.packed:
        lanes = len(first.taps) * first.stage.weights.shape[2]
        luts += shape.q * (lanes * first.planes / 2 + shape.s * first.array_words) * c.select
    luts += elements * plan.code_bits * c.select  # pooled codes
    if plan.has_multi_threshold:
        luts += elements * (bits + 2 * plan.code_bits) * c.select
        luts += plan.threshold_lanes * (2 * bits + 4 * plan.code_bits)
    luts += sum(spec.bits / 24 for spec in plan.memories if not spec.block)
    return round(luts)
