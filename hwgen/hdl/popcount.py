"""XNOR and popcount of S lanes, centred: the inner product of two bipolar vectors, halved.

Four back ends count with a tree of `hwgen.plan.compressor`: `XnorPopcount` with adders for any tool,
`CarryXnorPopcount` with ECP5's carry cells, `LogicXnorPopcount` with iCE40's logic cells, `AluXnorPopcount` with
Gowin's ALUs.
"""

from amaranth import Cat, Const, Elaboratable, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..plan.compressor import Counter
from ..plan.style import Style
from .ecp5 import CarryChain, Product
from .gowin import AluChain, Same
from .ice40 import LogicChain

__all__ = ["AluXnorPopcount", "CarryXnorPopcount", "LogicXnorPopcount", "XnorPopcount"]


class XnorPopcount(wiring.Component):
    """count + carry = popcount(~(weights ^ activations)) - lanes/2, or 0 where `valid` is low.

    With `split` the left lanes, those of the tree's left part, count 2^shift times.

    Twice that is the inner product of the lanes read as -1/+1. Source: XNOR-Net (Rastegari et al., 2016),
    section 3.2; the centring makes a masked tap worth exactly 0.

    A lane that enters the tree behind a register has to come later: lane i's weight and activation `skew[i]` cycles
    after those of a lane of skew 0. `split` comes `split_skew` cycles after them, `valid` with the last register,
    latency - 1 cycles after them.

    Parameters
    ----------
    lanes : S, even
    style : cells (those of the class) and pipeline
    shift : of `split`; 0: it never comes

    Attributes
    ----------
    latency : cycles from the lanes of skew 0 to `count`
    skew : of each lane
    """

    def __init__(self, lanes: int, style: Style, shift: int = 0):
        if lanes < 2 or lanes % 2:
            raise ValueError(f"lanes is an even number, not {lanes}")
        self.lanes, self.shift = lanes, shift
        self.left_lanes = style.left_lanes(lanes)
        self.tree = style.tree(lanes)
        self._registers = style.registers(lanes)
        self.latency = len(self._registers)
        skew = [self.latency - 1] * lanes
        for node in self.tree.adders():
            taken = [node.bit, *(part.bit for part in node.parts if not part.level)]
            for lane in taken:
                if lane is not None and lane < lanes:
                    skew[lane] = self._age(node.level)
        self.skew = tuple(skew)
        self.split_skew = self._age(self.tree.level)
        most = (self.left_lanes << shift) + lanes - self.left_lanes - lanes // 2
        super().__init__(
            {
                "weights": In(lanes),
                "activations": In(lanes),
                "split": In(1),
                "valid": In(1),
                "count": Out(signed(most.bit_length() + 1)),
                "carry": Out(1),
            }
        )

    def compute(self, weights: int, activations: int, valid: bool = True, split: bool = False) -> int:
        """What `count` + `carry` is for these inputs."""
        same = ~(weights ^ activations) & ((1 << self.lanes) - 1)
        left = (same & ((1 << self.left_lanes) - 1)).bit_count()
        more = (left << self.shift) - left if split else 0
        return same.bit_count() + more - self.lanes // 2 if valid else 0

    def elaborate(self, platform) -> Elaboratable:
        m = Module()
        results: dict[int, list] = {}
        for level in range(1, self.tree.level + 1):
            nodes = [node for node in self.tree.adders() if node.level == level]
            operands = [
                tuple(
                    self._operand(m, part, level, f"later_{level}_{i}_{j}", results)
                    for j, part in enumerate(node.parts)
                )
                for i, node in enumerate(nodes)
            ]
            carries = [0 if node.bit is None else self._lane(node.bit) for node in nodes]
            for i, (node, bits) in enumerate(zip(nodes, self._add(m, level, nodes, operands, carries), strict=True)):
                if level in self._registers and node is not self.tree:
                    register = Signal(node.width, name=f"sum_{level}_{i}", reset_less=True)
                    m.d.sync += register.eq(Cat(*bits))
                    bits = list(register)
                results[id(node)] = bits
        self._finish(m, results[id(self.tree)])
        return m

    def _age(self, level):
        """Registers between the inputs and the adders of a level."""
        return sum(register < level for register in self._registers)

    def _operand(self, m, part: Counter, level, name, results):
        """Bits of a part of a node, delayed by the registers that its brother has on its way."""
        if part.level == 0:
            return [self._lane(part.bit)]
        bits = results[id(part)]
        for i in range(self._age(level) - self._age(part.level + 1)):
            later = Signal(part.width, name=f"{name}_{i}", reset_less=True)
            m.d.sync += later.eq(Cat(*bits))
            bits = list(later)
        return bits

    # What a back end does in its own way.

    def _lane(self, lane):
        return ~(self.weights[lane] ^ self.activations[lane])

    def _add(self, m, level, nodes, operands, carries):
        """Bits of the sum of each node."""
        sums = []
        for i, (node, (left, right), carry) in enumerate(zip(nodes, operands, carries, strict=True)):
            width, first = node.width, Cat(*left)
            if node is self.tree and self.shift:
                width, first = len(self.count), Mux(self.split, Cat(Const(0, self.shift), *left), first)
            total = Signal(width, name=f"total_{level}_{i}")
            m.d.comb += total.eq(first + Cat(*right) + carry)
            sums.append(list(total))
        return sums

    def _finish(self, m, bits):
        self._register(m, self.count, Cat(*bits) - self.lanes // 2)

    def _register(self, m, output, value):
        """The last register: the value, or 0 where the lanes do not count. What passes on a reset is not looked at."""
        register = Signal.like(output, name=f"last_{output.name}", reset_less=True)
        m.d.sync += register.eq(Mux(self.valid, value, 0))
        m.d.comb += output.eq(register)


class _ChainedXnorPopcount(XnorPopcount):
    """Adders that share carry chains, across levels that have no register between them.

    The entry that takes an adder's carry-in gives out the carry of the adder before; only a chain's last carry needs
    one of its own.
    """

    CHAIN: type
    LONGEST: int
    """Entries of a `CHAIN`, as its `len` counts them."""

    def elaborate(self, platform):
        self._chains = 0
        self._open()
        return super().elaborate(platform)

    def _open(self):
        self._chain, self._top = self.CHAIN(f"chain_{self._chains}"), None
        self._chains += 1

    def _close(self, m, inverted=False):
        if self._top is not None:
            m.d.comb += self._top.eq(self._chain.top(inverted))
        self._chain.close(m)
        self._open()

    def _begin(self, m, bits, carry):
        """The carry-in of an adder of so many bits, in a chain with room for it."""
        if len(self._chain) + bits + 2 > self.LONGEST:
            self._close(m)
        below = self._chain.inject(carry)
        if self._top is not None:
            m.d.comb += self._top.eq(below)
        self._top = None

    def _sum(self, left, right, top):
        """Bits of the adder that has begun; `top` is the name of the highest, its carry."""
        wider, narrower = sorted((left, right), key=len, reverse=True)
        padded = [*narrower, *[Const(0, 1)] * (len(wider) - len(narrower))]
        self._top = Signal(name=top)
        return [*(self._chain.add(x, y) for x, y in zip(wider, padded, strict=True)), self._top]


class CarryXnorPopcount(_ChainedXnorPopcount):
    """`XnorPopcount` in ECP5's carry cells. `activations` come inverted: XOR is what the cells have for nothing.

    The tree counts 2^k - 1 bits; where there are fewer, constants fill it, as many ones as zeros; the last of all
    goes out as `carry`, for the accumulator's chain. Without a subtraction the count is centred by its highest bit,
    inverted.
    """

    CHAIN = CarryChain
    LONGEST = 64
    """Halves of cells. No carry gets past the next adder's carry-in, but timing analysis takes a chain for one long
    carry, of 0.07 ns a half."""

    def compute(self, weights: int, activations: int, valid: bool = True, split: bool = False) -> int:
        return super().compute(weights, activations ^ ((1 << self.lanes) - 1), valid, split)

    def _lane(self, lane):
        if lane < self.lanes:
            return Product(self.weights[lane], self.activations[lane])
        return Const(lane % 2, 1)

    def _add(self, m, level, nodes, operands, carries):
        sums = []
        for i, (node, (left, right), carry) in enumerate(zip(nodes, operands, carries, strict=True)):
            split = node is self.tree and self.shift
            self._begin(m, len(self.count) if split else max(len(left), len(right)), carry)
            if split:
                sums.append(self._split_sum(m, left, right))
            else:
                sums.append(self._sum(left, right, f"top_{level}_{i}"))
        if level in self._registers:
            self._close(m, inverted=self.tree in nodes)
        return [bits if node is self.tree else bits[: node.width] for bits, node in zip(sums, nodes, strict=True)]

    def _split_sum(self, m, left, right):
        """The last sum, of a left part that may be shifted, less lanes/2: which is -1 in all bits that the right part
        leaves free. As in the accumulator, G is the operand that comes into the cell unchanged."""
        whole = Signal()
        m.d.comb += whole.eq(~self.split)

        def bit(bits, i):
            return bits[i] if 0 <= i < len(bits) else Const(0, 1)

        operand = [*right, *[Const(1, 1)] * (len(self.count) - len(right))]
        return [
            self._chain.half(0x663C, bit(left, i), operand[i], bit(left, i - self.shift), whole)
            for i in range(len(self.count))
        ]

    def _finish(self, m, bits):
        last = self.lanes - 1 if self.tree.size == self.lanes - 1 else None
        extra = Const(1, 1) if last is None else self.weights[last] ^ self.activations[last]
        self._register(m, self.count, Cat(*bits).as_signed())
        self._register(m, self.carry, extra)


class LogicXnorPopcount(XnorPopcount):
    """`XnorPopcount` in iCE40's logic cells.

    Three lanes are counted by four LUT4, of which two take two lanes each; from there on a few adders at a time share a
    chain. Where S is a power of two the tree counts all lanes but the last, which goes out as `carry`, for the
    accumulator's chain, and the count is centred by its highest bit, inverted.
    """

    CHAINED = 4
    """Adders that share a chain: each saves a logic cell, but timing analysis takes them for one long carry."""

    def elaborate(self, platform):
        self._centred = self.tree.size == self.lanes - 1 and not self.shift
        return super().elaborate(platform)

    def _add(self, m, level, nodes, operands, carries):
        centred = self._centred and self.tree in nodes
        if level == 1:
            few = [_count_few(left + right, carry) for (left, right), carry in zip(operands, carries, strict=True)]
            return [[low, ~high] for low, high in few] if centred else few
        if self.tree in nodes and self.shift:
            return super()._add(m, level, nodes, operands, carries)
        sums = []
        for first in range(0, len(nodes), self.CHAINED):
            chain, tops = LogicChain(f"level_{level}_{first}"), []
            for i in range(first, min(first + self.CHAINED, len(nodes))):
                below = chain.inject(carries[i])
                if tops:
                    m.d.comb += tops[-1].eq(below)
                wider, narrower = sorted(operands[i], key=len, reverse=True)
                padded = [*narrower, *[Const(0, 1)] * (len(wider) - len(narrower))]
                tops.append(Signal(name=f"top_{level}_{i}"))
                bits = [*(chain.add(x, y) for x, y in zip(wider, padded, strict=True)), tops[-1]]
                sums.append(bits[: nodes[i].width])
            m.d.comb += tops[-1].eq(chain.top(inverted=centred))
            chain.close(m)
        return sums

    def _finish(self, m, bits):
        value = Cat(*bits)
        self._register(m, self.count, value.as_signed() if self._centred else value - self.lanes // 2)
        if self.tree.size == self.lanes - 1:
            self._register(m, self.carry, self._lane(self.lanes - 1))


class AluXnorPopcount(_ChainedXnorPopcount, LogicXnorPopcount):
    """`XnorPopcount` in Gowin's ALUs, with what iCE40's does with the last lane and the centring."""

    CHAIN = AluChain
    LONGEST = 60
    """ALUs: ten tiles of a row, where a chain still finds a place."""

    def _operand(self, m, part, level, name, results):
        if part.level == 0:
            return [Same(self.weights[part.bit], self.activations[part.bit])]
        return super()._operand(m, part, level, name, results)

    def _add(self, m, level, nodes, operands, carries):
        last = self.tree in nodes
        if last and self.shift:
            self._close(m)
            bits = [[part.bit if isinstance(part, Same) else part for part in parts] for parts in operands[0]]
            return XnorPopcount._add(self, m, level, nodes, [bits], carries)
        sums = []
        for i, (node, (left, right)) in enumerate(zip(nodes, operands, strict=True)):
            carry = 0 if node.bit is None else Same(self.weights[node.bit], self.activations[node.bit])
            self._begin(m, max(len(left), len(right)), carry)
            sums.append(self._sum(left, right, f"top_{level}_{i}")[: node.width])
        if level in self._registers:
            self._close(m, inverted=last and self._centred)
        return sums


def _count_few(lanes, more):
    """Bits of the number of ones among two lanes and, if there is one, a third: an AND and an XOR of two lanes take a
    LUT4 each with the lanes' XNORs in them, so they come first."""
    both, either = lanes[0] & lanes[1], lanes[0] ^ lanes[1]
    return [either ^ more, both | either & more]
