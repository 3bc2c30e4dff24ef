"""The serial protocol between a host and `hwgen.hdl.shells.uart_shell`, version 0; both ends read it here.

The line has 8 data bits, no parity, one stop bit. The host sends one command and waits for its reply:

=========================================  ====================================================================
command                                    reply
=========================================  ====================================================================
``I``, the image's bytes (row, column,     ``R``, each logit in order, then the class index: 4 bytes each, two's
channel fastest; as many as the model has) complement, the least significant byte first
``C``, address of a register (one byte)    ``c``, its 4 bytes, the least significant first
``W``, address, 4 bytes as above           ``w``, once it is written
anything else                              ``E``
=========================================  ====================================================================

The registers are those of `hwgen.hdl.csr`. While an image is computed, register commands are answered too.

A command that breaks off is dropped after `TIMEOUT` and answered by ``E``; if it was an image, the core is reset too.
A byte whose stop bit is missing is dropped. So a board always comes back: when the host was silent for twice `TIMEOUT`
and all replies are out, it waits for a command.
"""

import enum
import struct

__all__ = ["BAUD", "TIMEOUT", "Command", "Reply", "parse_result", "parse_word"]
__all__ += ["image_command", "read_command", "result_bytes", "write_command"]

BAUD = 115200
"""Usual speed in bits per second; each board's file has its own."""

TIMEOUT = 0.05
"""Seconds from one byte of a command to the next after which a board may drop it; it drops it by twice that time."""


class Command(enum.IntEnum):
    """First byte of a command."""

    IMAGE = ord("I")
    READ = ord("C")
    WRITE = ord("W")


class Reply(enum.IntEnum):
    """First byte of a reply."""

    RESULT = ord("R")
    READ = ord("c")
    WRITTEN = ord("w")
    ERROR = ord("E")


def image_command(samples: bytes) -> bytes:
    """Command that has an image classified; `samples` in the order of the table above."""
    return bytes([Command.IMAGE]) + samples


def read_command(address: int) -> bytes:
    """Command that reads the register at `address`, 0 .. 255."""
    return struct.pack("<BB", Command.READ, address)


def write_command(address: int, value: int) -> bytes:
    """Command that writes `value`, 0 .. 2^32-1, to the register at `address`."""
    return struct.pack("<BBI", Command.WRITE, address, value)


def parse_word(data: bytes) -> int:
    """The value of a register from the 4 bytes after `Reply.READ`."""
    return struct.unpack("<I", data)[0]


def result_bytes(logits: int) -> int:
    """How many bytes follow `Reply.RESULT` if the model has that many logits."""
    return 4 * (logits + 1)


def parse_result(data: bytes) -> tuple[int, list[int]]:
    """Class index and logits from the bytes after `Reply.RESULT`."""
    *logits, index = struct.unpack(f"<{len(data) // 4}i", data)
    return index, logits
