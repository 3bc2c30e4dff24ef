"""iCE40's logic cells in carry mode, packed by hand: an adder's carry-in and the carry of the adder before share one.

A logic cell is a LUT4 and a carry gate (Lattice, iCE40 technology library: SB_LUT4, SB_CARRY). In carry mode two of the
LUT4's inputs are the gate's operands and one is the carry from below, so the LUT4 is free to be any function of those
three, and the operands have to be whole signals: an XNOR takes a LUT4 of its own (docs/decisions/0013-ice40-cells.md).
"""

from amaranth import Const, Elaboratable, Instance, Module, Signal

__all__ = ["LogicChain"]

SUM, BELOW, NOT_BELOW = 0xC33C, 0xFF00, 0x00FF
"""Tables of I3 (the carry from below), I2, I1, I0: I1 ^ I2 ^ I3, I3, ~I3."""


class LogicChain:
    """A chain of logic cells, written from its low end to its high end; `close` makes them."""

    def __init__(self, name: str):
        self.name = name
        self._cells: list[tuple[int, tuple, Signal]] = []

    def _cell(self, table, x, y):
        out = Signal(name=f"{self.name}_{len(self._cells)}")
        self._cells.append((table, (x, y), out))
        return out

    def inject(self, operand) -> Signal:
        """Make `operand` the carry for the cell above; the carry from below comes out."""
        return self._cell(BELOW, operand, operand)

    def add(self, x, y) -> Signal:
        """Sum of two bits and the carry from below; the carry goes up."""
        return self._cell(SUM, x, y)

    def top(self, inverted: bool) -> Signal:
        """The carry from below, or its inverse."""
        return self._cell(NOT_BELOW if inverted else BELOW, 0, 0)

    def close(self, m: Module):
        """The cells as submodules of `m`."""
        carry = Const(0, 1)
        for i, (table, operands, out) in enumerate(self._cells):
            whole = [Signal(name=f"{self.name}_{i}_{letter}") for letter in "xy"]
            m.d.comb += [signal.eq(operand) for signal, operand in zip(whole, operands, strict=True)]
            cell = _Cell(carry, table, whole, out)
            m.submodules[f"{self.name}_cell_{i}"] = cell
            carry = cell.carry


class _Cell(Elaboratable):
    """A LUT4 and a carry gate. In Amaranth's simulator, which knows no cells, what they do."""

    def __init__(self, below, table, operands, out):
        self.below, self.table, self.operands, self.out = below, table, operands, out
        self.carry = Signal()

    def elaborate(self, platform):
        m = Module()
        below, (x, y) = self.below, self.operands
        if platform is None:
            m.d.comb += [
                self.carry.eq(x & y | below & (x | y)),
                self.out.eq({SUM: x ^ y ^ below, BELOW: below, NOT_BELOW: ~below}[self.table]),
            ]
            return m
        m.submodules.lut = Instance(
            "SB_LUT4", p_LUT_INIT=Const(self.table, 16), i_I0=Const(0, 1), i_I1=x, i_I2=y, i_I3=below, o_O=self.out
        )
        m.submodules.carry = Instance("SB_CARRY", i_I0=x, i_I1=y, i_CI=below, o_CO=self.carry)
        return m
