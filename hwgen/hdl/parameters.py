"""Start values of the accumulators: loaded for the next tile while this one is computed."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.layout import ceil_div
from .buffers import Table
from .repeated import copies

__all__ = ["ParameterLoader"]


class ParameterLoader(wiring.Component):
    """Holds the parameters of P channels and fetches the next tile's behind them, `lanes` channels a cycle.

    At an edge with `swap` the fetched parameters become the current ones; fetching the next takes P/lanes cycles
    from there, so that swaps are at least P/lanes + 1 cycles apart (and the first comes that long after reset).
    After the last row comes the first again.

    Parameters
    ----------
    rows : table contents, `lanes` fields {pool minimum, low bits, start} a row
    p, lanes : channels, channels per row
    bits, planes, pools_minimum : as in `Array`
    copies : how often `swap` comes, each for as many of the channels
    loadable : as in `Table`
    """

    def __init__(
        self,
        rows,
        p: int,
        lanes: int,
        bits: int,
        planes: int,
        pools_minimum: bool,
        block: bool,
        copies: int,
        loadable: bool = False,
    ):
        self.rows, self.p, self.lanes, self.copies = rows, p, lanes, copies
        self.bits, self.planes, self.pools_minimum = bits, planes, pools_minimum
        self.field = bits + (planes - 1) + pools_minimum
        self.table = Table(rows, self.field * lanes, block, loadable)
        super().__init__(
            {
                "swap": In(copies),
                "start": Out(data.ArrayLayout(signed(bits), p)),
                "low": Out(data.ArrayLayout(max(1, planes - 1), p)),
                "minimum": Out(p),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.table = table = self.table
        transfers = self.p // self.lanes
        fetched = Signal(self.field * self.p, reset_less=True)
        current = Signal(self.field * self.p, reset_less=True)
        last = len(self.rows) - 1
        row, following = Signal(range(max(2, last + 1))), Signal(range(max(2, last + 1)), init=min(1, last))
        left = Signal(range(transfers + 1), init=transfers)  # rows to fetch, but for one that is fetched now
        begun = Signal()  # the swap was in the cycle before, so one is
        shift = Signal()  # the table's output is the row that `row` names, and is fetched
        # A cycle before, for the counters and for some of the channels each. What it says in the first cycle after a
        # reset moves only what the first tile's fetch moves out.
        goes_on, later = Signal(), Mux(begun, transfers - 1, left)
        m.d.comb += goes_on.eq(later > 0)
        shifts = copies(m, platform, "shift", [swap | goes_on for swap in self.swap])
        m.d.sync += [shift.eq(self.swap[0] | goes_on), begun.eq(self.swap[0]), left.eq(later - goes_on)]
        m.d.comb += table.address.eq(Mux(shift, following, row))
        with m.If(shift):
            m.d.sync += [row.eq(following), following.eq(Mux(following == last, 0, following + 1))]
        arriving = Cat(fetched, table.data)[len(table.data) :]
        bits = self.field * ceil_div(self.p, self.copies)
        for copy, swap in enumerate(self.swap):
            part = slice(copy * bits, min((copy + 1) * bits, len(current)))
            with m.If(shifts[copy]):
                m.d.sync += fetched[part].eq(arriving[part])
            with m.If(swap):
                m.d.sync += current[part].eq(fetched[part])
        for p in range(self.p):
            field = current.word_select(p, self.field)
            m.d.comb += self.start[p].eq(field[: self.bits])
            if self.planes > 1:
                m.d.comb += self.low[p].eq(field[self.bits : self.bits + self.planes - 1])
            if self.pools_minimum:
                m.d.comb += self.minimum[p].eq(field[-1])
        return m
