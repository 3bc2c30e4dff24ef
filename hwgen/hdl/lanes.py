"""The lanes: which output pixel each of the Q lanes works on, as the place of its taps' origin in memory."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.plan import Plan
from .fields import held_field

__all__ = ["Lanes", "row_ends"]


def row_ends(plan: Plan) -> list[int]:
    """Per stage, the column of the input map, in pixels, from which a lane's next pixel lies one row further down."""
    compiled = [planned.compiled for planned in plan.stages]
    return [c.pitch[1] * (c.span - plan.shape.q % c.span) for c in compiled]


class Lanes(wiring.Component):
    """Lane l begins a tile at output pixel l, in rows of `span` pixels, and goes Q pixels further from group to group.

    Members
    -------
    stage_done, following : In, at an edge with `stage_done` stage `following` comes
    restart : In, at this edge every lane begins a tile of the stage
    advance : In, at this edge every lane goes on to the next group of the stage
    address : Out, per lane, of its pixel's cell, relative to the map; the cell lies in bank l
    x, y : Out, per lane, its pixel's place in the input map, in pixels, x less `row_ends`, so that going on asks for
        its sign alone; what no border asks for stays open
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
        q = self.plan.shape.q
        mask, coordinate = (1 << self.plan.address_bits) - 1, (1 << self.plan.coordinate_bits) - 1
        compiled = [planned.compiled for planned in self.plan.stages]
        layouts = [planned.source for planned in self.plan.stages]
        # Q output pixels are `rows` rows and `rest` pixels more, or a row more and `span` pixels less.
        rows, rest = zip(*(divmod(q, c.span) for c in compiled), strict=True)
        down, across = zip(*(c.pitch for c in compiled), strict=True)
        cells = [r * layout.pitch + pixels for r, pixels, layout in zip(rows, rest, layouts, strict=True)]
        wrapped = [n + layout.pitch - c.span for n, layout, c in zip(cells, layouts, compiled, strict=True)]
        assert all(n % q == 0 for n in [*cells, *wrapped])
        ends = row_ends(self.plan)

        def held(name, values):
            return held_field(m, self.stage_done, self.following, values, name)

        def places(name, numbers):
            numbers = [n // q * layout.cell_words & mask for n, layout in zip(numbers, layouts, strict=True)]
            return held(name, numbers)

        address_step, address_wrap = places("address_step", cells), places("address_wrap", wrapped)
        x_step = held("x_step", [a * pixels for a, pixels in zip(across, rest, strict=True)])
        x_wrap = held("x_wrap", [-end & coordinate for end in ends])
        y_step = held("y_step", [d * r for d, r in zip(down, rows, strict=True)])
        y_wrap = held("y_wrap", [d * (r + 1) for d, r in zip(down, rows, strict=True)])
        for lane in range(q):
            starts = [divmod(lane, c.span) for c in compiled]
            firsts = [layout.offset(r * d, p * a) for layout, (r, p), d, a in zip(layouts, starts, down, across)]
            assert all(bank == lane for bank, _ in firsts)
            x_firsts = [p * a - end & coordinate for (_, p), a, end in zip(starts, across, ends, strict=True)]
            address_first = held(f"address_{lane}", [place & mask for _, place in firsts])
            x_first = held(f"x_{lane}", x_firsts)
            y_first = held(f"y_{lane}", [r * d for (r, _), d in zip(starts, down, strict=True)])
            address, x, y = self.address[lane], self.x[lane], self.y[lane]
            wraps = Signal(name=f"wraps_{lane}")
            m.d.comb += wraps.eq(x >= 0)
            with m.If(self.restart):
                m.d.sync += [address.eq(address_first), x.eq(x_first), y.eq(y_first)]
            with m.Elif(self.advance):
                m.d.sync += [
                    address.eq(address + Mux(wraps, address_wrap, address_step)),
                    x.eq(x + Mux(wraps, x_wrap, x_step)),
                    y.eq(y + Mux(wraps, y_wrap, y_step)),
                ]
        return m
