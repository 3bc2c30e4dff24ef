"""Ports of a shell: one table says of each its direction, its width, and what it means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Port", "ports_of", "signature_members"]


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


def ports_of(component: wiring.Component, meanings: Mapping[str, str]) -> list[Port]:
    """The ports that `component` becomes as a top module, with ``__`` between the parts of a name.

    Parameters
    ----------
    meanings : by the name, or by its first part for all that begin with it

    Raises
    ------
    KeyError : a port has no meaning
    """
    found = []
    for path, member, value in component.signature.flatten(component):
        name = "__".join(map(str, path))
        meaning = meanings[name] if name in meanings else meanings[str(path[0])]
        found.append(Port(name, member.flow == In, len(value), meaning))
    return found
