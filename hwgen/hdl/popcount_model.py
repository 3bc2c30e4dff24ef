"""What a popcount does, for simulators: Verilog's $countones instead of a tree of cells, for speed."""

from amaranth import Elaboratable, Instance, Module, Mux, Signal

from .delay import delayed
from .popcount import XnorPopcount

__all__ = ["ModelXnorPopcount"]


class ModelXnorPopcount(XnorPopcount):
    """`XnorPopcount` of any style, with that style's latency; its lanes come all in the same cycle.

    The count goes through the registers that in a tree the lanes or their sums go through.
    """

    def __init__(self, lanes, style, shift=0):
        super().__init__(lanes, style, shift)
        self.inverted = style.cells == "ecp5"
        self.skew, self.split_skew = (0,) * lanes, 0

    def compute(self, weights: int, activations: int, valid: bool = True, split: bool = False) -> int:
        return super().compute(weights, activations ^ -self.inverted, valid, split)

    def elaborate(self, platform) -> Elaboratable:
        m = Module()
        same, total = Signal(self.lanes), Signal.like(self.count)
        m.d.comb += same.eq(self.weights ^ self.activations ^ (0 if self.inverted else -1))
        left = self.left_lanes if self.shift else 0
        counted = self._ones(m, platform, "right", same[left:]) - self.lanes // 2
        if left:
            ones = self._ones(m, platform, "left", same[:left])
            counted += Mux(self.split, ones << self.shift, ones)
        m.d.comb += total.eq(counted)
        self._register(m, self.count, delayed(m, "total", total, self.latency - 1)[-1])
        return m

    def _ones(self, m, platform, name, bits):
        count = Signal(range(len(bits) + 1), name=f"{name}_ones")
        if platform is None:
            m.d.comb += count.eq(sum(bits))
        else:
            ports = {"p_BITS": len(bits), "p_WIDTH": len(count), "i_value": bits, "o_count": count}
            m.submodules[name] = Instance("COUNTONES", **ports)
        return count
