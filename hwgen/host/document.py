"""python -m hwgen.host.document: docs/protocol.md, from the definitions that both ends are made from."""

import inspect
from collections.abc import Sequence

from ..hdl import csr
from ..report.table import Table
from . import frames, protocol, spi
from .protocol import Message

HEAD = """\
# The protocol of a board

This page is written by `python -m hwgen.host.document`, from the definitions of `hwgen/host/protocol.py`,
`hwgen/host/frames.py` and `hwgen/hdl/csr.py`.
"""

EXCHANGE = f"""\
## Exchange

The host sends a command, the board answers it once, with the command's sequence number. Up to {protocol.WINDOW} images
may be on their way at a time: one is computed or answered, while the next is received. Other commands are answered
meanwhile, but not while two are there: until the result of the first begins, the board takes nothing more.

The board has no time-outs: it waits for the rest of a frame, which then is good or damaged. The host has them: when a
reply is `DAMAGED`, is damaged itself, or does not come in time, the host sends a byte 0, which ends whatever had begun,
and `RESET`, until the `DONE` of that `RESET` comes; then it sends again what had no result. So a result is right or
there is none, as far as the CRC tells, and neither end can hang.

A serial line has 8 data bits, no parity and one stop bit, and cannot wait: a board that still answers a command loses
bytes of the one after the next, and says `DAMAGED`.
"""

MESSAGES = """\
## Messages

A message is the body of a frame: sequence number (u8), code (u8), and the fields of that code. Numbers stand the least
significant byte first; i32 is two's complement.
"""

SPI = f"""\
## SPI

SPI carries the same frames. An exchange is {spi.EXCHANGE_BITS} bits, the most significant first, in mode 0: a byte of
flags and a byte of data, both ways at a time. Flag {spi.GIVES:#04x}: the sender's data are a byte of a frame. Flag
{spi.TAKES:#04x}, of the board: it takes the byte that the host gives in this exchange; otherwise the host gives it
again, or sends the frame again. Each select begins with an exchange, and an exchange that breaks off is none. A bit
takes at least {spi.LEAST_CYCLES} cycles of the core's clock.
"""

TEST = f"""\
## The test image

Each sample is the lowest bits of a state, as many as a pixel of the model has. The first state is
{protocol.TEST_FIRST:#04x}; each follows from the one before it: shifted right by one, and where a 1 fell out exclusive
or {protocol.TEST_TAPS:#04x}.
"""


def page() -> str:
    """The page, in Markdown."""
    _, _, details = (inspect.getdoc(frames) or "").partition("\n\n")
    parts = [
        HEAD,
        f"## Frames\n\n{details}\n",
        EXCHANGE,
        MESSAGES,
        _messages("to the board", protocol.COMMANDS),
        _messages("from the board", protocol.REPLIES),
        SPI,
        TEST,
        _registers(),
    ]
    return "\n".join(parts)


def _messages(title: str, messages: Sequence[Message]) -> str:
    rows = [
        [
            f"`{m.code.name}`",
            f"{m.code:#04x}",
            ", ".join(f"{f.name}: {f.type} x {f.count}" for f in m.fields),
            m.meaning,
        ]
        for m in messages
    ]
    return Table(columns=[title, "code", "fields", ""], rows=rows).markdown()


def _registers() -> str:
    rows = [[int(register), f"`{register.name}`", register.meaning] for register in csr.Register]
    head = f"## Registers, version {csr.VERSION}\n\nRead-only, but for `CONTROL`; what is not listed reads as 0.\n\n"
    return head + Table(columns=["address", "register", ""], rows=rows).markdown()


if __name__ == "__main__":
    print(page().rstrip())
