"""Integer types and value ranges: the one place that answers width, minimum, maximum and code of a value.

An activation is an integer of 1..12 bits of one of three kinds. The hardware stores its *code*, an unsigned
number of the same width, whose bits are the bit planes; `offset` and `step` tie the two together.
"""

from dataclasses import dataclass

MAX_ACTIVATION_BITS = 12
MAX_RESULT_BITS = 32


@dataclass(frozen=True)
class IntegerType:
    """Type of an activation tensor.

    Parameters
    ----------
    kind : ``"bipolar"`` (one bit, -1 or +1), ``"unsigned"`` (0 .. 2^bits-1) or ``"signed"`` (two's complement).
    bits : width, 1..32 (activations that the array reads: at most 12).

    Raises
    ------
    ValueError : an unknown kind, or a width that the kind does not have.
    """

    kind: str
    bits: int

    def __post_init__(self):
        if self.kind not in ("bipolar", "unsigned", "signed"):
            raise ValueError(f"kind is 'bipolar', 'unsigned' or 'signed', not {self.kind!r}")
        if isinstance(self.bits, bool) or not isinstance(self.bits, int):
            raise ValueError(f"bits is an integer, not {self.bits!r}")
        least = 2 if self.kind == "signed" else 1
        most = 1 if self.kind == "bipolar" else MAX_RESULT_BITS
        if not least <= self.bits <= most:
            raise ValueError(f"a {self.kind} integer has {least}..{most} bits, not {self.bits}")

    @classmethod
    def parse(cls, text: str) -> "IntegerType":
        """The type that `str` printed: ``B1``, ``U8``, ``S4``."""
        kinds = {"B": "bipolar", "U": "unsigned", "S": "signed"}
        if not text or text[0] not in kinds or not text[1:].isdecimal() or len(text) > 3:
            raise ValueError(f"an integer type is written B1, U8 or S4, not {text!r}")
        return cls(kinds[text[0]], int(text[1:]))

    def __str__(self):
        return f"{self.kind[0].upper()}{self.bits}"

    @property
    def minimum(self) -> int:
        return {"bipolar": -1, "unsigned": 0, "signed": -(1 << (self.bits - 1))}[self.kind]

    @property
    def maximum(self) -> int:
        return self.minimum + self.step * ((1 << self.bits) - 1)

    @property
    def step(self) -> int:
        """Difference of neighbouring values: value = minimum + step * code."""
        return 2 if self.kind == "bipolar" else 1

    def has(self, value: int) -> bool:
        """Whether `value` is one of the type's values (a bipolar type has no 0)."""
        return self.minimum <= value <= self.maximum and (value - self.minimum) % self.step == 0


BIPOLAR = IntegerType("bipolar", 1)
PIXEL = IntegerType("unsigned", 8)


def unsigned(bits: int) -> IntegerType:
    """Unsigned integer type of `bits` bits."""
    return IntegerType("unsigned", bits)


def signed(bits: int) -> IntegerType:
    """Two's complement integer type of `bits` bits."""
    return IntegerType("signed", bits)


@dataclass(frozen=True)
class Range:
    """Closed range of exact integers: what an accumulator can hold."""

    minimum: int
    maximum: int

    def __post_init__(self):
        if self.minimum > self.maximum:
            raise ValueError(f"a range's minimum {self.minimum} is above its maximum {self.maximum}")

    @property
    def bits(self) -> int:
        """Two's complement bits that hold every value."""
        return max((~n if n < 0 else n).bit_length() for n in (self.minimum, self.maximum)) + 1

    def __str__(self):
        return f"[{self.minimum}, {self.maximum}]"
