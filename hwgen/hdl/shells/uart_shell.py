"""The accelerator core behind a serial port."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from .commands import CommandShell
from .uart import Receiver, Transmitter

__all__ = ["UARTShell"]


class UARTShell(wiring.Component):
    """`CommandShell` on a serial line of 8 data bits, no parity and one stop bit.

    The line cannot wait: bytes that come while the shell does not take them are lost, so that their frame is damaged.

    Parameters
    ----------
    core : as for `CommandShell`
    divisor : clock cycles per bit of the line

    Members
    -------
    rx : In(1), line from the host
    tx : Out(1), line to the host
    busy : as in `CommandShell`
    """

    def __init__(self, core: wiring.Component, *, divisor: int):
        self.core, self.divisor = core, divisor
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.commands = commands = CommandShell(self.core)
        m.submodules.receiver = receiver = Receiver(self.divisor)
        m.submodules.transmitter = transmitter = Transmitter(self.divisor)
        connect(m, receiver.data, commands.received)
        connect(m, commands.sent, transmitter.data)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx), self.busy.eq(commands.busy)]
        return m
