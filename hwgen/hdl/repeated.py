"""A component that occurs many times in a design: written out once, however often it is placed."""

from collections.abc import Callable, Sequence

from amaranth import ClockDomain, ClockSignal, Fragment, Instance, Module, Signal
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Repeated", "copies"]


class Repeated:
    """Amaranth would elaborate and write a copy for each place; 256 processing elements then take a minute, and every
    tool behind has to read them. Here they are instances of one module, which the platform gets as a file of its own.
    Amaranth's simulator, where the platform is None, knows no instances and gets copies.

    Parameters
    ----------
    platform : as `elaborate` was given it; with `add_file`, if it is not None
    name : of the module
    make : makes the component; its signature is flat, and its registers have no reset, because no reset reaches them
    kept : whether synthesis has to keep every register, where it would merge those that hold the same

    Attributes
    ----------
    first : one of the components, to ask what it is like
    """

    def __init__(self, platform, name: str, make: Callable[[], wiring.Component], kept: bool = False):
        self.platform, self.name, self.make = platform, name, make
        self.first = make()
        if platform is not None:
            clock = ClockDomain("sync", reset_less=True)
            fragment = Fragment.get(self.first, platform)
            fragment.add_domains(clock)
            ports = [getattr(self.first, member) for member in self.first.signature.members]
            text = rtlil.convert(fragment, ports=[clock.clk, *ports], name=name, platform=platform, emit_src=False)
            if kept:
                text = text.replace("\n  cell $dff ", "\n  attribute \\keep 1\n  cell $dff ")
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


def copies(m: Module, platform, name: str, values: Sequence) -> list[Signal]:
    """A register of each of `values`, which are alike, each for some of the readers: one that drives thousands of cells
    all over the chip is what a clock waits for. They have no reset."""
    width = len(values[0])
    registers = Repeated(platform, f"register_{name}_{width}", lambda: _Register(width), kept=True)
    made = []
    for i, value in enumerate(values):
        register = registers.place(m, f"{name}_{i}")
        m.d.comb += register.d.eq(value)
        made.append(register.q)
    return made


class _Register(wiring.Component):
    def __init__(self, width: int):
        super().__init__({"d": In(width), "q": Out(width)})

    def elaborate(self, platform):
        m = Module()
        register = Signal(len(self.q), reset_less=True)
        m.d.sync += register.eq(self.d)
        m.d.comb += self.q.eq(register)
        return m
