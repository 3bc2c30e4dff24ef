"""The array: P output channels x Q pixels of processing elements over S lanes."""

from amaranth import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan import pipeline
from .pe import ProcessingElement
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

    Members
    -------
    start, low, minimum : In, the parameters of every channel (see `ParameterLoader`), which change at `swap`
    swap : Out, high in the cycle whose edge has to bring the next tile's parameters
    """

    latency = ProcessingElement.latency

    def __init__(self, p: int, s: int, q: int, bits: int, planes: int, pools_minimum: bool):
        assert self.latency == pipeline.CAPTURE - pipeline.ARRAY
        self.p, self.s, self.q = p, s, q
        self.bits, self.planes, self.pools_minimum = bits, planes, pools_minimum
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
        control = Signal.like(self.control)
        m.d.sync += control.eq(self.control)
        m.d.sync += self.capture.eq(control.step & control.last)
        m.d.comb += self.swap.eq(self.control.step & self.control.tile)
        if self.pools_minimum:
            # The next tile's parameters may arrive before this tile's last group is captured.
            with m.If(control.step & control.first):
                m.d.sync += self.pool_minimum.eq(self.minimum)
        low = Signal(self.p)
        if self.planes > 1:
            for p in range(self.p):
                m.d.comb += low[p].eq(self.low[p].bit_select(control.index, 1))
        for p in range(self.p):
            for q in range(self.q):
                m.submodules[f"pe_{p}_{q}"] = pe = ProcessingElement(self.s, self.bits, self.planes > 1)
                m.d.comb += [
                    pe.weights.eq(self.weights.word_select(p, self.s)),
                    pe.activations.eq(self.activations[q]),
                    pe.valid.eq(self.valid[q]),
                    pe.start.eq(self.start[p]),
                    pe.low.eq(low[p]),
                    pe.step.eq(control.step),
                    pe.first.eq(control.first),
                    pe.plane.eq(control.plane),
                    self.accumulators[p][q].eq(pe.accumulator),
                ]
        return m
