"""python -m hwgen.bench.array: LUTs per binary MAC of whole arrays by synthesis, as a Markdown table.

An array here has its processing elements, accumulators, registers for weights and activations, and the registers of
start values with what loads them; not the memories, the sequencer or a board's shell. Minutes of work.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..hdl.array_unit import ArrayUnit
from ..plan.style import Style
from ..report.table import Table
from .counts import synthesise
from .row import Row

BITS = 16
"""Of an accumulator."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """An array to synthesise: `planes` is the most bits of an activation that it reads; with `split` it can read two
    planes at a time, so many apart."""

    family: str
    style: Style
    p: int
    s: int
    q: int
    planes: int
    split: int = 0

    @property
    def macs(self) -> int:
        return self.p * self.s * self.q


SIZES = (
    *(
        Size(family="ice40", style=style, p=32, s=s, q=1, planes=planes)
        for style in (Style(), Style(cells="ice40", stages=2))
        for s, planes in ((32, 1), (64, 1), (32, 8))
    ),
    *(
        Size(family="gowin", style=style, p=32, s=s, q=1, planes=planes)
        for style in (Style(), Style(cells="gowin", stages=2))
        for s, planes in ((32, 1), (64, 1), (32, 8))
    ),
    *(
        Size(family="ecp5", style=style, p=64, s=64, q=q, planes=planes)
        for style in (Style(), Style(cells="ecp5", stages=2))
        for q, planes in ((1, 1), (1, 8))
    ),
    *(
        Size(family="ecp5", style=style, p=64, s=64, q=1, planes=8, split=4)
        for style in (Style(), Style(cells="ecp5", stages=2))
    ),
    Size(family="ecp5", style=Style(cells="ecp5", stages=2), p=32, s=64, q=2, planes=8),
)


def unit(size: Size) -> ArrayUnit:
    return ArrayUnit(size.p, size.s, size.q, BITS, size.planes, size.style, size.split)


def finn(size: Size, threshold_bits: int = BITS) -> float:
    """LUT6 of FINN's cost model for a matrix-vector unit of as many PEs and SIMD lanes (its repository's formula)."""
    return 300 + 1.1 * size.p * size.q * (2 * size.s + 2 * (2 * size.s - 1) + BITS + threshold_bits)


GOALS = (
    (Size(family="ice40", style=Style(cells="ice40", stages=2), p=32, s=64, q=1, planes=1), 2.8),
    (Size(family="ecp5", style=Style(cells="ecp5", stages=2), p=64, s=64, q=1, planes=1), 2.2),
    (Size(family="ecp5", style=Style(cells="ecp5", stages=2), p=64, s=64, q=1, planes=8, split=4), 2.2),
)
"""Arrays, and LUT4 per binary MAC to reach: for 1-bit activations, and for what CNV's first layer asks for."""


def array_rows() -> dict[str, Callable[[], Row]]:
    """One measuring function per row, by name."""
    return {_name(size): partial(_row, size, goal) for size, goal in GOALS}


def _name(size):
    bits = f"1..{size.planes}-bit" if size.planes > 1 else "1-bit"
    return f"LUTs per binary MAC, {size.family} {size.p} x {size.s} x {size.q}, {bits} activations"


def _row(size: Size, goal: float) -> Row:
    count = synthesise(unit(size), size.family).luts
    return Row(
        what=_name(size),
        ours=count / size.macs,
        unit="LUT4",
        peer="FINN's cost model, LUT6",
        theirs=finn(size) / size.macs,
        goal=goal,
        more_is_better=False,
        method=f"synthesis of the whole array with its accumulators and registers, {count:,} LUT4; {size.style}",
        details={"luts": count, "finn_luts": finn(size)},
    )


def main() -> None:
    rows = []
    for size in SIZES:
        name = f"{size.p} x {size.s} x {size.q}"
        print(f"synthesising {name} for {size.family}, {size.style}", file=sys.stderr)
        count, model = synthesise(unit(size), size.family).luts, finn(size)
        each = [f"{n / size.macs:.2f}" for n in (count, model)]
        style = f"{size.style.cells}, {size.style.stages}"
        planes = f"{size.planes}, two at a time" if size.split else size.planes
        rows.append([size.family, style, name, planes, f"{count:,}", each[0], f"{model:,.0f}", each[1]])
    columns = ["family", "cells, stages", "P x S x Q", "planes", "LUT4", "per MAC", "FINN's model, LUT6", "per MAC"]
    print(Table(columns=columns, rows=rows).markdown())


if __name__ == "__main__":
    main()
