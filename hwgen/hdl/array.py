"""The array: P output channels x Q pixels of processing elements over S lanes."""

from amaranth import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.layout import ceil_div
from ..plan.style import SPREAD, Style
from .delay import delayed, skewed
from .pe import processing_element
from .repeated import Repeated, copies
from .step import delayed_control, step_layout

__all__ = ["Array"]


class Array(wiring.Component):
    """P*Q processing elements that share weights along Q, activations along P, and one control.

    Activations, `valid` and `control` of one step stand in the same cycle, its weights `spread_registers` of the style
    later. A capture follows `latency` cycles after a step with `last`: `capture` is high and `accumulators` and
    `pool_minimum` are those of the group that ended.

    Parameters
    ----------
    p, s, q : output channels, lanes, pixels
    bits : accumulator width
    planes : most bit planes of any stage
    pools_minimum : whether channels may pool by minimum
    style : cells and pipeline
    shift : as in `XnorPopcount`
    masked : whether there are steps in which pixels do not count; else `valid` is not looked at

    Members
    -------
    start, low, minimum : In, the parameters of every channel (see `ParameterLoader`), which change at `swap`
    swap : Out, high in the cycle whose edge has to bring the next tile's parameters: the same signal as often as the
        style has `copies`
    """

    def __init__(
        self, p: int, s: int, q: int, bits: int, planes: int, pools_minimum: bool, style: Style, shift: int = 0,
        masked: bool = True,
    ):  # fmt: skip
        self.p, self.s, self.q = p, s, q
        self.bits, self.planes, self.pools_minimum, self.shift = bits, planes, pools_minimum, shift
        self.style, self.masked = style, masked
        self.latency = style.spread_registers + style.input_registers + style.element_latency(s)
        self.copies = style.copies(p)
        super().__init__(
            {
                "weights": In(p * s),
                "activations": In(data.ArrayLayout(s, q)),
                "valid": In(q),
                "control": In(step_layout(planes)),
                "start": In(data.ArrayLayout(signed(bits), p)),
                "low": In(data.ArrayLayout(max(1, planes - 1), p)),
                "minimum": In(p),
                "swap": Out(self.copies),
                "capture": Out(1),
                "accumulators": Out(data.ArrayLayout(data.ArrayLayout(signed(bits), q), p)),
                "pool_minimum": Out(p),
            }
        )

    def elaborate(self, platform):
        m = Module()
        model = getattr(platform, "models", False)

        def make():
            return processing_element(self.s, self.bits, self.planes > 1, self.style, self.shift, model)

        elements = Repeated(platform, "processing_element", make)
        popcount = elements.first.popcount
        first, spread = self.style.input_registers, self.style.spread_registers
        assert self.latency == spread + first + popcount.latency + 1

        channels = ceil_div(self.p, self.copies)
        controls = self._control(m, platform)
        # One pixel's copy is as good as another for what is there once, or once for each channel.
        self._follow(m, [pixels[0] for pixels in controls], channels)
        weights = [
            skewed(
                delayed(m, f"weights_{p}", self.weights.word_select(p, self.s), first + max(popcount.skew)),
                popcount.skew,
            )
            for p in range(self.p)
        ]
        activations = self._activations(m, platform, popcount)
        valid = delayed(m, "valid", self.valid, spread + first + popcount.latency - 1)[-1]
        for p in range(self.p):
            low = Signal(name=f"low_{p}", reset_less=True)
            if self.planes > 1:  # the tile's parameters are there since its first step, which has no use for it
                m.d.sync += low.eq(self.low[p].bit_select(controls[p // channels][0][-2].index, 1))
            for q in range(self.q):
                control = controls[p // channels][q]
                pe = elements.place(m, f"pe_{p}_{q}")
                m.d.comb += [
                    pe.weights.eq(weights[p]),
                    pe.activations.eq(activations[p // channels][q]),
                    pe.split.eq(control[first + popcount.split_skew].split),
                    pe.valid.eq(valid[q] if self.masked else 1),
                    pe.start.eq(self.start[p]),
                    pe.low.eq(low),
                    pe.step.eq(control[-1].step),
                    pe.first.eq(control[-1].first),
                    pe.plane.eq(control[-1].plane),
                    self.accumulators[p][q].eq(pe.accumulator),
                ]
        return m

    def _control(self, m, platform):
        """Control from when the weights are there to when the accumulators are, cycle by cycle: for every copy, for
        every pixel."""
        if not self.style.input_registers:
            return [[delayed_control(m, "control", self.control, self.latency - 1)] * self.q]
        # What the copies hold after a reset, and what those hold from which they come, does not count: they have none.
        stale = Signal(2, init=~0)
        m.d.sync += stale.eq(stale >> 1)
        layout, controls = self.control.shape(), []
        spread = self._spread(m, platform, "control", self.control.as_value())
        registers = iter(copies(m, platform, "control", [value for value in spread for _ in range(self.q)]))
        for i, value in enumerate(spread):
            controls.append([])
            for q in range(self.q):
                held, counted = next(registers), Signal(layout, name=f"counted_{i}_{q}")
                m.d.comb += [counted.eq(held), counted.step.eq(layout(held).step & ~stale[0])]
                later = delayed_control(m, f"control_{i}_{q}", counted, self.latency - 3)
                controls[-1].append([layout(value), *later])
        return controls

    def _spread(self, m, platform, name, value):
        """For every copy the register that it comes from."""
        registers = copies(m, platform, f"{name}_spread", [value] * ceil_div(self.copies, SPREAD))
        return [registers[i // SPREAD] for i in range(self.copies)]

    def _follow(self, m, controls, channels):
        """What the array tells of its steps: the exchange of parameters, the capture and how it pools."""
        m.d.sync += self.capture.eq(controls[0][-1].step & controls[0][-1].last)
        pool_minimum = Signal(self.p, reset_less=True)
        m.d.comb += self.pool_minimum.eq(pool_minimum)
        for i, control in enumerate(controls):
            m.d.comb += self.swap[i].eq(control[-2].step & control[-2].tile)
            if self.pools_minimum:
                # The next tile's parameters may arrive before this tile's last group is captured.
                minimum = slice(i * channels, min(self.p, (i + 1) * channels))
                with m.If(control[-1].step & control[-1].first):
                    m.d.sync += pool_minimum[minimum].eq(self.minimum[minimum])

    def _activations(self, m, platform, popcount):
        """The lanes of each pixel as the processing elements take them, for every copy."""
        words = [~word if self.style.cells == "ecp5" else word for word in self.activations]
        later = max(popcount.skew)
        if not self.style.input_registers:
            return [
                [skewed(delayed(m, f"activations_{q}", word, later), popcount.skew) for q, word in enumerate(words)]
            ]
        made = []
        for q, word in enumerate(words):
            spread = self._spread(m, platform, f"activations_{q}", word)
            made.append(copies(m, platform, f"activations_{q}", spread))
        return [
            [skewed(delayed(m, f"activations_{q}_{i}", held[i], later), popcount.skew) for q, held in enumerate(made)]
            for i in range(self.copies)
        ]
