"""Gowin's ALU cells, packed by hand: XNORs and full adders share look-up tables.

An ALU is a LUT4 in carry mode. Its third input is held at 1, so that the others give P(I0, I1, I3), the table's lowest
four bits G(I0, I1), SUM = P ^ carry, and the carry (carry if P else G) to the ALU above. Mode 2, ADDSUB, has
P = I0 ^ I1 ^ ~I3 and G = I0 (Gowin UG288, "CFU"): meant to add I1 or to subtract it, it adds the XNOR of I1 and I3
(docs/decisions/0015-gowin.md).

A carry-in can be an XNOR, too, in one cell, but no mode of Gowin's has that table: here it is a LUT and an ALU, which
`hwgen.flow.alu_tables` makes one of after synthesis.
"""

from amaranth import Const, Elaboratable, Instance, Module, Mux, Signal

__all__ = ["AluChain", "Same"]

ADDSUB = 2


class Same:
    """The XNOR of two bits: an operand of an `AluChain`."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    @property
    def bit(self):
        """Itself, out of a LUT."""
        return ~(self.a ^ self.b)


class AluChain:
    """A chain of ALUs, written from its low end to its high end; `close` makes them. Operands are bits or `Same`s."""

    def __init__(self, name: str):
        self.name = name
        self._cells: list[tuple[tuple, Signal]] = []
        self._named: list[tuple[Signal, object]] = []

    def __len__(self) -> int:
        return len(self._cells)

    def _cell(self, i0, i1, i3):
        out = Signal(name=f"{self.name}_{len(self._cells)}")
        inputs = tuple(Const(value, 1) if isinstance(value, int) else value for value in (i0, i1, i3))
        self._cells.append((inputs, out))
        return out

    def inject(self, operand) -> Signal:
        """Make `operand` the carry for the cell above; the carry from below comes out."""
        one = Signal(name=f"{self.name}_{len(self._cells)}_carry")
        self._named.append((one, operand.bit if isinstance(operand, Same) else operand))
        return self._cell(one, one, 1)

    def add(self, x, y) -> Signal:
        """Sum of two operands and the carry from below; the carry goes up. Of two `Same`s one takes a LUT."""
        if isinstance(x, Same):
            x, y = y, x
        if isinstance(y, Same):
            return self._cell(x.bit if isinstance(x, Same) else x, y.a, y.b)
        return self._cell(x, y, 1)

    def top(self, inverted: bool) -> Signal:
        """The carry from below, or its inverse."""
        return self._cell(0, int(inverted), 1)

    def close(self, m: Module):
        """The cells as submodules of `m`."""
        m.d.comb += [signal.eq(operand) for signal, operand in self._named]
        carry = Const(0, 1)
        for i, (inputs, out) in enumerate(self._cells):
            cell = _Cell(carry, inputs, out)
            m.submodules[f"{self.name}_cell_{i}"] = cell
            carry = cell.carry


class _Cell(Elaboratable):
    """An ALU in mode ADDSUB. In Amaranth's simulator, which knows no cells, what it does."""

    def __init__(self, below, inputs, out):
        self.below, self.inputs, self.out = below, inputs, out
        self.carry = Signal()

    def elaborate(self, platform):
        i0, i1, i3 = self.inputs
        if platform is not None:
            return Instance(
                "ALU", p_ALU_MODE=ADDSUB, i_I0=i0, i_I1=i1, i_I3=i3, i_CIN=self.below, o_SUM=self.out, o_COUT=self.carry
            )
        m = Module()
        propagate = Signal()
        m.d.comb += [
            propagate.eq(i0 ^ i1 ^ ~i3),
            self.out.eq(propagate ^ self.below),
            self.carry.eq(Mux(propagate, self.below, i0)),
        ]
        return m
