"""A processing element as it is built beside its model, given the same: what `hwgen.sim.elements` compares."""

from amaranth import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..plan.plan import Plan
from .delay import delayed, skewed
from .pe import processing_element
from .repeated import Repeated

__all__ = ["ElementPair"]


class ElementPair(wiring.Component):
    """A processing element of a plan's array, and its model.

    Attributes
    ----------
    noise_bits : of `noise`

    Members
    -------
    noise : In, random bits, of which what stands at both is made; over 64, so that harnesses need one type
    began : Out, a capture begins: from the next cycle on the accumulators have to be alike
    built, model : Out, the accumulators
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.lanes, self.bits = plan.shape.s, plan.accumulator_bits
        self.noise_bits = 2 * self.lanes + self.bits + 72
        super().__init__(
            {
                "noise": In(self.noise_bits),
                "began": Out(1),
                "built": Out(signed(self.bits)),
                "model": Out(signed(self.bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        drawn, noise = self.noise[:9], self.noise[9:]
        lanes = {"weights": noise[: self.lanes], "activations": noise[self.lanes : 2 * self.lanes]}
        # Steps are frequent, captures long enough to carry a sum over.
        control = {
            "step": drawn[:2].any(), "first": drawn[2:5].all(), "plane": drawn[5], "low": drawn[6],
            "start": noise[2 * self.lanes :][: self.bits],
        }  # fmt: skip
        split = drawn[7] if self.plan.split else Signal()
        for name in ("built", "model"):
            elements = Repeated(platform, f"processing_element_{name}", lambda name=name: self._element(name))
            element, popcount = elements.place(m, name), elements.first.popcount

            def later(key, value, cycles, name=name):
                return delayed(m, f"{name}_{key}", value, cycles)

            for key, value in lanes.items():
                m.d.comb += getattr(element, key).eq(skewed(later(key, value, max(popcount.skew)), popcount.skew))
            for key, value in control.items():
                m.d.comb += getattr(element, key).eq(later(key, value, popcount.latency)[-1])
            m.d.comb += [
                element.split.eq(later("split", split, popcount.split_skew)[-1]),
                element.valid.eq(later("valid", drawn[7:].any(), popcount.latency - 1)[-1]),
                getattr(self, name).eq(element.accumulator),
            ]
        m.d.comb += self.began.eq(element.step & element.first)
        return m

    def _element(self, name):
        plan = self.plan
        return processing_element(self.lanes, self.bits, plan.planes > 1, plan.style, plan.split, model=name == "model")
