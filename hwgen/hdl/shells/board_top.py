"""The whole design of a board: the core in its serial shell, LEDs, and the pins.

`BoardLogic` is everything but the pins, for simulation; `BoardTop` ties it to those of an amaranth-boards platform.
"""

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ...boards import Board
from ...plan import Plan
from ..accelerator import Accelerator
from .clock import Clock
from .spi import SPIShell, signature
from .uart_shell import UARTShell

__all__ = ["SPI", "BoardLogic", "BoardTop", "accelerator_top"]

SPI = "hwgen_spi"
"""Name of the resource of a platform to which the lines of SPI are added."""


class BoardLogic(wiring.Component):
    """`UARTShell` or `SPIShell` with LEDs.

    Parameters
    ----------
    core : as for `CommandShell`
    divisor : as for `UARTShell`; None for `SPIShell`
    heartbeat : clock cycles of half a blink, rounded up to a power of two

    Members
    -------
    rx : In(1), tx : Out(1), lines of the serial port; or spi : In, see `spi.signature`
    leds : Out(2): bit 0 blinks for as long as the clock runs, bit 1 is on while an image is worked on
    """

    def __init__(self, core: wiring.Component, *, divisor: int | None, heartbeat: int):
        self.core, self.divisor = core, divisor
        self.heartbeat = 1 << (heartbeat - 1).bit_length()
        lines = {"spi": Out(signature())} if divisor is None else {"rx": In(1, init=1), "tx": Out(1, init=1)}
        super().__init__({**lines, "leds": Out(2)})

    @classmethod
    def of(cls, core: wiring.Component, board: Board) -> "BoardLogic":
        """With the timing of `board`."""
        divisor = None if board.spi else board.divisor
        return cls(core, divisor=divisor, heartbeat=board.target.clock_hz // 2)

    def elaborate(self, platform):
        m = Module()
        if self.divisor is None:
            m.submodules.shell = shell = SPIShell(self.core)
            connect(m, flipped(self.spi), shell.spi)
        else:
            m.submodules.shell = shell = UARTShell(self.core, divisor=self.divisor)
            m.d.comb += [shell.rx.eq(self.rx), self.tx.eq(shell.tx)]
        beat = Signal(range(2 * self.heartbeat))
        m.d.sync += beat.eq(beat + 1)
        m.d.comb += [
            self.leds[0].eq(beat[-1]),
            self.leds[1].eq(shell.busy),
        ]
        return m


class BoardTop(Elaboratable):
    """`BoardLogic` on the pins that a platform calls ``uart``, or those of SPI, and ``led``.

    Clock and power-on reset are the platform's, or the PLL's where the board's target has another clock than the
    oscillator's.

    Parameters
    ----------
    core : as for `UARTShell`
    board : whose platform this is elaborated with
    """

    def __init__(self, core: wiring.Component, board: Board):
        self.board = board
        self.logic = BoardLogic.of(core, board)

    def elaborate(self, platform):
        m = Module()
        m.submodules.logic = logic = self.logic
        if self.board.target.clock_hz != platform.default_clk_frequency:
            m.domains.sync = ClockDomain()
            m.submodules.clock = Clock(self.board.pll, self.board.target.clock_hz)
        if self.board.spi:
            pins = platform.request(SPI, 0, dir="-")
            for name in ("clock", "select", "copi"):
                m.submodules[f"spi_{name}"] = buffer = io.Buffer("i", getattr(pins, name))
                m.d.comb += getattr(logic.spi, name).eq(buffer.i)
            m.submodules.spi_cipo = cipo = io.Buffer("o", pins.cipo)
            m.d.comb += [cipo.o.eq(logic.spi.cipo), cipo.oe.eq(logic.spi.selected)]
        else:
            uart = platform.request("uart", 0, dir="-")
            m.submodules.rx = rx = io.Buffer("i", uart.rx)
            m.submodules.tx = tx = io.Buffer("o", uart.tx)
            m.d.comb += [logic.rx.eq(rx.i), tx.o.eq(logic.tx)]
        for i in range(self.board.leds):
            m.submodules[f"led_{i}"] = led = io.Buffer("o", platform.request("led", i, dir="-"))
            if i < len(logic.leds):
                m.d.comb += led.o.eq(logic.leds[i])
        return m


def accelerator_top(plan: Plan, board: Board, structure: int = 0) -> BoardTop:
    """The accelerator of a plan on a board; `structure` as for `Accelerator`."""
    return BoardTop(Accelerator(plan, board.target.clock_hz, structure), board)
