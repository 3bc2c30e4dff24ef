"""A component that occurs many times in a design: written out once, however often it is placed."""

from collections.abc import Callable

from amaranth import ClockDomain, ClockSignal, Fragment, Instance, Module
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["Repeated"]


class Repeated:
    """Amaranth would elaborate and write a copy for each place; 256 processing elements then take a minute, and every
    tool behind has to read them. Here they are instances of one module, which the platform gets as a file of its own.
    Amaranth's simulator, where the platform is None, knows no instances and gets copies.

    Parameters
    ----------
    platform : as `elaborate` was given it; with `add_file`, if it is not None
    name : of the module
    make : makes the component; its signature is flat, and its registers have no reset, because no reset reaches them

    Attributes
    ----------
    first : one of the components, to ask what it is like
    """

    def __init__(self, platform, name: str, make: Callable[[], wiring.Component]):
        self.platform, self.name, self.make = platform, name, make
        self.first = make()
        if platform is not None:
            clock = ClockDomain("sync", reset_less=True)
            fragment = Fragment.get(self.first, platform)
            fragment.add_domains(clock)
            ports = [getattr(self.first, member) for member in self.first.signature.members]
            text = rtlil.convert(fragment, ports=[clock.clk, *ports], name=name, platform=platform, emit_src=False)
            platform.add_file(f"{name}.il", text)
        self._left = [self.first]

    def place(self, m: Module, label: str):
        """One more of it, as submodule `label`: an object with the members of its signature."""
        if self.platform is None:
            component = self._left.pop() if self._left else self.make()
            m.submodules[label] = component
            return component
        interface = self.first.signature.create(path=(label,))
        ports = {
            f"{'i' if member.flow is In else 'o'}_{name}": getattr(interface, name)
            for name, member in self.first.signature.members.items()
        }
        m.submodules[label] = Instance(self.name, i_clk=ClockSignal(), **ports)
        return interface
