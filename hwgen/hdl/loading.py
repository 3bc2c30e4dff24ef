"""Rows of tables that come byte by byte: another network for the same hardware."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .buffers import Table

__all__ = ["RowLoader", "load_signature"]


def load_signature() -> wiring.Signature:
    """Bytes of a row, from whoever loads.

    Members
    -------
    shift, data : Out, one more byte: number of the table, address (two), row, the least significant byte first
    commit : Out, high for a cycle: write the row whose last byte came last
    """
    return wiring.Signature({"shift": Out(1), "data": Out(8), "commit": Out(1)})


class RowLoader(wiring.Component):
    """Writes rows into tables, the cycle after `load.commit`; of the number after the last table's, a word of its own.

    Parameters
    ----------
    tables : whose `load` members it drives, wherever they are
    row_bytes : of every row, at least 4
    word : what `word` is until another is written

    Members
    -------
    load : In, see `load_signature`
    word : Out(32)
    """

    def __init__(self, tables: Sequence[Table], row_bytes: int, word: int):
        self.tables, self.row_bytes, self.init = list(tables), row_bytes, word
        super().__init__({"load": In(load_signature()), "word": Out(32)})

    @property
    def bytes(self) -> int:
        """Of number, address and row."""
        return 3 + self.row_bytes

    def elaborate(self, platform):
        m = Module()
        came = Signal(8 * self.bytes, reset_less=True)
        number, address, row = came[:8], came[8:24], came[24:]
        commit = Signal()
        word = Signal(32, init=self.init, reset_less=True)  # a reset does not bring the tables' first contents back
        m.d.comb += self.word.eq(word)
        with m.If(self.load.shift):
            m.d.sync += came.eq(Cat(came[8:], self.load.data))
        m.d.sync += commit.eq(self.load.commit)
        for i, table in enumerate(self.tables):
            m.d.comb += [
                table.load.eq(commit & (number == i)),
                table.load_address.eq(address),
                table.load_data.eq(row),
            ]
        with m.If(commit & (number == len(self.tables))):
            m.d.sync += word.eq(row)
        return m
