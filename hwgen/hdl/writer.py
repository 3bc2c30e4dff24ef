"""The writer: the codes of a group go back to activation memory, turn by turn and plane by plane."""

from itertools import pairwise

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.layout import ceil_div
from ..plan.plan import Plan
from .buffers import write_signature
from .fields import held_field
from .raster import Raster
from .repeated import copies

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

        more, going = Signal(), Signal()  # there are words after the first; one goes out
        part = Signal(range(max(2, parts)))
        # Which lane's codes and which plane of them: with what it will be, for the copies.
        chosen = data.StructLayout({"lane": range(shape.q), "plane": range(plan.code_bits)})
        choice, next_choice = Signal(chosen), Signal(chosen)
        lane, plane, next_lane, next_plane = choice.lane, choice.plane, next_choice.lane, next_choice.plane
        following, pair = Signal.like(lane), Signal()
        self._go_on(m, lane, paired, following, pair)
        beyond = Signal()  # there is no pixel left for the group
        plane_offset = Signal(plan.address_bits)
        m.d.comb += [going.eq(self.done | more), next_choice.eq(choice)]
        m.d.sync += choice.eq(next_choice)
        with m.If(going):
            m.d.sync += [more.eq(1), part.eq(part + 1)]
            with m.If(part == parts - 1):
                m.d.sync += [part.eq(0), plane_offset.eq(plane_offset + plane_words)]
                m.d.comb += next_plane.eq(plane + 1)
                with m.If(plane == last_plane):
                    m.d.sync += plane_offset.eq(0)
                    m.d.comb += [next_plane.eq(0), next_lane.eq(following), raster.advance.eq(~beyond)]
                    with m.If(raster.last | raster.row_last & by_row):
                        m.d.sync += beyond.eq(1)
                    with m.If(lane == last_lane):
                        m.d.sync += [more.eq(0), beyond.eq(0)]
                        m.d.comb += next_lane.eq(0)

        choices = [choice] * (plan.style.copies(shape.p) if len(choice.as_value()) else 1)
        if len(choices) > 1:
            choices = [chosen(copy) for copy in copies(m, platform, "choice", [next_choice.as_value()] * len(choices))]
        turn = [(raster.bank, raster.address, 1, self._bits(choices))]
        if plan.writes > 1:
            m.d.comb += raster.pair.eq(pair)
            bits = self._bits(choices, paired=True)
            turn.append((raster.pair_bank, raster.pair_address, pair & raster.pair_inside, bits))
        # The memory's port is behind registers; where it writes nothing, the rest does not count.
        m.d.sync += self.written_stage.eq(stage)
        for k, (write, (bank, address, there, bits)) in enumerate(zip(self.writes, turn, strict=True)):
            m.d.sync += write.enable.eq(going & ~beyond & there)
            columns = Cat((column == c) | (tile_last & (column < c)) for c in range(self.columns))
            if self.columns == 1:
                content = bits if parts == 1 else bits.word_select(part, shape.s)
            else:
                content = Cat(Mux(column == c, bits, 0)[: shape.p] for c in range(self.columns))
            values = {
                "bank": bank,
                "address": base + address + plane_offset + word + part,
                "columns": columns,
                "data": content,
            }
            for name, value in values.items():
                port = getattr(write, name)
                register = Signal.like(port, name=f"{name}_{k}", reset_less=True)
                m.d.sync += register.eq(value)
                m.d.comb += port.eq(register)
        return m

    def _go_on(self, m, lane, paired, following, pair):
        """The first lane of the next turn, and whether this turn has two."""
        m.d.comb += following.eq(lane + 1)
        turns = self.plan.stages[0].compiled.turns
        if self.plan.writes > 1:
            with m.If(paired), m.Switch(lane):
                for turn, after in pairwise(turns):
                    with m.Case(turn[0]):
                        m.d.comb += [following.eq(after[0]), pair.eq(len(turn) > 1)]
                with m.Case(turns[-1][0]):
                    m.d.comb += pair.eq(len(turns[-1]) > 1)

    def _bits(self, choices, paired=False):
        """The chosen plane of every channel's code, for as many of the channels each of the `choices`: of the chosen
        lane, or of the one that is paired with it."""
        shape = self.plan.shape
        lanes = list(range(shape.q))
        if paired:
            for first, *others in self.plan.stages[0].compiled.turns:
                lanes[first] = (others or lanes)[0]
        channels, bits = ceil_div(shape.p, len(choices)), []
        for p in range(shape.p):
            choice = choices[p // channels]
            code = Array(self.codes[p][lane] for lane in lanes)[choice.lane]
            bits.append(code.bit_select(choice.plane, 1))
        return Cat(*bits)
