"""An array with its start values: what `hwgen.bench.array` counts the LUTs of."""

from amaranth import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.style import Style
from .array import Array
from .parameters import ParameterLoader

__all__ = ["ArrayUnit"]

TILES = 4


class ArrayUnit(wiring.Component):
    """`Array` and `ParameterLoader`, with made-up start values for a few tiles.

    Members
    -------
    weights, activations, valid, control : In, as `Array` takes them
    capture : Out
    signs : Out, of the accumulators: all that a network of 1-bit activations needs of them
    """

    def __init__(self, p: int, s: int, q: int, bits: int, planes: int, style: Style, shift: int = 0):
        self.array = Array(p, s, q, bits, planes, False, style, shift)
        width = bits + planes - 1
        rows = [(0x9E3779B97F4A7C15 * (i + 1) >> 20) % (1 << width) for i in range(TILES * p)]
        self.loader = ParameterLoader(rows, p, 1, bits, planes, False, True, self.array.copies)
        super().__init__(
            {
                "weights": In(p * s),
                "activations": In(data.ArrayLayout(s, q)),
                "valid": In(q),
                "control": In(self.array.control.shape()),
                "capture": Out(1),
                "signs": Out(p * q),
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
