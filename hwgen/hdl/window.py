"""The packer: a first layer's whole window side by side in the S lanes, plane after plane.

A 3-channel 8-bit image would fill 3 of S lanes for each of its k*k taps. Here the taps' pixels are gathered word by
word (as YodaNN's image bank does), and the array takes ceil(k*k*C / S) words per plane instead of k*k.
"""

from amaranth import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan import pipeline
from ..plan.plan import Plan
from .step import step_layout

__all__ = ["Packer"]


class Packer(wiring.Component):
    """Gathers pixel words into a window and plays the window back as bit planes, most significant first.

    While one window is played, the next is gathered. The first word is played `latency` cycles after the step that
    gathers the last; the schedule keeps windows at least planes * words cycles apart.

    Parameters
    ----------
    plan : its first stage is packed

    Members
    -------
    words, control, packed : In, from the `Reader`; only packed steps are looked at
    window : Out, a word of S lanes per pixel lane
    playing : Out, `window` and `played` are a step for the array
    played : Out, its control word
    """

    latency = pipeline.PACK

    def __init__(self, plan: Plan):
        self.plan = plan
        self.compiled = plan.stages[0].compiled
        s, q = plan.shape.s, plan.shape.q
        super().__init__(
            {
                "words": In(data.ArrayLayout(s, q)),
                "control": In(step_layout(plan.planes)),
                "packed": In(1),
                "window": Out(data.ArrayLayout(s, q)),
                "playing": Out(1),
                "played": Out(step_layout(plan.planes)),
            }
        )

    def compute(self, pixel_words: list[int]) -> list[int]:
        """The words that are played for the pixel words of one window, in order."""
        compiled, lanes = self.compiled, self.plan.shape.s
        bits = compiled.planes
        codes = [(pixel_words[word] >> slot * bits) & ((1 << bits) - 1) for word, slot in self._slots()]
        planes = [sum((code >> k & 1) << i for i, code in enumerate(codes)) for k in reversed(range(bits))]
        return [plane >> (w * lanes) & ((1 << lanes) - 1) for plane in planes for w in range(compiled.array_words)]

    def _slots(self):
        """(gathered word, slot in it) of each lane: tap by tap, channel by channel."""
        compiled, channels = self.compiled, self.compiled.stage.weights.shape[2]
        per_word = self.plan.shape.s // compiled.planes
        return [
            (tap * compiled.words + channel // per_word, channel % per_word)
            for tap in range(len(compiled.taps))
            for channel in range(channels)
        ]

    def elaborate(self, platform):
        m = Module()
        compiled, s, q = self.compiled, self.plan.shape.s, self.plan.shape.q
        bits, words = compiled.planes, compiled.array_words
        gathered_words = len(compiled.taps) * compiled.words
        gathering = Signal()
        complete = Signal()
        m.d.comb += gathering.eq(self.control.step & self.packed)
        m.d.sync += complete.eq(gathering & self.control.last)

        # What the window's first step said of tile and frame holds for the window's first word.
        opening = Signal.like(self.control)
        with m.If(gathering & self.control.first):
            m.d.sync += opening.eq(self.control)

        plane, word = Signal(range(bits)), Signal(range(max(2, words)))
        first = Signal()
        tile, frame = Signal(), Signal()
        with m.If(self.playing):
            m.d.sync += [first.eq(0), word.eq(word + 1)]
            with m.If(word == words - 1):
                m.d.sync += [word.eq(0), plane.eq(plane - 1)]
                with m.If(plane == 0):
                    m.d.sync += self.playing.eq(0)
        with m.If(complete):
            m.d.sync += [self.playing.eq(1), first.eq(1), plane.eq(bits - 1), word.eq(0)]
            m.d.sync += [tile.eq(opening.tile), frame.eq(opening.frame)]
        m.d.comb += [
            self.played.step.eq(self.playing),
            self.played.first.eq(first),
            self.played.plane.eq((word == 0) & ~first),
            self.played.last.eq((word == words - 1) & (plane == 0)),
            self.played.tile.eq(first & tile),
            self.played.frame.eq(first & frame),
            self.played.index.eq(plane),
        ]

        lanes = [(index * s + slot * bits) for index, slot in self._slots()]
        for lane in range(q):
            gathered = Signal(gathered_words * s, name=f"gathered_{lane}")
            window = Signal(len(lanes) * bits, name=f"window_{lane}")
            with m.If(gathering):
                m.d.sync += gathered.eq(Cat(gathered[s:], self.words[lane]))
            with m.If(complete):
                m.d.sync += window.eq(Cat(gathered[at : at + bits] for at in lanes))
            shown = Signal(words * s, name=f"plane_{lane}")
            with m.Switch(plane):
                for k in range(bits):
                    with m.Case(k):
                        m.d.comb += shown.eq(Cat(window[i * bits + k] for i in range(len(lanes))))
            chosen = shown if words == 1 else shown.word_select(word, s)
            m.d.comb += self.window[lane].eq(chosen)
        return m
