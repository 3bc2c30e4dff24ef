"""The writer: the codes of a group go back to activation memory, turn by turn and plane by plane."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.plan import Plan
from .buffers import write_signature
from .fields import held_field
from .raster import Raster

__all__ = ["Writer"]


class Writer(wiring.Component):
    """Writes, for each turn of a group's pixels (`CompiledStage.turns`: one, or two in cells side by side), n planes of
    max(1, P/S) words each, one of each pixel a cycle, the first one cycle after `done`. Lanes beyond the map's last
    pixel are left out, in a packed stage those beyond the row's.

    Where P < S a tile fills one column of a word; the last tile also clears the columns beyond it, since lanes
    without a channel have to read 0.

    Members
    -------
    capture, stage, window_last, tile_last, column, word : In, where the group goes, known at its capture
    codes, done : In, from the `ThresholdUnit`
    writes : Out, to the `ActivationMemory`
    written_stage : Out, the stage that is being written
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        shape = plan.shape
        self.columns = max(1, shape.s // shape.p)
        super().__init__(
            {
                "capture": In(1),
                "stage": In(range(max(2, len(plan.stages)))),
                "window_last": In(1),
                "tile_last": In(1),
                "column": In(range(max(2, self.columns))),
                "word": In(plan.address_bits),
                "codes": In(data.ArrayLayout(data.ArrayLayout(plan.code_bits, shape.q), shape.p)),
                "done": In(1),
                "writes": Out(write_signature(shape.q, shape.s, self.columns, plan.address_bits)).array(plan.writes),
                "written_stage": Out(range(max(2, len(plan.stages)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, shape = self.plan, self.plan.shape
        targets = [s.target for s in plan.stages]
        if not any(targets):  # a network of one stage writes nothing
            return m
        m.submodules.raster = raster = Raster(targets, plan.address_bits, plan.writes > 1)
        parts = max(1, shape.p // shape.s)
        stage, column, word, tile_last = (
            Signal.like(self.stage), Signal.like(self.column), Signal.like(self.word), Signal(),
        )  # fmt: skip
        taken = Signal()
        m.d.comb += [taken.eq(self.capture & self.window_last), raster.map.eq(self.stage), raster.select.eq(taken)]
        with m.If(taken):
            m.d.sync += [stage.eq(self.stage), column.eq(self.column), word.eq(self.word)]
            m.d.sync += tile_last.eq(self.tile_last)
        tables = {
            "base": [t.base if t else 0 for t in targets],
            "plane_words": [t.plane_words if t else 0 for t in targets],
            "last_plane": [max(1, s.compiled.stage.code_bits) - 1 for s in plan.stages],
            "by_row": [s.compiled.packed for s in plan.stages],
            "last_lane": [s.compiled.turns[-1][0] for s in plan.stages],
            "paired": [s.compiled.apart > 0 for s in plan.stages],
        }
        base, plane_words, last_plane, by_row, last_lane, paired = (
            held_field(m, taken, self.stage, values, name) for name, values in tables.items()
        )

        pixels = [Cat(self.codes[p][q] for p in range(shape.p)) for q in range(shape.q)]
        lane = Signal(range(shape.q + 1))
        pixel = Signal(len(pixels[0]))
        m.d.comb += pixel.eq(Array(pixels)[lane])
        following, pair, turn = lane + 1, 0, [(raster.bank, raster.address, 1, pixel)]
        if plan.writes > 1:
            following, pair, pair_pixel = self._pair(m, lane, paired, pixels)
            m.d.comb += raster.pair.eq(pair)
            turn.append((raster.pair_bank, raster.pair_address, pair & raster.pair_inside, pair_pixel))

        more, going = Signal(), Signal()  # there are words after the first; one goes out
        part, plane = Signal(range(max(2, parts))), Signal(range(plan.code_bits + 1))
        beyond = Signal()  # there is no pixel left for the group
        plane_offset = Signal(plan.address_bits)
        m.d.comb += going.eq(self.done | more)
        with m.If(going):
            m.d.sync += [more.eq(1), part.eq(part + 1)]
            with m.If(part == parts - 1):
                m.d.sync += [part.eq(0), plane.eq(plane + 1), plane_offset.eq(plane_offset + plane_words)]
                with m.If(plane == last_plane):
                    m.d.sync += [plane.eq(0), plane_offset.eq(0), lane.eq(following)]
                    m.d.comb += raster.advance.eq(~beyond)
                    with m.If(raster.last | raster.row_last & by_row):
                        m.d.sync += beyond.eq(1)
                    with m.If(lane == last_lane):
                        m.d.sync += [lane.eq(0), more.eq(0), beyond.eq(0)]

        # The memory's port is behind registers.
        m.d.sync += self.written_stage.eq(stage)
        for write, (bank, address, there, pixel) in zip(self.writes, turn, strict=True):
            m.d.sync += [
                write.enable.eq(going & ~beyond & there),
                write.bank.eq(bank),
                write.address.eq(base + address + plane_offset + word + part),
            ]
            for c in range(self.columns):
                m.d.sync += write.columns[c].eq((column == c) | (tile_last & (column < c)))
            bits = Signal(shape.p)
            planes = [Cat(pixel[p * plan.code_bits + k] for p in range(shape.p)) for k in range(plan.code_bits)]
            m.d.comb += bits.eq(Array(planes)[plane])
            if self.columns == 1:
                m.d.sync += write.data.eq(bits if parts == 1 else bits.word_select(part, shape.s))
            else:
                m.d.sync += write.data.eq(Cat(Mux(column == c, bits, 0)[: shape.p] for c in range(self.columns)))
        return m

    def _pair(self, m, lane, paired, pixels):
        """In a stage that is paired: the first lane of the next turn, whether this turn has two, and the codes of the
        other one."""
        turns = self.plan.stages[0].compiled.turns
        following, pair, pixel = Signal.like(lane), Signal(), Signal(len(pixels[0]))
        m.d.comb += [following.eq(lane + 1), pixel.eq(pixels[turns[0][-1]])]
        with m.If(paired):
            with m.Switch(lane):
                for (first, *others), (after, *_) in zip(turns, [*turns[1:], turns[0]], strict=True):
                    with m.Case(first):
                        m.d.comb += following.eq(after)
                        m.d.comb += [pair.eq(1), pixel.eq(pixels[others[0]])] if others else []
        return following, pair, pixel
