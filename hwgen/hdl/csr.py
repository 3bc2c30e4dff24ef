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

VERSION = 1
"""Value of `Register.VERSION`: counts up whenever this map or what a register means changes."""


class Register(enum.IntEnum):
    """Word address of each register. An address that is not listed reads as 0; writing to it does nothing."""

    MAGIC = 0
    """Read-only: always `MAGIC`; tells an hwgen core from silence or another design."""

    VERSION = 1
    """Read-only: always `VERSION`."""

    MODEL = 2
    """Read-only: the first 32 bits of the network's digest (`model_word`)."""

    STATUS = 3
    """Read-only: `STATUS_BUSY`, the other bits are 0."""

    CONTROL = 4
    """Write `CONTROL_SOFT_RESET` to drop every frame in flight; reads as 0."""

    LAYERS = 5
    """Read-only: how many layers have a cycle counter."""

    FRAMES = 6
    """Read-only: frames done since reset, modulo 2^32."""

    CHANNELS = 7
    """Read-only: channels of an image."""

    HEIGHT = 8
    """Read-only: rows of an image."""

    WIDTH = 9
    """Read-only: columns of an image."""

    LOGITS = 10
    """Read-only: how many logits a result has before its class index."""

    CYCLES = 16
    """Read-only: cycles that layer 0 took in the last frame done; layer i is at CYCLES + i (`layer_cycles`)."""


STATUS_BUSY = 1 << 0
"""STATUS bit 0: at least one frame is being loaded, computed or sent."""

CONTROL_SOFT_RESET = 1 << 0
"""CONTROL bit 0: writing 1 returns the core to its state after reset, in mid-frame too; the streams may break off."""

MAX_LAYER_CYCLES = (1 << ADDRESS_BITS) - Register.CYCLES
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
    read_data : In(32), the value of the register whose address stood there one cycle ago
    write : Out(1), high for one cycle to write `write_data` to `address`
    write_data : Out(32)
    """

    def __init__(self):
        super().__init__(
            {
                "address": Out(ADDRESS_BITS),
                "read_data": In(DATA_BITS),
                "write": Out(1),
                "write_data": Out(DATA_BITS),
            }
        )

    def __eq__(self, other):
        return isinstance(other, Signature)

    def __repr__(self):
        return "csr.Signature()"
