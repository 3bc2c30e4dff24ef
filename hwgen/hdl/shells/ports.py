"""Ports of a top module: one table says of each its direction, its width, and what it means."""

from collections.abc import Iterable
from dataclasses import dataclass

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Port", "signature_members"]


@dataclass(frozen=True)
class Port:
    """A port of a top module.

    Parameters
    ----------
    name : as the Verilog has it
    is_input : of the module
    width : bits, at least 1
    meaning : in a few words, without a full stop
    """

    name: str
    is_input: bool
    width: int
    meaning: str


def signature_members(ports: Iterable[Port]) -> dict[str, wiring.Member]:
    """The members of a component that has these ports under their own names."""
    return {port.name: (In if port.is_input else Out)(port.width) for port in ports}
