"""Trees of carry chains that count ones: the structure, without any family's cells.

A full adder takes three bits of one weight and gives two, a sum and a carry. A `Counter` adds the results of two
smaller ones by a chain of full adders, whose carry-in takes one more bit. Counters of 2^k - 1 bits fill every adder:
two of 2^(k-1) - 1 bits give k - 1 bits each, and with the carry-in all values of the k bits of their sum occur.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

__all__ = ["Counter", "counter", "registered_levels"]


@dataclass(frozen=True, kw_only=True)
class Counter:
    """Counts `size` bits.

    Attributes
    ----------
    left, right : the counters whose results are added; None for a single bit
    bit : the bit itself, or the one that the chain's carry-in takes; None: the carry-in is 0
    level : adders from the bits to the result, 0 for a single bit
    """

    size: int
    left: "Counter | None" = None
    right: "Counter | None" = None
    bit: int | None = None

    @property
    def parts(self) -> "tuple[Counter, ...]":
        return () if self.left is None or self.right is None else (self.left, self.right)

    @cached_property
    def level(self) -> int:
        return 1 + max(part.level for part in self.parts) if self.parts else 0

    @property
    def width(self) -> int:
        """Bits of the result."""
        return self.size.bit_length()

    def adders(self) -> Iterator["Counter"]:
        """Every counter that adds, parts before the whole."""
        for part in self.parts:
            yield from part.adders()
        if self.parts:
            yield self


@cache
def counter(size: int, first: int = 0) -> Counter:
    """A counter of the bits first .. first + size - 1."""
    if size == 1:
        return Counter(size=1, bit=first)
    carried = size > 2
    left = (size - carried + 1) // 2
    right = size - carried - left
    return Counter(
        size=size,
        left=counter(left, first),
        right=counter(right, first + left),
        bit=first + left + right if carried else None,
    )


def registered_levels(levels: int, stages: int) -> tuple[int, ...]:
    """The levels behind which `stages` registers stand, evenly; the last is always among them."""
    return tuple(sorted({max(1, levels * (i + 1) // stages) for i in range(stages)}))
