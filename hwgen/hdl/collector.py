"""The collector: counts captures through windows, groups, tiles and stages, on the far side of the pipeline."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..plan.plan import Plan
from .fields import held_field

__all__ = ["Collector"]


class Collector(wiring.Component):
    """Knows, for each capture, which window position, group and tile of which stage it is.

    Members
    -------
    capture : In, a capture happens
    stage : Out, its stage
    window_first, window_last : Out, it starts / completes a pooled pixel
    tile_last : Out, it belongs to the stage's last tile
    tile_ends, frame_ends : Out, it is the last of its tile / of the frame
    column, word : Out, where its tile's codes go: part of the word, word of the pixel
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        columns = max(1, plan.shape.s // plan.shape.p)
        super().__init__(
            {
                "capture": In(1),
                "stage": Out(range(max(2, len(plan.stages)))),
                "window_first": Out(1),
                "window_last": Out(1),
                "tile_last": Out(1),
                "tile_ends": Out(1),
                "frame_ends": Out(1),
                "column": Out(range(max(2, columns))),
                "word": Out(plan.address_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        planned = plan.stages
        columns = max(1, plan.shape.s // plan.shape.p)
        words_per_tile = max(1, plan.shape.p // plan.shape.s)
        tables = {
            "last_window": [len(s.compiled.stage.window) - 1 for s in planned],
            "last_group": [s.compiled.groups - 1 for s in planned],
            "last_tile": [s.compiled.tiles - 1 for s in planned],
        }
        following, stage_ends = Signal.like(self.stage), Signal()
        m.d.comb += [
            following.eq(Mux(self.stage == len(planned) - 1, 0, self.stage + 1)),
            stage_ends.eq(self.capture & self.tile_ends & self.tile_last),
        ]
        field = {name: held_field(m, stage_ends, following, values, name) for name, values in tables.items()}
        window, group, tile = (
            Signal(range(max(2, max(tables[f"last_{n}"]) + 1)), name=n) for n in ("window", "group", "tile")
        )
        last_group = Signal()
        m.d.comb += [
            self.window_first.eq(window == 0),
            self.window_last.eq(window == field["last_window"]),
            last_group.eq(group == field["last_group"]),
            self.tile_last.eq(tile == field["last_tile"]),
            self.tile_ends.eq(self.window_last & last_group),
            self.frame_ends.eq(self.tile_ends & self.tile_last & (self.stage == len(planned) - 1)),
        ]
        with m.If(self.capture):
            m.d.sync += window.eq(Mux(self.window_last, 0, window + 1))
            with m.If(self.window_last):
                m.d.sync += group.eq(group + 1)
                with m.If(last_group):
                    m.d.sync += [group.eq(0), tile.eq(tile + 1)]
                    m.d.sync += self.column.eq(self.column + 1)
                    with m.If(self.column == columns - 1):
                        m.d.sync += [self.column.eq(0), self.word.eq(self.word + words_per_tile)]
                    with m.If(self.tile_last):
                        m.d.sync += [tile.eq(0), self.column.eq(0), self.word.eq(0), self.stage.eq(following)]
        return m
