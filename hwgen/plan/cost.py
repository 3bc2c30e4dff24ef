"""LUT estimate of a plan: a sum over what it is made of, with coefficients fitted to designs (`make calibrate`)."""

from dataclasses import dataclass

from ..families import FAMILIES
from .loads import row_bytes
from .memory import multiplexers
from .plan import Plan


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """LUTs of a family per unit of what `quantities` counts: as nextpnr packs them (iCE40: logic cells; ECP5: LUT4, a
    carry cell is two; Gowin: LUT4 and ALUs, with the LUT4s that flip-flops take) or, where vendors' tools alone make
    bitstreams, as Yosys maps them (`flow.projects`).

    Attributes
    ----------
    lanes : XNOR and popcount of one lane of a processing element
    registers : the same, for every register within the popcount beyond one
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
    fixed : everything else, the board's shell included
    """

    lanes: float
    registers: float
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


FAMILY = {
    "ice40": Coefficients(
        lanes=3.93, registers=0.42, split=19, accumulators=1.38, queue=1.04, stages=102, addresses=39.1, maps=44.5,
        border=25.9, words=2.54, window=1.65, codes=1.0, rings=1.14, tables=1.16, muxes=1.12, fixed=882,
    ),
    "ecp5": Coefficients(
        lanes=2.49, registers=0.304, split=24, accumulators=2.0, queue=1.23, stages=119, addresses=23.6, maps=19.3,
        border=4.74, words=1.59, window=1.42, codes=1.21, rings=1.44, tables=1.23, muxes=0.547, fixed=499,
    ),
    "gowin": Coefficients(
        lanes=2.57, registers=0.3, split=16, accumulators=3.42, queue=1.31, stages=108, addresses=34.5, maps=39,
        border=5.9, words=1.68, window=2.55, codes=1.19, rings=1.44, tables=1.16, muxes=0.572, fixed=905,
    ),
    "xc7": Coefficients(
        lanes=2.2, registers=0.0438, split=11.7, accumulators=0.221, queue=0.512, stages=77.7, addresses=13.5,
        maps=16.7, border=5.99, words=0.88, window=1.73, codes=0.695, rings=1, tables=0.3, muxes=0.32, fixed=322,
    ),
    "cyclonev": Coefficients(
        lanes=2.33, registers=0.125, split=11.2, accumulators=0.861, queue=0.721, stages=23.1, addresses=15.5,
        maps=13.7, border=4.18, words=1.42, window=3.02, codes=0.697, rings=1, tables=0.302, muxes=0.152, fixed=839,
    ),
    "max10": Coefficients(
        lanes=2.15, registers=0.54, split=16, accumulators=2.02, queue=0.779, stages=65.2, addresses=20.8, maps=28.2,
        border=13.7, words=3.43, window=2.73, codes=0.948, rings=1.4, tables=0.994, muxes=0.814, fixed=980,
    ),
}  # fmt: skip

LOADING = 110
"""LUTs of a loadable plan, beside the flip-flops of a row."""

CARRY_CELLS = {
    "ice40": Coefficients(
        lanes=3.59, registers=0.27, split=19, accumulators=1.36, queue=1.03, stages=101, addresses=39.4, maps=49.8,
        border=26.6, words=2.62, window=1.68, codes=0.996, rings=1.14, tables=1.15, muxes=1.1, fixed=917,
    ),
    "ecp5": Coefficients(
        lanes=1.31, registers=0.101, split=4.32, accumulators=1.19, queue=0.639, stages=90.2, addresses=33.2, maps=21.5,
        border=5.97, words=3.01, window=2.25, codes=1.21, rings=1.51, tables=1.28, muxes=0.841, fixed=750,
    ),
    "gowin": Coefficients(
        lanes=2.14, registers=0.06, split=18.5, accumulators=3.43, queue=1.24, stages=111, addresses=33.8, maps=41.1,
        border=5.93, words=1.77, window=2.59, codes=1.18, rings=1.44, tables=1.16, muxes=0.572, fixed=944,
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
    lanes = elements * plan.style.counted(shape.s)
    first = plan.stages[0].compiled
    pixels = len(first.gathering.rows) * first.gathering.columns if first.gathering else 0
    window = pixels * first.stage.weights.shape[2] * first.planes
    return {
        "lanes": lanes,
        "registers": lanes * (len(plan.style.registers(shape.s)) - 1),
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
    """Expected LUTs of the accelerator on a board, as nextpnr packs them."""
    each = coefficients(family, plan.style.cells)
    luts = sum(getattr(each, name) * amount for name, amount in quantities(plan, family).items())
    if plan.loadable:
        luts += LOADING + (8 * row_bytes(plan) if family == "ice40" else 0)  # whose flip-flops are logic cells
    return round(luts)
