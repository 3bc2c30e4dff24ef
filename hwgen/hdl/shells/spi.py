"""The accelerator core behind SPI: bytes in pairs with flags, both ways at a time, so that either end may wait.

An exchange is 16 bits, the most significant first, in mode 0 (the clock rests low, data are taken when it rises), as
many as there are while the select line is low. Its first byte is flags: of the host `GIVES`, of the board `GIVES` and
`TAKES`; its second byte is data, if the sender's flags say `GIVES`. A byte of the host is taken where the board's flags
said `TAKES`. `hwgen.host.spi` is the other end.
"""

from amaranth.hdl import C, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect

from ...host.spi import EXCHANGE_BITS as BITS
from ...host.spi import GIVES, TAKES
from .commands import CommandShell

__all__ = ["Peripheral", "SPIShell", "signature"]

assert TAKES == 1, "the last bit of the flags is put in by itself"


def signature() -> wiring.Signature:
    """The lines of SPI at the board.

    Members
    -------
    clock, select, copi : from the host; ``select`` is active low
    cipo : to the host
    selected : high while ``cipo`` is to be driven
    """
    lines = {"clock": In(1), "select": In(1, init=1), "copi": In(1), "cipo": Out(1), "selected": Out(1)}
    return wiring.Signature(lines)


class Peripheral(wiring.Component):
    """Lines of SPI to streams of bytes. The host's clock is at most an eighth of the clock here, and its first edge at
    least 4 cycles after the select line's.

    Members
    -------
    clock, select, copi, cipo, selected : see `signature`; may change at any time
    received : Out, stream of bytes from the host
    sent : In, stream of bytes to the host
    """

    def __init__(self):
        byte = stream.Signature(unsigned(8))
        super().__init__({**signature().members, "received": Out(byte), "sent": In(byte)})

    def elaborate(self, platform):
        m = Module()
        clock, select, copi = Signal(), Signal(init=1), Signal()
        m.submodules.clock = FFSynchronizer(self.clock, clock)
        m.submodules.select = FFSynchronizer(self.select, select, init=1)
        m.submodules.copi = FFSynchronizer(self.copi, copi)
        clock_before, select_before = Signal(), Signal(init=1)
        m.d.sync += [clock_before.eq(clock), select_before.eq(select)]
        rises, falls = clock & ~clock_before & ~select, ~clock & clock_before & ~select

        came, goes = Signal(BITS), Signal(BITS)
        count = Signal(range(BITS))
        gives, takes = Signal(), Signal()  # what the flags of this exchange say
        m.d.comb += [self.cipo.eq(goes[-1]), self.selected.eq(~select)]

        with m.If(self.received.ready):
            m.d.sync += self.received.valid.eq(0)
        word = Cat(copi, came)[:BITS]
        with m.If(rises):
            m.d.sync += [came.eq(word), count.eq(count + 1)]
            with m.If(count == BITS - 1):
                m.d.comb += self.sent.ready.eq(gives)
                with m.If(takes & (word[8:] & GIVES).any()):
                    m.d.sync += [self.received.valid.eq(1), self.received.payload.eq(word[:8])]
        with m.If(falls):
            m.d.sync += goes.eq(Cat(C(0, 1), goes))
        with m.If((falls & (count == 0)) | (select_before & ~select)):
            m.d.sync += gives.eq(self.sent.valid)
            m.d.sync += goes.eq(Cat(self.sent.payload, Mux(self.sent.valid, C(GIVES, 8), 0)))
        with m.If(falls & (count == 7)):  # late, so that there is time to take the byte before
            m.d.sync += [takes.eq(~self.received.valid), goes[-1].eq(~self.received.valid)]
        with m.If(select):
            m.d.sync += count.eq(0)
        return m


class SPIShell(wiring.Component):
    """`CommandShell` behind SPI.

    Parameters
    ----------
    core : as for `CommandShell`

    Members
    -------
    spi : see `signature`
    busy : as in `CommandShell`
    """

    def __init__(self, core: wiring.Component):
        self.core = core
        super().__init__({"spi": Out(signature()), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.commands = commands = CommandShell(self.core)
        m.submodules.peripheral = peripheral = Peripheral()
        connect(m, peripheral.received, commands.received)
        connect(m, commands.sent, peripheral.sent)
        m.d.comb += self.busy.eq(commands.busy)
        for name in ("clock", "select", "copi"):
            m.d.comb += getattr(peripheral, name).eq(getattr(self.spi, name))
        for name in ("cipo", "selected"):
            m.d.comb += getattr(self.spi, name).eq(getattr(peripheral, name))
        return m
