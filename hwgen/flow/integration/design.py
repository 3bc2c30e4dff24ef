"""What is generated: an accelerator in a shell, as the module that it becomes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from amaranth.hdl import Shape
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ...boards import Board
from ...errors import InputError
from ...hdl.accelerator import Accelerator
from ...hdl.shells.axi import AXIShell
from ...hdl.shells.ports import Port
from ...hdl.shells.wishbone import WishboneShell
from ...plan.plan import Plan
from ..structure import structure

__all__ = ["SHELLS", "Design", "check_shell"]

CORE_MEANINGS = {
    "image__payload": "a sample of an image: row after row, column after column, channel after channel",
    "image__valid": "there is a sample",
    "image__ready": "it is taken",
    "result__payload": "bits 31..0: a logit, two's complement, or at the end the class; bit 32: it is the class",
    "result__valid": "there is a word of a result",
    "result__ready": "it is taken",
    "csr__address": "address of a register, counted in words",
    "csr__read": "high for a cycle to read it",
    "csr__read_data": "what was read last, from the next cycle on",
    "csr__write": "high for a cycle to write it",
    "csr__write_data": "what is written",
    "load": "bytes of a row for a table (hwgen/hdl/loading.py); tie it low",
    "trace": "for simulation; leave it open",
}
"""Of the ports of `Accelerator`, by their names or the first parts of them."""


@dataclass(frozen=True, kw_only=True)
class _Shell:
    """What is known of a shell before there is a plan: how it is made, its clock and its reset."""

    top: str
    make: Callable[[Accelerator], wiring.Component]
    ports: Callable[[wiring.Component], Sequence[Port]]
    clock: str
    reset: str
    reset_active: int


def _core_ports(component):
    ports = [
        Port("clk", True, 1, "clock of all ports"),
        Port("rst", True, 1, "reset of everything, active high, synchronous to clk"),
    ]
    for path, member, _ in component.signature.flatten(component):
        name = "__".join(map(str, path))
        meaning = CORE_MEANINGS.get(name) or CORE_MEANINGS[str(path[0])]
        ports.append(Port(name, member.flow == In, Shape.cast(member.shape).width, meaning))
    return ports


SHELLS = {
    "core": _Shell(
        top="accelerator", make=lambda core: core, ports=_core_ports, clock="clk", reset="rst", reset_active=1
    ),
    "axi": _Shell(
        top="accelerator_axi", make=AXIShell, ports=lambda _: AXIShell.PORTS,
        clock="aclk", reset="aresetn", reset_active=0,
    ),
    "wishbone": _Shell(
        top="accelerator_wishbone", make=WishboneShell, ports=lambda _: WishboneShell.PORTS,
        clock="clk_i", reset="rst_i", reset_active=1,
    ),
}  # fmt: skip
"""By the names that the command line takes."""


def check_shell(shell: str) -> None:
    """
    Raises
    ------
    InputError : `shell` is none of `SHELLS`
    """
    if shell not in SHELLS:
        raise InputError(f"there is no shell {shell[:40]!r}; --shell is one of {', '.join(SHELLS)}")


@dataclass(frozen=True, kw_only=True)
class Design:
    """An accelerator in a shell.

    Attributes
    ----------
    shell : a key of `SHELLS`
    plan, board : what it is made for; it is not tied to the board's pins
    clock_hz : of the accelerator, in hertz
    top : name of the module
    component : of Amaranth
    ports : of the module, in the order in which they are shown
    clock, reset : names among them
    reset_active : level of the reset
    """

    shell: str
    plan: Plan
    board: Board
    clock_hz: int
    top: str
    component: wiring.Component
    ports: Sequence[Port]
    clock: str
    reset: str
    reset_active: int

    @classmethod
    def of(cls, plan: Plan, board: Board, shell: str, clock_hz: int) -> "Design":
        """`shell` passes `check_shell`."""
        kind = SHELLS[shell]
        component = kind.make(Accelerator(plan, structure=structure(plan)))
        return cls(
            shell=shell, plan=plan, board=board, clock_hz=clock_hz, top=kind.top, component=component,
            ports=kind.ports(component), clock=kind.clock, reset=kind.reset, reset_active=kind.reset_active,
        )  # fmt: skip

    @property
    def network(self) -> str:
        """The network's name as an identifier."""
        return re.sub(r"\W", "_", self.plan.network.name, flags=re.ASCII) or "network"

    @property
    def samples(self) -> int:
        """Bytes of an image."""
        channels, height, width = self.plan.lowered.image_shape
        return channels * height * width

    @property
    def words(self) -> int:
        """32-bit words of a result: logits and class."""
        return self.plan.logits.count + 1
