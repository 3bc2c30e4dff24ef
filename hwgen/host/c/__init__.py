"""A host in C99 for microcontrollers: ``hwgen_host.h`` and ``hwgen_host.c`` for one model, from the definitions of
`hwgen.host.protocol`, `hwgen.host.frames`, `hwgen.hdl.csr`, and `hwgen.host.device`, whose twin it is."""

import enum
import string
import textwrap
from dataclasses import dataclass
from pathlib import Path

from ...hdl import csr
from ...network import Network
from .. import device, frames, protocol, spi
from ..self_test import expected

__all__ = ["NAMES", "HostModel", "sources"]

NAMES = ("hwgen_host.c", "hwgen_host.h")
FOLDER = Path(__file__).parent
WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class HostModel:
    """What a host in C knows of the model that its board holds.

    Attributes
    ----------
    word : value of the register `MODEL`
    image_shape : (channels, height, width)
    layers : how many have a cycle counter
    logits : that the model gives of `protocol.test_image`
    index : of their class
    """

    word: int
    image_shape: tuple[int, int, int]
    layers: int
    logits: tuple[int, ...]
    index: int

    @classmethod
    def of(cls, network: Network, layers: int) -> "HostModel":
        """That of a network of which hardware with so many cycle counters was made."""
        index, logits = expected(network)
        return cls(
            word=csr.model_word(network.digest),
            image_shape=network.image_shape,
            layers=layers,
            logits=tuple(logits),
            index=index,
        )


def sources(model: HostModel) -> dict[str, str]:
    """Text of each file, by its name."""
    texts = {name: (FOLDER / name).read_text() for name in NAMES}
    return {name: string.Template(text).substitute(constants=_constants(model)) for name, text in texts.items()}


def _constants(model: HostModel) -> str:
    channels, height, width = model.image_shape
    logits, layers = len(model.logits), model.layers
    longest = max(protocol.reply_bytes(code, logits, layers) for code in protocol.Reply)
    parts = [
        "/* The model. */",
        _define("MODEL", f"{model.word:#010x}u", "the first 32 bits of its digest"),
        _define("CHANNELS", channels, "of an image"),
        _define("HEIGHT", height),
        _define("WIDTH", width),
        _define("SAMPLES", channels * height * width, "bytes of an image"),
        _define("LOGITS", logits),
        _define("LAYERS", layers, "that have a cycle counter"),
        _define("TEST_INDEX", model.index, "what the model gives of the test image: class, logits"),
        _list("TEST_LOGITS", model.logits),
        "",
        "/* The protocol. */",
        _define("WINDOW", protocol.WINDOW, "images that a board may have at a time"),
        _define("HEADER_BYTES", protocol.HEADER_BYTES, "of a message: sequence number, code"),
        _define("CRC_BYTES", frames.CRC_BYTES),
        _define("BLOCK_BYTES", frames.LONGEST, "at most that are not 0 in a block of a frame"),
        _define("REPLY_BYTES", frames.frame_bytes(longest), "of the longest frame from the board, with its end"),
        _define("BAUD", protocol.BAUD, "usual bits per second of a serial line; the board's file has its own"),
        _define("SPI_GIVES", f"{spi.GIVES:#04x}", "flag of an exchange over SPI: its data are a byte of a frame"),
        _define("SPI_BURST", spi.BURST, "exchanges in one transfer, at most"),
        _define("SPI_TAKES", f"{spi.TAKES:#04x}", "flag from the board: it takes the byte of this exchange"),
        "",
        _enum("command", protocol.Command),
        "",
        _enum("reply", protocol.Reply),
        "",
        "/* What goes wrong is tried again, but not for ever. */",
        _define("ATTEMPTS", device.ATTEMPTS, "in a row"),
        _define("SILENCES", device.SILENCES, "in a row after which nothing came at all"),
        _define("PATIENCE_MS", round(1000 * device.PATIENCE), "usual milliseconds for an image and its result"),
        _define("TURNAROUND", round(1 / device.TURNAROUND), "a command without computation has one part in so many"),
        "",
        "/* The registers: word addresses, and what two of them hold. */",
        _define("MAGIC", f"{csr.MAGIC:#010x}u"),
        _define("VERSION", csr.VERSION),
        _define("REGISTER_COUNT", csr.Register.CYCLES + layers, "of this model's board"),
        _enum("register", csr.Register),
    ]
    return "\n".join(parts)


def _define(name: str, value: object, comment: str = "") -> str:
    return f"#define HWGEN_{name} {value}" + (f" /* {comment} */" if comment else "")


def _list(name: str, values: tuple[int, ...]) -> str:
    lines = textwrap.wrap(", ".join(map(str, values)), WIDTH)
    return " \\\n".join([f"#define HWGEN_{name}", "    {", *(f"        {line}" for line in lines), "    }"])


def _enum(name: str, codes: type[enum.IntEnum]) -> str:
    rows = [f"    HWGEN_{name.upper()}_{code.name} = {int(code):#04x}" for code in codes]
    return f"enum hwgen_{name} {{\n" + ",\n".join(rows) + "\n};"
