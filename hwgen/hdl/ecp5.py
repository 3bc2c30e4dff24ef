"""ECP5's carry cells, packed by hand: XNORs and full adders share look-up tables.

Half of a CCU2C is a LUT4, P(A, B, C, D), and a LUT2, G(A, B), which is the LUT4's table for C = D = 0. With the carry
from below it gives S = P ^ carry, and the carry (carry if P else G) to the half above. So where P is the XOR of two
operands, and G one of them, the half is a full adder, and each operand may itself be the XOR of two inputs. Yosys uses
it for sums of two plain bits; here one half adds two products of a weight and an activation, and half of the
LUTs that XNOR gates would take are saved (docs/decisions/0007-carry-cells.md).
"""

from amaranth import Const, Elaboratable, Instance, Module, Mux, Signal

__all__ = ["CarryChain", "Product"]


class Product:
    """The XOR of two bits: an operand of a `CarryChain`."""

    def __init__(self, a, b):
        self.a, self.b = a, b


class CarryChain:
    """A chain of half cells, written from its low end to its high end; `close` makes the cells.

    Operands are bits or `Product`s.
    """

    def __init__(self, name: str):
        self.name = name
        self._halves: list[tuple[int, tuple, Signal]] = []

    def __len__(self):
        return len(self._halves)

    def half(self, table: int, a=0, b=0, c=0, d=0) -> Signal:
        """A half with the LUT4 `table` (bit 8*d + 4*c + 2*b + a); its S."""
        out = Signal(name=f"{self.name}_{len(self._halves)}")
        inputs = tuple(Const(value, 1) if isinstance(value, int) else value for value in (a, b, c, d))
        self._halves.append((table, inputs, out))
        return out

    def inject(self, operand) -> Signal:
        """Make `operand` the carry for the half above; the carry from below comes out."""
        if isinstance(operand, Product):
            return self.half(0x0006, operand.a, operand.b, 0, 1)
        return self.half(0x000A, operand, 0, 0, 1)

    def add(self, x, y) -> Signal:
        """Sum of two operands and the carry from below; the carry goes up."""
        if isinstance(y, Product) and not isinstance(x, Product):
            x, y = y, x
        if isinstance(y, Product):
            return self.half(0x6996, x.a, x.b, y.a, y.b)
        if isinstance(x, Product):
            return self.half(0xA55A, y, 0, x.a, x.b)
        return self.half(0x5A5A, x, 0, y, 0)

    def top(self, inverted: bool) -> Signal:
        """The carry from below, or its inverse."""
        return self.half(0xFF00 if inverted else 0x0000, d=1)

    def close(self, m: Module):
        """The cells as submodules of `m`."""
        halves = list(self._halves)
        if len(halves) % 2:
            halves.append((0, (Const(0, 1),) * 4, Signal(name=f"{self.name}_end")))
        carry = None
        for i in range(0, len(halves), 2):
            cell = _Cell(carry, *halves[i : i + 2])
            m.submodules[f"{self.name}_cell_{i // 2}"] = cell
            carry = cell.carry


class _Cell(Elaboratable):
    """A CCU2C of two halves (table, inputs, output). In Amaranth's simulator, which knows no cells, what it does."""

    def __init__(self, below, *halves):
        self.below, self.halves = below, halves
        self.carry = Signal()

    def elaborate(self, platform):
        if platform is not None:
            # nextpnr looks for a carry-in without asking whether the port is there.
            ports = {"i_CIN": Const(0, 1) if self.below is None else self.below}
            for i, (table, inputs, out) in enumerate(self.halves):
                ports |= {f"p_INIT{i}": Const(table, 16), f"p_INJECT1_{i}": "NO", f"o_S{i}": out}
                ports |= {f"i_{letter}{i}": value for letter, value in zip("ABCD", inputs, strict=True)}
            return Instance("CCU2C", o_COUT=self.carry, **ports)
        m = Module()
        carry = Const(0, 1) if self.below is None else self.below
        for i, (table, (a, b, c, d), out) in enumerate(self.halves):
            address = Signal(4, name=f"address_{i}")
            p, g, above = Signal(name=f"p_{i}"), Signal(name=f"g_{i}"), Signal(name=f"carry_{i}")
            m.d.comb += [address[0].eq(a), address[1].eq(b), address[2].eq(c), address[3].eq(d)]
            m.d.comb += [
                p.eq(Const(table, 16).bit_select(address, 1)),
                g.eq(Const(table, 4).bit_select(address[:2], 1)),
            ]
            m.d.comb += [out.eq(p ^ carry), above.eq(Mux(p, carry, g))]
            carry = above
        m.d.comb += self.carry.eq(carry)
        return m
