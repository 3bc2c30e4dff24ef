"""The processing element: one output channel at one pixel."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .popcount import XnorPopcount

__all__ = ["ProcessingElement"]


class ProcessingElement(wiring.Component):
    """Accumulates centred popcounts, plane by plane (Horner's rule), from a start value.

    In a cycle with `step`, `count` being the popcount of the inputs one cycle before:
    ``accumulator = (start if first else 2*accumulator + low if plane else accumulator) + count``.
    The start value is minus the threshold, so the sign of the last accumulator is the activation (YodaNN and FINN
    compare instead). `accumulator` shows the new value one cycle after `step`.

    Parameters
    ----------
    lanes : S
    bits : accumulator width; the planner proves that no sum overflows it
    planes : whether activations of more than one plane occur (else `plane` and `low` are ignored)
    """

    latency = XnorPopcount.latency + 1

    def __init__(self, lanes: int, bits: int, planes: bool):
        self.lanes = lanes
        self.bits = bits
        self.planes = planes
        super().__init__(
            {
                "weights": In(lanes),
                "activations": In(lanes),
                "valid": In(1),
                "start": In(signed(bits)),
                "low": In(1),
                "step": In(1),
                "first": In(1),
                "plane": In(1),
                "accumulator": Out(signed(bits)),
            }
        )

    def compute(self, start: int, planes, low: int = 0) -> int:
        """Final accumulator for `planes`: a list, most significant first, of lists of (weights, activations, valid).

        Bit k of `low` goes in before plane k.
        """
        popcount = XnorPopcount(self.lanes)
        accumulator = start
        for k, steps in zip(reversed(range(len(planes))), planes, strict=True):
            if k < len(planes) - 1:
                accumulator = 2 * accumulator + (low >> k & 1)
            accumulator += sum(popcount.compute(*step) for step in steps)
        return accumulator

    def elaborate(self, platform):
        m = Module()
        m.submodules.popcount = popcount = XnorPopcount(self.lanes)
        m.d.comb += [
            popcount.weights.eq(self.weights),
            popcount.activations.eq(self.activations),
            popcount.valid.eq(self.valid),
        ]
        carried = Signal(signed(self.bits))
        m.d.comb += carried.eq(self.accumulator)
        if self.planes:
            with m.If(self.plane):
                m.d.comb += carried.eq(Cat(self.low, self.accumulator[:-1]))
        base = Signal(signed(self.bits))
        m.d.comb += base.eq(Mux(self.first, self.start, carried))
        with m.If(self.step):
            m.d.sync += self.accumulator.eq(base + popcount.count)
        return m
