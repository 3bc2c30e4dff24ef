"""The array: P output channels x Q pixels of processing elements over S lanes."""

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.style import Style
from .pe import processing_element
from .repeated import Repeated
from .step import step_layout

__all__ = ["Array"]


class Array(wiring.Component):
    """P*Q processing elements that share weights along Q, activations along P, and one control.

    Weights, activations, `valid` and `control` of one step stand in the same cycle. A capture follows
    `latency` cycles after a step with `last`: `capture` is high and `accumulators` and `pool_minimum` are those of
    the group that ended.

    Parameters
    ----------
    p, s, q : output channels, lanes, pixels
    bits : accumulator width
    planes : most bit planes of any stage
    pools_minimum : whether channels may pool by minimum
    style : cells and pipeline
    shift : as in `XnorPopcount`

    Members
    -------
    start, low, minimum : In, the parameters of every channel (see `ParameterLoader`), which change at `swap`
    swap : Out, high in the cycle whose edge has to bring the next tile's parameters
    """

    def __init__(
        self, p: int, s: int, q: int, bits: int, planes: int, pools_minimum: bool, style: Style, shift: int = 0
    ):
        self.p, self.s, self.q = p, s, q
        self.bits, self.planes, self.pools_minimum, self.shift = bits, planes, pools_minimum, shift
        self.style, self.latency = style, style.latency(s)
        super().__init__(
            {
                "weights": In(p * s),
                "activations": In(data.ArrayLayout(s, q)),
                "valid": In(q),
                "control": In(step_layout(planes)),
                "start": In(data.ArrayLayout(signed(bits), p)),
                "low": In(data.ArrayLayout(max(1, planes - 1), p)),
                "minimum": In(p),
                "swap": Out(1),
                "capture": Out(1),
                "accumulators": Out(data.ArrayLayout(data.ArrayLayout(signed(bits), q), p)),
                "pool_minimum": Out(p),
            }
        )

    def elaborate(self, platform):
        m = Module()

        def make():
            return processing_element(self.s, self.bits, self.planes > 1, self.style, self.shift)

        elements = Repeated(platform, "processing_element", make)
        popcount = elements.first.popcount
        assert self.latency == self.style.input_registers + popcount.latency + 1

        control = self._delayed(m, "control", self.control, self.latency - 1, reset_less=False)
        m.d.sync += self.capture.eq(control[-1].step & control[-1].last)
        m.d.comb += self.swap.eq(control[-2].step & control[-2].tile)
        if self.pools_minimum:
            # The next tile's parameters may arrive before this tile's last group is captured.
            with m.If(control[-1].step & control[-1].first):
                m.d.sync += self.pool_minimum.eq(self.minimum)
        low = Signal(self.p)
        if self.planes > 1:
            for p in range(self.p):
                m.d.comb += low[p].eq(self.low[p].bit_select(control[-1].index, 1))

        weights = [
            self._skewed(m, f"weights_{p}", self.weights.word_select(p, self.s), popcount) for p in range(self.p)
        ]
        words = [~word if self.style.cells == "ecp5" else word for word in self.activations]
        activations = [self._skewed(m, f"activations_{q}", word, popcount) for q, word in enumerate(words)]
        valid = self._delayed(m, "valid", self.valid, self.style.input_registers + popcount.latency - 1)[-1]
        for p in range(self.p):
            for q in range(self.q):
                pe = elements.place(m, f"pe_{p}_{q}")
                m.d.comb += [
                    pe.weights.eq(weights[p]),
                    pe.activations.eq(activations[q]),
                    pe.split.eq(control[self.style.input_registers + popcount.split_skew].split),
                    pe.valid.eq(valid[q]),
                    pe.start.eq(self.start[p]),
                    pe.low.eq(low[p]),
                    pe.step.eq(control[-1].step),
                    pe.first.eq(control[-1].first),
                    pe.plane.eq(control[-1].plane),
                    self.accumulators[p][q].eq(pe.accumulator),
                ]
        return m

    def _delayed(self, m, name, value, cycles, *, reset_less=True):
        """`value` as it was 0 .. `cycles` cycles before; without a reset where the control says whether it counts."""
        values = [value]
        for i in range(cycles):
            later = Signal(value.shape(), name=f"{name}_{i + 1}", reset_less=reset_less)
            m.d.sync += later.eq(values[-1])
            values.append(later)
        return values

    def _skewed(self, m, name, word, popcount):
        """A word of S lanes behind the input registers, and each lane by its skew."""
        first = self.style.input_registers
        values = self._delayed(m, name, word, first + max(popcount.skew))
        return Cat(values[first + skew][lane] for lane, skew in enumerate(popcount.skew))
