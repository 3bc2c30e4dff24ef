"""LUT estimate of a plan: a sum over what it is made of, with coefficients fitted to syntheses (`make calibrate`)."""

from dataclasses import dataclass

from ..boards import FAMILIES
from .memory import multiplexers
from .plan import Plan


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """LUT4 of a family, per unit of what `quantities` counts.

    Attributes
    ----------
    lanes : XNOR and popcount of one lane of a processing element
    split : processing elements, where two planes are read at a time
    accumulators : accumulator bits, twice where planes double them
    queue : bits of the emitter's queue
    stages : stages in the tables of the sequencer, collector and writer
    addresses : bits of an address
    maps : the same, where maps have more than one pixel
    border : bits of a coordinate, per lane and for the row
    words : bits of the Q activation words
    window : bits of the packed first layer's region
    codes : bits of pooled codes, four times where they are searched
    rings : accumulator bits in the rings of the threshold unit
    tables : sixteen bits of tables in LUTs
    muxes : bits of two-way multiplexers behind block RAM
    fixed : everything else
    cell : logic cells of the device per LUT4 (iCE40 counts a register without its LUT as a cell of its own)
    """

    lanes: float
    split: float
    accumulators: float
    queue: float
    stages: float
    addresses: float
    maps: float
    border: float
    words: float
    window: float
    codes: float
    rings: float
    tables: float
    muxes: float
    fixed: float
    cell: float


FAMILY = {
    "ice40": Coefficients(
        lanes=2.88, split=19, accumulators=1.10, queue=0.813, stages=49.5, addresses=20.0, maps=30.6, border=20.4,
        words=2.17, window=1.41, codes=0.987, rings=1.14, tables=1.08, muxes=1.02, fixed=255, cell=1.36,
    ),
    "ecp5": Coefficients(
        lanes=2.01, split=24, accumulators=1.92, queue=1.21, stages=115, addresses=23.2, maps=19.5, border=4.72,
        words=1.56, window=1.43, codes=1.20, rings=1.44, tables=1.23, muxes=0.605, fixed=292, cell=1.0,
    ),
}  # fmt: skip

CARRY_CELLS = {
    "ecp5": Coefficients(
        lanes=1.20, split=4.32, accumulators=1.57, queue=0.569, stages=112, addresses=25.0, maps=21.2, border=4.94,
        words=1.85, window=1.76, codes=1.16, rings=1.39, tables=1.23, muxes=0.828, fixed=314, cell=1.0,
    ),
}  # fmt: skip
"""The same for arrays in the family's own cells."""


def coefficients(family: str, cells: str) -> Coefficients:
    """Those of a family's arrays in generic cells or in its own."""
    return FAMILY[family] if cells == "generic" else CARRY_CELLS[cells]


def quantities(plan: Plan, family: str) -> dict[str, float]:
    """How much of each of `Coefficients` a plan has."""
    shape, bits = plan.shape, plan.accumulator_bits
    elements = shape.p * shape.q
    first = plan.stages[0].compiled
    pixels = len(first.gathering.rows) * first.gathering.columns if first.gathering else 0
    window = pixels * first.stage.weights.shape[2] * first.planes
    return {
        "lanes": elements * plan.style.counted(shape.s),
        "split": elements if plan.split else 0,
        "accumulators": elements * bits * (2 if plan.planes > 1 else 1),
        "queue": min(shape.p, plan.logits.count) * bits,
        "stages": len(plan.stages),
        "addresses": plan.address_bits,
        "maps": plan.address_bits if any(s.source.height * s.source.width > 1 for s in plan.stages) else 0,
        "border": plan.coordinate_bits * (1 + shape.q) if plan.has_border else 0,
        "words": shape.q * shape.s,
        "window": window,
        "codes": elements * plan.code_bits * (4 if plan.has_multi_threshold else 1),
        "rings": elements * plan.threshold_bits if plan.has_multi_threshold else 0,
        "tables": sum(spec.bits for spec in plan.memories if not spec.block) / 16,
        "muxes": multiplexers(plan, FAMILIES[family]),
        "fixed": 1,
    }


def estimate_luts(plan: Plan, family: str) -> int:
    """Expected LUT4 of the core, as synthesis counts them (a carry cell of ECP5 counts as two)."""
    each = coefficients(family, plan.style.cells)
    return round(sum(getattr(each, name) * amount for name, amount in quantities(plan, family).items()))


def estimate_cells(plan: Plan, family: str) -> int:
    """Expected logic cells of the core, as nextpnr counts them after packing."""
    return round(estimate_luts(plan, family) * FAMILY[family].cell)
