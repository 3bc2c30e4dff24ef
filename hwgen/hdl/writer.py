"""The writer: the codes of a group go back to activation memory, pixel by pixel and plane by plane."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.plan import Plan
from .fields import held_field
from .raster import Raster

__all__ = ["Writer"]


class Writer(wiring.Component):
    """Writes, for each pixel of a group, n planes of max(1, P/S) words each, one a cycle, the first one cycle after
    `done`. Lanes beyond the map's last pixel are left out, in a packed stage those beyond the row's.

    Where P < S a tile fills one column of a word; the last tile also clears the columns beyond it, since lanes
    without a channel have to read 0.

    Members
    -------
    capture, stage, window_last, tile_last, column, word : In, where the group goes, known at its capture
    codes, done : In, from the `ThresholdUnit`
    write, bank, address, columns, data : Out, to the `ActivationMemory`
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
                "write": Out(1),
                "bank": Out(range(max(2, shape.q))),
                "address": Out(plan.address_bits),
                "write_columns": Out(self.columns),
                "data": Out(shape.s),
                "written_stage": Out(range(max(2, len(plan.stages)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, shape = self.plan, self.plan.shape
        targets = [s.target for s in plan.stages]
        if not any(targets):  # a network of one stage writes nothing
            return m
        m.submodules.raster = raster = Raster(targets, plan.address_bits)
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
            "last_lane": [s.compiled.lanes - 1 for s in plan.stages],
        }
        base, plane_words, last_plane, by_row, last_lane = (
            held_field(m, taken, self.stage, values, name) for name, values in tables.items()
        )

        more, going = Signal(), Signal()  # there are words after the first; one goes out
        part, plane = Signal(range(max(2, parts))), Signal(range(plan.code_bits + 1))
        lane, beyond = Signal(range(shape.q + 1)), Signal()  # `beyond`: there is no pixel left for the group
        plane_offset = Signal(plan.address_bits)
        m.d.comb += going.eq(self.done | more)
        with m.If(going):
            m.d.sync += [more.eq(1), part.eq(part + 1)]
            with m.If(part == parts - 1):
                m.d.sync += [part.eq(0), plane.eq(plane + 1), plane_offset.eq(plane_offset + plane_words)]
                with m.If(plane == last_plane):
                    m.d.sync += [plane.eq(0), plane_offset.eq(0), lane.eq(lane + 1)]
                    m.d.comb += raster.advance.eq(~beyond)
                    with m.If(raster.last | raster.row_last & by_row):
                        m.d.sync += beyond.eq(1)
                    with m.If(lane == last_lane):
                        m.d.sync += [lane.eq(0), more.eq(0), beyond.eq(0)]

        # The memory's port is behind registers.
        m.d.sync += [
            self.write.eq(going & ~beyond),
            self.bank.eq(raster.bank),
            self.address.eq(base + raster.address + plane_offset + word + part),
            self.written_stage.eq(stage),
        ]
        for c in range(self.columns):
            m.d.sync += self.write_columns[c].eq((column == c) | (tile_last & (column < c)))
        pixels = [Cat(self.codes[p][q] for p in range(shape.p)) for q in range(shape.q)]
        pixel, bits = Signal(len(pixels[0])), Signal(shape.p)
        m.d.comb += pixel.eq(Array(pixels)[lane])
        planes = [Cat(pixel[p * plan.code_bits + k] for p in range(shape.p)) for k in range(plan.code_bits)]
        m.d.comb += bits.eq(Array(planes)[plane])
        if self.columns == 1:
            m.d.sync += self.data.eq(bits if parts == 1 else bits.word_select(part, shape.s))
        else:
            m.d.sync += self.data.eq(Cat(Mux(column == c, bits, 0)[: shape.p] for c in range(self.columns)))
        return m
