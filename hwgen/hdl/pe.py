"""The processing element: one output channel at one pixel."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..plan.style import Style
from .ecp5 import CarryChain
from .gowin import AluChain
from .ice40 import LogicChain
from .popcount import AluXnorPopcount, CarryXnorPopcount, LogicXnorPopcount, XnorPopcount
from .popcount_model import ModelXnorPopcount

__all__ = [
    "AluProcessingElement",
    "CarryProcessingElement",
    "LogicProcessingElement",
    "ModelProcessingElement",
    "ProcessingElement",
    "processing_element",
]


class ProcessingElement(wiring.Component):
    """Accumulates centred popcounts, plane by plane (Horner's rule), from a start value.

    In a cycle with `step`, `count` being the popcount of the lanes that were there `latency` - 1 cycles before:
    ``accumulator = (start if first else 2*accumulator + low if plane else accumulator) + count``.
    The start value is minus the threshold, so the sign of the last accumulator is the activation (YodaNN and FINN
    compare instead). `accumulator` shows the new value one cycle after `step`.

    Parameters
    ----------
    lanes : S
    bits : accumulator width; the planner proves that no sum overflows it
    planes : whether activations of more than one plane occur (else `plane` and `low` are ignored)
    style : cells (those of the class) and pipeline
    shift : as in `XnorPopcount`

    Members
    -------
    weights, activations, split, valid : In, as `XnorPopcount` takes them
    start, low, step, first, plane : In
    accumulator : Out
    """

    popcount_kind: type[XnorPopcount] = XnorPopcount

    def __init__(self, lanes: int, bits: int, planes: bool, style: Style, shift: int = 0):
        self.lanes = lanes
        self.bits = bits
        self.planes = planes
        self.popcount = self.popcount_kind(lanes, style, shift)
        self.latency = self.popcount.latency + 1
        super().__init__(
            {
                "weights": In(lanes),
                "activations": In(lanes),
                "split": In(1),
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
        """Final accumulator for `planes`: a list, most significant first, of lists of what the popcount's
        `compute` takes.

        Bit k of `low` goes in before plane k.
        """
        accumulator = start
        for k, steps in zip(reversed(range(len(planes))), planes, strict=True):
            if k < len(planes) - 1:
                accumulator = 2 * accumulator + (low >> k & 1)
            accumulator += sum(self.popcount.compute(*step) for step in steps)
        return accumulator

    def elaborate(self, platform):
        m = Module()
        m.submodules.popcount = popcount = self.popcount
        m.d.comb += [
            popcount.weights.eq(self.weights),
            popcount.activations.eq(self.activations),
            popcount.split.eq(self.split),
            popcount.valid.eq(self.valid),
        ]
        accumulator = Signal(signed(self.bits), reset_less=True)  # `first` sets it
        carried = Signal(signed(self.bits))
        m.d.comb += [self.accumulator.eq(accumulator), carried.eq(accumulator)]
        if self.planes:
            with m.If(self.plane):
                m.d.comb += carried.eq(Cat(self.low, accumulator[:-1]))
        total = self._total(m, carried)
        with m.If(self.step):
            m.d.sync += accumulator.eq(total)
        return m

    def _base(self, m, carried):
        base = Signal(signed(self.bits))
        m.d.comb += base.eq(Mux(self.first, self.start, carried))
        return base

    def _total(self, m, carried):
        return self._base(m, carried) + self.popcount.count


class CarryProcessingElement(ProcessingElement):
    """`ProcessingElement` in ECP5's carry cells: half a cell a bit adds the count to the accumulator, or to the start.

    Its LUT4 holds P = (accumulator ^ count) or, in the first step, (start ^ count); G is the count in either case,
    because where P is 0 both operands are alike. `first` comes in inverted: for D = C = 0 LUT4 and LUT2 are one table.
    """

    popcount_kind = CarryXnorPopcount

    def _total(self, m, carried):
        later = Signal()
        m.d.comb += later.eq(~self.first)
        chain = CarryChain("total")
        chain.inject(self.popcount.carry)
        count = [*self.popcount.count]
        count += [count[-1]] * (self.bits - len(count))
        total = [chain.half(0x663C, carried[i], count[i], self.start[i], later) for i in range(self.bits)]
        chain.close(m)
        return Cat(*total)


class LogicProcessingElement(ProcessingElement):
    """`ProcessingElement` in iCE40's logic cells: the last lane is the carry into the accumulator's adder."""

    popcount_kind = LogicXnorPopcount
    chain_kind = LogicChain

    def _total(self, m, carried):
        base, chain = self._base(m, carried), self.chain_kind("total")
        chain.inject(self.popcount.carry)
        count = [*self.popcount.count]
        count += [count[-1]] * (self.bits - len(count))
        total = [chain.add(*bits) for bits in zip(base, count, strict=True)]
        chain.close(m)
        return Cat(*total)


class AluProcessingElement(LogicProcessingElement):
    """`ProcessingElement` in Gowin's ALUs: here too the last lane is the carry into the accumulator's adder."""

    popcount_kind = AluXnorPopcount
    chain_kind = AluChain


KINDS = {
    "generic": ProcessingElement,
    "ice40": LogicProcessingElement,
    "ecp5": CarryProcessingElement,
    "gowin": AluProcessingElement,
}


class ModelProcessingElement(ProcessingElement):
    """`ProcessingElement` of any style, for simulators: cycle by cycle the same, in a few operations on words."""

    popcount_kind = ModelXnorPopcount


def processing_element(
    lanes: int, bits: int, planes: bool, style: Style, shift: int = 0, model: bool = False
) -> ProcessingElement:
    """The processing element of a style, or its model."""
    kind = ModelProcessingElement if model else KINDS[style.cells]
    return kind(lanes, bits, planes, style, shift)
