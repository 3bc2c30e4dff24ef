"""The lanes: which output pixel each of the Q lanes works on, as the place of its taps' origin in memory."""

from amaranth import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.plan import Plan
from .fields import held_field

__all__ = ["Lanes"]


class Lanes(wiring.Component):
    """Lane l begins a tile at output pixel l, in rows of `span` pixels, and goes Q pixels further from group to group.

    Members
    -------
    stage_done, following : In, at an edge with `stage_done` stage `following` comes
    restart : In, at this edge every lane begins a tile of the stage
    advance : In, at this edge every lane goes on to the next group of the stage
    address : Out, per lane, of its pixel's cell, relative to the map; the cell lies in bank l
    x, y : Out, per lane, its pixel's place in the input map, in pixels; what no border asks for stays open
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        q = plan.shape.q
        super().__init__(
            {
                "stage_done": In(1),
                "following": In(range(max(2, len(plan.stages)))),
                "restart": In(1),
                "advance": In(1),
                "address": Out(data.ArrayLayout(plan.address_bits, q)),
                "x": Out(data.ArrayLayout(signed(plan.coordinate_bits), q)),
                "y": Out(data.ArrayLayout(signed(plan.coordinate_bits), q)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        q, mask = self.plan.shape.q, (1 << self.plan.address_bits) - 1
        compiled = [planned.compiled for planned in self.plan.stages]
        layouts = [planned.source for planned in self.plan.stages]
        # Q output pixels are `rows` rows and `rest` pixels more, or a row more and `span` pixels less.
        rows, rest = zip(*(divmod(q, c.span) for c in compiled), strict=True)
        down, across = zip(*(c.pitch for c in compiled), strict=True)
        cells = [r * layout.pitch + pixels for r, pixels, layout in zip(rows, rest, layouts, strict=True)]
        wrapped = [n + layout.pitch - c.span for n, layout, c in zip(cells, layouts, compiled, strict=True)]
        tables = {
            "address_step": [n // q * layout.cell_words for n, layout in zip(cells, layouts, strict=True)],
            "address_wrap": [n // q * layout.cell_words & mask for n, layout in zip(wrapped, layouts, strict=True)],
            "x_step": [a * pixels for a, pixels in zip(across, rest, strict=True)],
            "x_back": [a * (c.span - pixels) for a, pixels, c in zip(across, rest, compiled, strict=True)],
            "y_step": [d * r for d, r in zip(down, rows, strict=True)],
            "y_wrap": [d * (r + 1) for d, r in zip(down, rows, strict=True)],
        }

        def held(name, values):
            return held_field(m, self.stage_done, self.following, values, name)

        field = {name: held(name, values) for name, values in tables.items()}
        assert all(n % q == 0 for n in [*cells, *wrapped])
        for lane in range(q):
            starts = [divmod(lane, c.span) for c in compiled]
            places = [layout.offset(r * d, p * a) for layout, (r, p), d, a in zip(layouts, starts, down, across)]
            assert all(bank == lane for bank, _ in places)
            firsts = {
                "address": [place & mask for _, place in places],
                "x": [p * a for (_, p), a in zip(starts, across, strict=True)],
                "y": [r * d for (r, _), d in zip(starts, down, strict=True)],
            }
            first = {name: held(f"{name}_{lane}", values) for name, values in firsts.items()}
            address, x, y = self.address[lane], self.x[lane], self.y[lane]
            wraps = Signal(name=f"wraps_{lane}")
            m.d.comb += wraps.eq(x >= field["x_back"])
            with m.If(self.restart):
                m.d.sync += [address.eq(first["address"]), x.eq(first["x"]), y.eq(first["y"])]
            with m.Elif(self.advance):
                with m.If(wraps):
                    m.d.sync += [
                        address.eq(address + field["address_wrap"]), x.eq(x - field["x_back"]),
                        y.eq(y + field["y_wrap"]),
                    ]  # fmt: skip
                with m.Else():
                    m.d.sync += [
                        address.eq(address + field["address_step"]), x.eq(x + field["x_step"]),
                        y.eq(y + field["y_step"]),
                    ]  # fmt: skip
        return m
