"""XNOR and popcount of S lanes, centred: the inner product of two bipolar vectors, halved."""

from amaranth import Elaboratable, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["XnorPopcount", "balanced_sum"]


def balanced_sum(values):
    """Sum of Amaranth values as a tree of two-input adders."""
    values = list(values)
    while len(values) > 1:
        pairs = [a + b for a, b in zip(values[::2], values[1::2], strict=False)]
        values = pairs + values[len(pairs) * 2 :]
    return values[0]


class XnorPopcount(wiring.Component):
    """count = popcount(~(weights ^ activations)) - lanes/2, or 0 where `valid` is low.

    Twice the count is the inner product of the lanes read as -1/+1. Source: XNOR-Net (Rastegari et al., 2016),
    section 3.2; the centring makes a masked tap worth exactly 0.

    Parameters
    ----------
    lanes : S, even

    Attributes
    ----------
    latency : cycles from `weights`, `activations`, `valid` to `count`
    """

    latency = 1

    def __init__(self, lanes: int):
        if lanes < 2 or lanes % 2:
            raise ValueError(f"lanes is an even number, not {lanes}")
        self.lanes = lanes
        super().__init__(
            {
                "weights": In(lanes),
                "activations": In(lanes),
                "valid": In(1),
                "count": Out(signed((lanes // 2).bit_length() + 1)),
            }
        )

    def compute(self, weights: int, activations: int, valid: bool = True) -> int:
        """What `count` is one cycle after these inputs."""
        same = ~(weights ^ activations) & ((1 << self.lanes) - 1)
        return same.bit_count() - self.lanes // 2 if valid else 0

    def elaborate(self, platform) -> Elaboratable:
        m = Module()
        same = Signal(self.lanes)
        ones = Signal(range(self.lanes + 1))
        m.d.comb += same.eq(~(self.weights ^ self.activations))
        m.d.comb += ones.eq(balanced_sum(same[i] for i in range(self.lanes)))
        m.d.sync += self.count.eq(0)
        with m.If(self.valid):
            m.d.sync += self.count.eq(ones - self.lanes // 2)
        return m
