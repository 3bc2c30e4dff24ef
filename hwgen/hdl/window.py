"""The packer: a first layer's whole window side by side in the S lanes, plane after plane.

A 3-channel 8-bit image would fill 3 of S lanes for each of its k*k taps. Here the pixels of Q neighbouring windows are
kept in registers (as YodaNN's image bank does), and the array takes ceil(k*k*C / S) words per plane instead of k*k.
`hwgen.plan.gathering` says which pixels those are.
"""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan import pipeline
from ..plan.plan import Plan
from .step import step_layout

__all__ = ["Packer"]


class Packer(wiring.Component):
    """Keeps a region of pixels, moves it along the row, and plays windows back as bit planes, most significant first.

    Loads go into one copy of the region while the windows of another are played: after a load that completes a group,
    one window of every lane for each position of the pooling window, `pace` cycles from one to the next. The first
    word is played `latency` cycles after the step that completes the group; the schedule keeps groups as far apart as
    playing them takes.

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

    def compute(self, pixels: dict[tuple[int, int], list[int]], window: tuple[int, int]) -> list[int]:
        """The words that are played for an output at a position of its pooling window, in order.

        `pixels` has the words of the pixel at (number of the region's row, column of the output's part of it).
        """
        compiled, lanes = self.compiled, self.plan.shape.s
        bits, per_word = compiled.planes, self.plan.shape.s // compiled.planes
        codes = []
        for tap in compiled.stage.taps:
            words = pixels[compiled.gathering.place(compiled.stage, window, tap)]
            for channel in range(compiled.stage.weights.shape[2]):
                word, slot = divmod(channel, per_word)
                codes.append(words[word] >> slot * bits & ((1 << bits) - 1))
        planes = [sum((code >> k & 1) << i for i, code in enumerate(codes)) for k in reversed(range(bits))]
        if compiled.left:
            half = compiled.passes
            planes = [high | low << compiled.left for high, low in zip(planes[:half], planes[half:], strict=True)]
        return [plane >> (w * lanes) & ((1 << lanes) - 1) for plane in planes for w in range(compiled.array_words)]

    def elaborate(self, platform):
        m = Module()
        gathering = Signal()
        m.d.comb += gathering.eq(self.control.step & self.packed)
        complete = Signal()  # the region stands for the group's windows
        m.d.sync += complete.eq(gathering & self.control.last)
        region = self._load(m, gathering)
        self._play(m, gathering, complete, region)
        return m

    def _load(self, m, gathering):
        """The region, {(row, column): codes of the pixel's channels}, which moves on after every load."""
        compiled, gather = self.compiled, self.compiled.gathering
        bits, per_word, words = compiled.planes, self.plan.shape.s // compiled.planes, compiled.words
        channels = compiled.stage.weights.shape[2]
        step = Signal(range(max(2, len(gather.entries) * words)))
        moves = Signal()
        with m.If(gathering):
            m.d.sync += step.eq(step + 1)
            with m.If(step == len(gather.entries) * words - 1):
                m.d.sync += step.eq(0)
        m.d.sync += moves.eq(gathering & (step == len(gather.entries) * words - 1))
        region = {
            (row, column): Signal(channels * bits, name=f"pixel_{row}_{column}", reset_less=True)
            for row in range(len(gather.rows))
            for column in range(gather.columns)
        }
        distance = gather.step * gather.outputs
        for (row, column), pixel in region.items():
            if column + distance < gather.columns:
                with m.If(moves):
                    m.d.sync += pixel.eq(region[row, column + distance])
        for number, (row, column) in enumerate(gather.entries):
            for word in range(words):
                first, last = word * per_word * bits, min(channels, (word + 1) * per_word) * bits
                with m.If(gathering & (step == number * words + word)):
                    for lane in range(gather.outputs):
                        target = region[row, column + lane * gather.step]
                        m.d.sync += target[first:last].eq(self.words[lane])
        return region

    def _play(self, m, gathering, complete, region):
        compiled, s = self.compiled, self.plan.shape.s
        passes, words = compiled.passes, compiled.array_words
        pace, positions = self.plan.stages[0].timing.pace, len(compiled.stage.window)
        held = {
            place: Signal.like(pixel, name=f"held_{i}", reset_less=True)
            for i, (place, pixel) in enumerate(region.items())
        }
        plane, word = Signal(range(max(2, passes))), Signal(range(max(2, words)))
        position = Signal(range(positions), init=positions - 1)
        wait = Signal(range(max(2, pace)))  # `wait`: until the next position
        first, tile, frame = Signal(), Signal(), Signal()
        starts, goes_on = Signal(), Signal()
        m.d.comb += [
            goes_on.eq((wait == 0) & (position < positions - 1)),
            starts.eq(complete | goes_on),
        ]
        m.d.sync += wait.eq(Mux(starts, pace - 1, Mux(wait == 0, 0, wait - 1)))
        with m.If(self.playing):
            m.d.sync += [first.eq(0), tile.eq(0), frame.eq(0), word.eq(word + 1)]
            with m.If(word == words - 1):
                m.d.sync += [word.eq(0), plane.eq(plane - 1)]
                with m.If(plane == 0):
                    m.d.sync += self.playing.eq(0)
        with m.If(starts):
            m.d.sync += [self.playing.eq(1), first.eq(1), plane.eq(passes - 1), word.eq(0), position.eq(position + 1)]

        # What the first step of a tile said holds for the first word that is played of it.
        new_tile, new_frame = Signal(), Signal()
        with m.If(complete):
            m.d.sync += [position.eq(0), tile.eq(new_tile), frame.eq(new_frame), new_tile.eq(0), new_frame.eq(0)]
            m.d.sync += [kept.eq(region[place]) for place, kept in held.items()]
        with m.If(gathering & self.control.tile):
            m.d.sync += [new_tile.eq(1), new_frame.eq(self.control.frame)]
        m.d.comb += [
            self.played.step.eq(self.playing),
            self.played.first.eq(first),
            self.played.plane.eq((word == 0) & ~first),
            self.played.last.eq((word == words - 1) & (plane == 0)),
            self.played.tile.eq(first & tile),
            self.played.frame.eq(first & frame),
            self.played.split.eq(1 if compiled.left else 0),
            self.played.index.eq(plane),
        ]
        self._show(m, held, plane, word, position, s)

    def _show(self, m, held, plane, word, position, s):
        """This plane of the taps of every lane's output at this position of the pooling window; of each half of the
        planes one, where the left lanes read the upper half."""
        compiled, gather = self.compiled, self.compiled.gathering
        bits, passes, channels = compiled.planes, compiled.passes, compiled.stage.weights.shape[2]
        halves = range(bits // passes)
        shown = {}
        for i, (place, pixel) in enumerate(held.items()):
            planes = [Cat(pixel[channel * bits + k] for channel in range(channels)) for k in range(bits)]
            for half in halves:
                shown[half, *place] = Signal(channels, name=f"shown_{half}_{i}")
                m.d.comb += shown[half, *place].eq(Array(planes[half * passes : (half + 1) * passes])[plane])
        for lane in range(gather.outputs):
            taps = [[] for _ in halves]
            for tap in compiled.stage.taps:
                places = [gather.place(compiled.stage, window, tap) for window in compiled.stage.window]
                for half in halves:
                    pixels = Array(shown[half, row, column + lane * gather.step] for row, column in places)
                    taps[half].append(pixels[position])
            window = Signal(compiled.array_words * s, name=f"window_{lane}")
            if compiled.left:
                m.d.comb += [window.eq(Cat(*taps[0]) << compiled.left), window[: compiled.left].eq(Cat(*taps[1]))]
            else:
                m.d.comb += window.eq(Cat(*taps[0]))
            m.d.comb += self.window[lane].eq(window.word_select(word, s) if compiled.array_words > 1 else window)
