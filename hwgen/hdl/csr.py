"""The control and status registers of the accelerator core: one map, read by the hardware, the shells and the host.

Every register is a word of 32 bits with a word address of 8 bits. There is no wait state: see `Signature`.
"""

import enum

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ADDRESS_BITS", "CONTROL_SOFT_RESET", "DATA_BITS", "MAGIC", "MAX_LAYER_CYCLES", "STATUS_BUSY", "VERSION"]
__all__ += ["Register", "Signature", "layer_cycles", "model_word"]

ADDRESS_BITS = 8
DATA_BITS = 32

MAGIC = 0x6E676877
"""Value of `Register.MAGIC`: the letters ``hwgn``, the least significant byte first."""

VERSION = 2
"""Value of `Register.VERSION`: counts up whenever this map or what a register means changes."""


class Register(enum.IntEnum):
    """Word address of each register. An address that is not listed reads as 0; writing to it does nothing. The last is
    left to the shells of buses (`hwgen.hdl.shells.bus`).

    Attributes
    ----------
    meaning : what it holds, in words; read-only where it does not say otherwise
    """

    meaning: str

    def __new__(cls, address: int, meaning: str):
        made = int.__new__(cls, address)
        made._value_ = address
        made.meaning = meaning
        return made

    MAGIC = 0, f"Always {MAGIC:#010x}, the letters hwgn: tells an hwgen core from silence or another design."
    VERSION = 1, f"Version of this map, {VERSION}."
    MODEL = 2, "The first 32 bits of the network's digest."
    STATUS = 3, "Bit 0: a frame is being computed or sent."
    CONTROL = 4, "Writing 1 to bit 0 drops every frame in flight; reads as 0."
    LAYERS = 5, "How many layers have a cycle counter."
    FRAMES = 6, "Frames done since reset, modulo 2^32."
    CHANNELS = 7, "Channels of an image."
    HEIGHT = 8, "Rows of an image."
    WIDTH = 9, "Columns of an image."
    LOGITS = 10, "How many logits a result has before its class index."
    P = 11, "Output channels that the array computes at a time."
    S = 12, "Input channels that it takes at a time."
    Q = 13, "Pixels that it computes at a time."
    CLOCK = 14, "The clock of the core in hertz, 0 where it was not known when the core was made."
    STRUCTURE = 15, "Of hardware into which networks can be loaded: a digest of all of it but their contents; else 0."
    CYCLES = 16, "Cycles that layer 0 took in the last frame done; those of layer i are at 16 + i."


STATUS_BUSY = 1 << 0
"""STATUS bit 0: at least one frame is being computed or sent."""

CONTROL_SOFT_RESET = 1 << 0
"""CONTROL bit 0: writing 1 returns the core to its state after reset, in mid-frame too; the streams may break off."""

MAX_LAYER_CYCLES = (1 << ADDRESS_BITS) - 1 - Register.CYCLES
"""How many layers the map has room for."""


def layer_cycles(index: int) -> int:
    """Address of the cycle counter of layer `index`.

    Raises
    ------
    ValueError : an index beyond 0 .. `MAX_LAYER_CYCLES` - 1
    """
    if not 0 <= index < MAX_LAYER_CYCLES:
        raise ValueError(f"a layer with a cycle counter has an index of 0..{MAX_LAYER_CYCLES - 1}, not {index}")
    return Register.CYCLES + index


def model_word(digest: str) -> int:
    """Value of `Register.MODEL` for a network whose `digest` is this hexadecimal text."""
    return int(digest[:8], 16)


class Signature(wiring.Signature):
    """Bus of the register map, as its master sees it; the core has ``csr: In(csr.Signature())``.

    Members
    -------
    address : Out(8), the word address
    read : Out(1), high for one cycle to have the register at `address` in `read_data` from the next one on
    read_data : In(32), the value that the register last read had then
    write : Out(1), high for one cycle to write `write_data` to `address`
    write_data : Out(32)
    """

    def __init__(self):
        super().__init__(
            {
                "address": Out(ADDRESS_BITS),
                "read": Out(1),
                "read_data": In(DATA_BITS),
                "write": Out(1),
                "write_data": Out(DATA_BITS),
            }
        )

    def __eq__(self, other):
        return isinstance(other, Signature)

    def __repr__(self):
        return "csr.Signature()"
