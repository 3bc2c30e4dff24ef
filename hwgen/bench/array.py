"""python -m hwgen.bench.array: LUTs per binary MAC of whole arrays by synthesis, as a Markdown table.

An array here has its processing elements, accumulators, registers for weights and activations, and the registers of
start values with what loads them; not the memories, the sequencer or a board's shell. Minutes of work.
"""

import sys
from dataclasses import dataclass

from amaranth import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hdl.array import Array
from ..hdl.parameters import ParameterLoader
from ..plan.style import Style
from ..report.table import Table
from .counts import synthesise

BITS = 16
"""Of an accumulator."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """An array to synthesise: `planes` is the most bits of an activation that it reads."""

    family: str
    style: Style
    p: int
    s: int
    q: int
    planes: int

    @property
    def macs(self) -> int:
        return self.p * self.s * self.q


SIZES = (
    Size(family="ice40", style=Style(), p=32, s=32, q=1, planes=1),
    Size(family="ice40", style=Style(), p=32, s=32, q=1, planes=8),
    *(
        Size(family="ecp5", style=style, p=64, s=64, q=q, planes=planes)
        for style in (Style(), Style(cells="ecp5", stages=2))
        for q, planes in ((1, 1), (1, 8))
    ),
    Size(family="ecp5", style=Style(cells="ecp5", stages=2), p=32, s=64, q=2, planes=8),
)


class Unit(wiring.Component):
    """An array and its start values; the accumulators' signs are the outputs."""

    def __init__(self, size: Size):
        self.array = Array(size.p, size.s, size.q, BITS, size.planes, False, size.style)
        width = BITS + size.planes - 1
        rows = [(0x9E3779B97F4A7C15 * (i + 1) >> 20) % (1 << width) for i in range(4 * size.p)]
        self.loader = ParameterLoader(rows, size.p, 1, BITS, size.planes, False, True)
        super().__init__(
            {
                "weights": In(size.p * size.s),
                "activations": In(data.ArrayLayout(size.s, size.q)),
                "valid": In(size.q),
                "control": In(self.array.control.shape()),
                "capture": Out(1),
                "signs": Out(size.p * size.q),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.array, m.submodules.loader = array, loader = self.array, self.loader
        for name in ("weights", "activations", "valid", "control"):
            m.d.comb += getattr(array, name).eq(getattr(self, name))
        m.d.comb += [array.start.eq(loader.start), array.low.eq(loader.low), loader.swap.eq(array.swap)]
        signs = [array.accumulators[p][q][-1] for p in range(array.p) for q in range(array.q)]
        m.d.comb += [self.capture.eq(array.capture), self.signs.eq(Cat(*signs))]
        return m


def finn(size: Size, threshold_bits: int = BITS) -> float:
    """LUT6 of FINN's cost model for a matrix-vector unit of as many PEs and SIMD lanes (its repository's formula)."""
    return 300 + 1.1 * size.p * size.q * (2 * size.s + 2 * (2 * size.s - 1) + BITS + threshold_bits)


def main() -> None:
    rows = []
    for size in SIZES:
        name = f"{size.p} x {size.s} x {size.q}"
        print(f"synthesising {name} for {size.family}, {size.style}", file=sys.stderr)
        count, model = synthesise(Unit(size), size.family).luts, finn(size)
        each = [f"{n / size.macs:.2f}" for n in (count, model)]
        style = f"{size.style.cells}, {size.style.stages}"
        rows.append([size.family, style, name, size.planes, f"{count:,}", each[0], f"{model:,.0f}", each[1]])
    columns = ["family", "cells, stages", "P x S x Q", "planes", "LUT4", "per MAC", "FINN's model, LUT6", "per MAC"]
    print(Table(columns=columns, rows=rows).markdown())


if __name__ == "__main__":
    main()
