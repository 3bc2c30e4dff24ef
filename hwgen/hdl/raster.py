"""A walk through a feature map, row by row and pixel by pixel, as places in activation memory."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..plan.layout import Layout
from .fields import held_field

__all__ = ["Raster"]


class Raster(wiring.Component):
    """Bank and address of one pixel after the other, as `Layout.locate` has them; after the last comes the first.

    Parameters
    ----------
    layouts : of the maps that are walked, by their number; None for a number that does not occur
    bits : of an address
    pairs : whether two pixels' turns may come at once

    Members
    -------
    map, select : In, at an edge with `select` the walk goes on in the map of this number; it begins in the first one
    advance : In, at this edge the next pixel's turn comes
    bank, address : Out, the pixel's; the address is relative to the map
    row_last, last : Out, it is the last pixel of its row, of the map

    with `pairs`, for maps whose rows are full cells:

    pair : In, the same pixel of the cell to the right has its turn with this one; so for all pixels of a cell or none
    pair_bank, pair_address : Out, that pixel's
    pair_inside : Out, there is one in the row
    """

    def __init__(self, layouts: list[Layout | None], bits: int, pairs: bool = False):
        self.layouts = layouts
        self.bits = bits
        self.pairs = pairs
        self.banks = next(layout.banks for layout in layouts if layout)
        bank = range(max(2, self.banks))
        paired = {"pair": In(1), "pair_bank": Out(bank), "pair_address": Out(bits), "pair_inside": Out(1)}
        super().__init__(
            {
                **(paired if pairs else {}),
                "map": In(range(max(2, len(layouts)))),
                "select": In(1),
                "advance": In(1),
                "bank": Out(bank),
                "address": Out(bits),
                "row_last": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        banks = self.banks
        tables = {
            "last_row": lambda at: at.height - 1,
            "last_column": lambda at: at.width - 1,
            "last_inner_row": lambda at: at.step[0] - 1,
            "last_inner_column": lambda at: at.step[1] - 1,
            "words": lambda at: at.words,
            "inner_row_words": lambda at: at.step[1] * at.words,
            "cell_words": lambda at: at.cell_words,
            "row_words": lambda at: at.pitch // banks * at.cell_words,
            "further_row_words": lambda at: (at.pitch // banks + 1) * at.cell_words,
            "row_banks": lambda at: at.pitch % banks,
            **({"step": lambda at: at.step[1]} if self.pairs else {}),
        }
        some = next(layout for layout in self.layouts if layout)
        values = {name: [value(layout or some) for layout in self.layouts] for name, value in tables.items()}
        field = {name: held_field(m, self.select, self.map, of_map, name) for name, of_map in values.items()}

        # A counter that never leaves 0 is none: synthesis would not see it.
        counters = {}
        for name in ("row", "column", "inner_row", "inner_column"):  # the inner ones within the cell
            most = max(values[f"last_{name}"])
            counters[name] = Signal(range(most + 1), name=name) if most else Const(0, 1)
        row, column, inner_row, inner_column = counters.values()

        def count(name, value):
            return [counters[name].eq(value)] if isinstance(counters[name], Signal) else []

        cell, row_cell = Signal(self.bits), Signal(self.bits)  # the cell's address, that of the row's first cell
        row_bank = Signal.like(self.bank)
        inner, inner_row_start = Signal(self.bits), Signal(self.bits)  # words from the cell's first
        inner_row_last = Signal()
        following, following_bank, following_cell = self._following(m, column, cell, inner, field)
        m.d.comb += [
            inner_row_last.eq(inner_row == field["last_inner_row"]),
            self.last.eq(self.row_last & (row == field["last_row"])),
            self.address.eq(cell + inner),
        ]
        # The first cell of the next row of cells.
        sum_bank = Signal(range(max(2, 2 * banks)))
        next_bank, next_cell = Signal.like(self.bank), Signal(self.bits)
        m.d.comb += [sum_bank.eq(row_bank + field["row_banks"]), next_bank.eq(sum_bank)]
        m.d.comb += next_cell.eq(row_cell + field["row_words"])
        with m.If(sum_bank >= banks):
            m.d.comb += next_bank.eq(sum_bank - banks)
            m.d.comb += next_cell.eq(row_cell + field["further_row_words"])

        with m.If(self.advance):
            m.d.sync += [*count("column", column + 1), *count("inner_column", inner_column + 1)]
            m.d.sync += inner.eq(inner + field["words"])
            with m.If(inner_column == field["last_inner_column"]):
                m.d.sync += [*count("inner_column", 0), *count("column", following), inner.eq(inner_row_start)]
                m.d.sync += [self.bank.eq(following_bank), cell.eq(following_cell)]
            with m.If(self.row_last):
                m.d.sync += [*count("column", 0), *count("inner_column", 0)]
                m.d.sync += [*count("row", row + 1), *count("inner_row", inner_row + 1)]
                m.d.sync += [
                    self.bank.eq(row_bank), cell.eq(row_cell), inner.eq(inner_row_start + field["inner_row_words"]),
                    inner_row_start.eq(inner_row_start + field["inner_row_words"]),
                ]  # fmt: skip
                with m.If(inner_row_last):
                    m.d.sync += [*count("inner_row", 0), inner.eq(0), inner_row_start.eq(0)]
                    m.d.sync += [self.bank.eq(next_bank), row_bank.eq(next_bank), cell.eq(next_cell)]
                    m.d.sync += row_cell.eq(next_cell)
            with m.If(self.last):
                m.d.sync += [*count("row", 0), *count("inner_row", 0)]
                m.d.sync += [signal.eq(0) for signal in (cell, row_cell, inner, inner_row_start)]
                m.d.sync += [self.bank.eq(0), row_bank.eq(0)]
        return m

    def _following(self, m, column, cell, inner, field):
        """Of the first pixel after this cell (after this pair of cells): its column, and its cell's bank and address;
        and what the pair shows."""
        right_bank, right_cell = self._right(m, self.bank, cell, field, "right")
        if not self.pairs:
            m.d.comb += self.row_last.eq(column == field["last_column"])
            return column + 1, right_bank, right_cell
        pair_column = column + field["step"]
        m.d.comb += [
            self.pair_bank.eq(right_bank),
            self.pair_address.eq(right_cell + inner),
            self.pair_inside.eq(pair_column <= field["last_column"]),
            self.row_last.eq((column == field["last_column"]) | (self.pair & (pair_column == field["last_column"]))),
        ]
        further_bank, further_cell = self._right(m, right_bank, right_cell, field, "further")
        return (
            Mux(self.pair, pair_column, column) + 1,
            Mux(self.pair, further_bank, right_bank),
            Mux(self.pair, further_cell, right_cell),
        )

    def _right(self, m, bank, cell, field, name):
        """Bank and address of the cell to the right of one."""
        right_bank, right_cell = Signal.like(bank, name=f"{name}_bank"), Signal.like(cell, name=f"{name}_cell")
        with m.If(bank == self.banks - 1):
            m.d.comb += [right_bank.eq(0), right_cell.eq(cell + field["cell_words"])]
        with m.Else():
            m.d.comb += [right_bank.eq(bank + 1), right_cell.eq(cell)]
        return right_bank, right_cell
