"""The writer: the codes of a group go back to activation memory, plane by plane, all banks at once."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.plan import Plan
from .fields import stage_field

__all__ = ["Writer"]


class Writer(wiring.Component):
    """Writes n planes of max(1, P/S) words each, one a cycle, from the cycle of `done` on.

    Where P < S a tile fills one column of a word; the last tile also clears the columns beyond it, since lanes
    without a channel have to read 0.

    Members
    -------
    capture, stage, window_last, tile_last, column, pointer : In, where the group goes, known at its capture
    codes, done : In, from the `ThresholdUnit`
    write, address, columns, data : Out, to the `ActivationMemory`
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
                "pointer": In(plan.address_bits),
                "codes": In(data.ArrayLayout(data.ArrayLayout(plan.code_bits, shape.q), shape.p)),
                "done": In(1),
                "write": Out(1),
                "address": Out(plan.address_bits),
                "write_columns": Out(self.columns),
                "data": Out(data.ArrayLayout(shape.s, shape.q)),
                "written_stage": Out(range(max(2, len(plan.stages)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, shape = self.plan, self.plan.shape
        parts = max(1, shape.p // shape.s)
        column, pointer, tile_last = Signal.like(self.column), Signal.like(self.pointer), Signal()
        with m.If(self.capture & self.window_last):
            m.d.sync += [column.eq(self.column), pointer.eq(self.pointer), tile_last.eq(self.tile_last)]
            m.d.sync += self.written_stage.eq(self.stage)
        targets = [s.target for s in plan.stages]
        plane_words = stage_field(m, self.written_stage, [t.plane_words if t else 0 for t in targets], "plane_words")
        planes = [max(1, s.compiled.stage.code_bits) for s in plan.stages]
        last_plane = stage_field(m, self.written_stage, [n - 1 for n in planes], "last_plane")

        more = Signal()  # words after the first
        part, plane = Signal(range(max(2, parts))), Signal(range(plan.code_bits + 1))
        plane_offset = Signal(plan.address_bits)
        part_last = Signal()
        m.d.comb += [self.write.eq(self.done | more), part_last.eq(part == parts - 1)]
        m.d.comb += self.address.eq(pointer + plane_offset + part)
        with m.If(self.write):
            m.d.sync += [more.eq(1), part.eq(part + 1)]
            with m.If(part_last):
                m.d.sync += [part.eq(0), plane.eq(plane + 1), plane_offset.eq(plane_offset + plane_words)]
                with m.If(plane == last_plane):
                    m.d.sync += [plane.eq(0), plane_offset.eq(0), more.eq(0)]

        for c in range(self.columns):
            m.d.comb += self.write_columns[c].eq((column == c) | (tile_last & (column < c)))
        for q in range(shape.q):
            bits = Signal(shape.p, name=f"bits_{q}")
            with m.Switch(plane):
                for k in range(plan.code_bits):
                    with m.Case(k):
                        m.d.comb += bits.eq(Cat(self.codes[p][q][k] for p in range(shape.p)))
            if self.columns == 1:
                m.d.comb += self.data[q].eq(bits if parts == 1 else bits.word_select(part, shape.s))
            else:
                tile = [Mux(column == c, bits, 0) for c in range(self.columns)]
                m.d.comb += self.data[q].eq(Cat(value[: shape.p] for value in tile))
        return m
