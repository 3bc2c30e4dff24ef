"""Frames: bodies of bytes on a line on which any byte may be 0 but the one that ends a frame.

A frame carries a body and its CRC-32 (of IEEE 802.3, the least significant byte first), in blocks of COBS (Cheshire
and Baker, "Consistent Overhead Byte Stuffing", 1999), and ends with a byte 0. To the board a block's code comes before
its bytes, as in the paper: the host knows what follows, and the board decodes as it receives. From the board the code
comes after them: the board encodes as it sends, without a memory, and the host decodes from the frame's end (decision
17).

A block is up to 254 bytes that are not 0, and a code: their number and one. A code below 255 also stands for a byte 0
after them, but for the last block's. After a byte 0 a receiver stands at the start of a frame, whatever came before.
"""

import zlib
from collections.abc import Iterator

__all__ = [
    "CRC_BYTES",
    "Damage",
    "Splitter",
    "command_body",
    "command_frame",
    "frame_bytes",
    "reply_body",
    "reply_frame",
]

CRC_BYTES = 4
LONGEST = 254
"""Most bytes of a block."""


class Damage(ValueError):
    """A frame that did not arrive as it was sent."""


def command_frame(body: bytes) -> bytes:
    """Frame for the board."""
    return b"".join(bytes([len(block) + 1]) + block for block in _blocks(_with_crc(body))) + b"\0"


def command_body(frame: bytes) -> bytes:
    """What `command_frame` was given, of a frame without its last 0: the board's work, for boards in software.

    Raises
    ------
    Damage : that cannot be
    """
    data, place = b"", 0
    while place < len(frame):
        code = frame[place]
        if code == 0 or place + code > len(frame):
            raise Damage("a block is longer than its frame")
        data += frame[place + 1 : place + code] + (b"" if code > LONGEST else b"\0")
        place += code
    return _checked(data, bool(frame) and code <= LONGEST)


def reply_frame(body: bytes) -> bytes:
    """Frame for the host, as the board sends it."""
    return b"".join(block + bytes([len(block) + 1]) for block in _blocks(_with_crc(body))) + b"\0"


def reply_body(frame: bytes) -> bytes:
    """What `reply_frame` was given, of a frame without its last 0.

    Raises
    ------
    Damage : that cannot be
    """
    blocks, end = [], len(frame)
    while end > 0:
        code = frame[end - 1]
        if code == 0 or code > end:
            raise Damage("a block is longer than its frame")
        blocks.append(frame[end - code : end - 1] + (b"" if code > LONGEST else b"\0"))
        end -= code
    return _checked(b"".join(reversed(blocks)), bool(frame) and frame[-1] <= LONGEST)


def frame_bytes(body: int) -> int:
    """Most bytes of the frame of a body of so many."""
    return body + CRC_BYTES + (body + CRC_BYTES) // LONGEST + 2


class Splitter:
    """Takes bytes as they come, gives frames without their last 0 as they are complete; what is too long is cut off.

    Parameters
    ----------
    longest : bytes of the longest frame; of more than that none is kept, and the frame that they make is damaged
    """

    def __init__(self, longest: int):
        self.longest = longest
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that end in `data`, but empty ones."""
        *ended, rest = data.split(b"\0")
        for part in ended:
            frame, self._kept = self._kept + part, b""
            if frame:
                yield frame[: self.longest]
        self._kept = (self._kept + rest)[: self.longest]


def _with_crc(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(CRC_BYTES, "little")


def _checked(data: bytes, ended: bool) -> bytes:
    """The body of the decoded bytes of a frame, whose last block brought a 0 too many if it `ended` one."""
    body, crc = data[: -CRC_BYTES - 1], data[-CRC_BYTES - 1 : -1]
    if not ended or len(crc) < CRC_BYTES or zlib.crc32(body).to_bytes(CRC_BYTES, "little") != crc:
        raise Damage("its CRC is another")
    return body


def _blocks(data: bytes) -> Iterator[bytes]:
    """The bytes of each block but its code; a full one is followed by another, if need be an empty one."""
    for part in data.split(b"\0"):
        full = len(part) // LONGEST * LONGEST
        yield from (part[i : i + LONGEST] for i in range(0, full, LONGEST))
        yield part[full:]
