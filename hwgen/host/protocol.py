"""The messages between a host and a board: one definition, from which both ends and docs/protocol.md are made.

A message is the body of a frame (`hwgen.host.frames`): a sequence number, a code, and the fields of that code.
"""

import enum
import struct
from dataclasses import dataclass

from ..hdl import csr

__all__ = ["BAUD", "COMMANDS", "REPLIES", "WINDOW", "Answer", "Command", "Field", "Message", "Reply"]
__all__ += ["command", "load_row", "parse", "reply_body", "reply_bytes", "test_image"]

BAUD = 115200
"""Usual speed of a serial line in bits per second; each board's file has its own."""

WINDOW = 2
"""Images that a board may have at a time: one being computed or answered, one being received or waiting."""

HEADER_BYTES = 2


class Command(enum.IntEnum):
    """Codes of the messages to the board."""

    READ = 0x01
    RESET = 0x02
    IMAGE = 0x03
    TEST = 0x04
    LOAD = 0x05


class Reply(enum.IntEnum):
    """Codes of the messages from the board."""

    REGISTERS = 0x81
    DONE = 0x82
    RESULT = 0x83
    DAMAGED = 0x84
    UNKNOWN = 0x85


@dataclass(frozen=True, kw_only=True)
class Field:
    """Numbers that follow one another in a message, the least significant byte first.

    Attributes
    ----------
    name : what they are
    type : ``u8``, ``u16``, ``u32`` or ``i32`` (two's complement)
    count : how many, in words for the page
    """

    name: str
    type: str
    count: str

    @property
    def bytes(self) -> int:
        """Of one number."""
        return int(self.type[1:]) // 8


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message: its code, its fields after sequence number and code, and what it means, in words for the page."""

    code: Command | Reply
    fields: tuple[Field, ...] = ()
    meaning: str


COMMANDS = (
    Message(
        code=Command.READ,
        meaning="Answered by `REGISTERS`: what the board holds, and its counters.",
    ),
    Message(
        code=Command.RESET,
        meaning="Drops every image that the board has and sets its counters to 0. Answered by `DONE`; of what was "
        "dropped no reply comes after that.",
    ),
    Message(
        code=Command.IMAGE,
        fields=(Field(name="samples", type="u8", count="channels x height x width"),),
        meaning="Classifies an image: row after row, in a row column after column, of a pixel channel after channel. "
        "Answered by `RESULT`, images in their order.",
    ),
    Message(
        code=Command.TEST,
        meaning="Classifies the test image, which the board makes itself (below). Answered by `RESULT`, which the host "
        "compares with what the model gives.",
    ),
    Message(
        code=Command.LOAD,
        fields=(
            Field(name="table", type="u8", count="1"),
            Field(name="address", type="u16", count="1"),
            Field(name="row", type="u8", count="row bytes"),
        ),
        meaning="Writes a row of one of the core's tables (`hwgen/plan/loads.py` numbers them and says how many bytes "
        "every row has), or `MODEL` as the number after the last. Then as `RESET`. Unknown to a board that is not made "
        "for it.",
    ),
)

REPLIES = (
    Message(
        code=Reply.REGISTERS,
        fields=(Field(name="registers", type="u32", count="16 + layers"),),
        meaning="Every register from address 0 on, as they were one after the other.",
    ),
    Message(code=Reply.DONE, meaning="A `RESET` or a `LOAD` was done."),
    Message(
        code=Reply.RESULT,
        fields=(
            Field(name="logits", type="i32", count="logits"),
            Field(name="class", type="u32", count="1"),
            Field(name="cycles", type="u32", count="layers"),
        ),
        meaning="The logits of an image, the index of the largest (the lowest, where several are), and the clock "
        "cycles that each layer took; the last layer's include those in which its logits waited for the line.",
    ),
    Message(
        code=Reply.DAMAGED,
        meaning="A frame arrived damaged, or of another length than its command has: the board has dropped it and, as "
        "after `RESET`, every image whose result did not come before this. The sequence number means nothing.",
    ),
    Message(code=Reply.UNKNOWN, meaning="The command has a code that this board does not know; nothing was done."),
)

NUMBERS = {"u8": "B", "u16": "H", "u32": "I", "i32": "i"}


def command(sequence: int, code: Command, fields: bytes = b"") -> bytes:
    """Body of a message to the board.

    Parameters
    ----------
    sequence : 0 .. 255
    fields : an `IMAGE`'s samples, or a `LOAD`'s from `load_row`
    """
    return bytes([sequence, code]) + fields


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A message from the board: the numbers of each of its fields, by their names."""

    sequence: int
    code: Reply
    numbers: dict[str, list[int]]


def parse(body: bytes, logits: int, layers: int | None) -> Answer | None:
    """The message of a board with so many logits and layers; None if it is none. `REGISTERS` tells their number."""
    if len(body) < HEADER_BYTES or body[1] not in list(Reply):
        return None
    if layers is None:
        layers = max(0, (len(body) - HEADER_BYTES) // 4 - csr.Register.CYCLES)
    counts = _counts(code := Reply(body[1]), logits, layers)
    if len(body) != HEADER_BYTES + sum(count * field.bytes for field, count in counts):
        return None
    place, numbers = HEADER_BYTES, {}
    for field, count in counts:
        numbers[field.name] = list(struct.unpack_from(f"<{count}{NUMBERS[field.type]}", body, place))
        place += count * field.bytes
    return Answer(sequence=body[0], code=code, numbers=numbers)


def reply_body(answer: Answer) -> bytes:
    """What `parse` makes an answer of: the board's work, for boards in software."""
    fields = next(message.fields for message in REPLIES if message.code == answer.code)
    numbers = (struct.pack(f"<{len(n)}{NUMBERS[f.type]}", *n) for f in fields for n in [answer.numbers[f.name]])
    return bytes([answer.sequence, answer.code]) + b"".join(numbers)


def reply_bytes(code: Reply, logits: int, layers: int) -> int:
    """Bytes of a message from a board with so many logits and layers."""
    return HEADER_BYTES + sum(count * field.bytes for field, count in _counts(code, logits, layers))


def _counts(code: Reply, logits: int, layers: int) -> list[tuple[Field, int]]:
    known = {"16 + layers": csr.Register.CYCLES + layers, "layers": layers, "logits": logits, "1": 1}
    fields = next(message.fields for message in REPLIES if message.code == code)
    return [(field, known[field.count]) for field in fields]


def load_row(table: int, address: int, row: int, row_bytes: int) -> bytes:
    """Fields of a `LOAD`."""
    return struct.pack("<BH", table, address) + row.to_bytes(row_bytes, "little")


TEST_FIRST = 0x01
TEST_TAPS = 0xB8
"""The register's next state is this one shifted right by one, and where a 1 fell out exclusive or this."""


def test_image(samples: int, bits: int) -> bytes:
    """The image of `TEST`: the lowest `bits` of a linear feedback shift register of 8, which takes 255 states."""
    state, made = TEST_FIRST, bytearray()
    for _ in range(samples):
        made.append(state & (1 << bits) - 1)
        state = state >> 1 ^ (TEST_TAPS if state & 1 else 0)
    return bytes(made)


test_image.__test__ = False  # pyright: ignore[reportFunctionMemberAccess]
