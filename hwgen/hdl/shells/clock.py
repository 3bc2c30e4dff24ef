"""The clock of a board's design where it is not the oscillator's: a PLL, and a reset until it has settled."""

from amaranth import ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.hdl import Elaboratable
from amaranth.lib import io
from amaranth.lib.cdc import FFSynchronizer

from ...errors import InputError
from ...pll import setting
from . import pll_cells

__all__ = ["Clock"]

SETTLING = 15e-6
"""Seconds in reset after the PLL has locked: iCE40's block RAM reads zeros for 3 us after configuration."""


class Clock(Elaboratable):
    """Drives the domain ``sync`` with `hertz` Hz, made by a PLL from the clock that the platform gives.

    nextpnr, Vivado and Quartus read the cell's parameters and constrain the clock by themselves, but nextpnr for Gowin,
    which is told the clock.

    Parameters
    ----------
    cell : a key of `hwgen.pll.CELLS`
    hertz : a frequency that this cell makes of that clock, rounded down

    Raises
    ------
    InputError : on elaboration, it does not
    """

    def __init__(self, cell: str, hertz: int):
        self.cell, self.hertz = cell, hertz

    def elaborate(self, platform):
        m = Module()
        oscillator = round(platform.default_clk_frequency)
        made = setting(self.cell, oscillator, self.hertz + 1)
        if made is None or int(made.frequency) != self.hertz:
            raise InputError(
                f"clock_hz is {self.hertz}, which {self.cell} does not make of the platform's {oscillator} Hz; "
                f"write {oscillator} in the board's file and give --clock"
            )
        pin = platform.request(platform.default_clk, dir="-")
        clock, locked = Signal(), Signal()
        if self.cell in pll_cells.ON_THE_PIN:
            reference = pin.io
        else:
            m.submodules.buffer = buffer = io.Buffer("i", pin)
            reference = buffer.i
        m.submodules.pll = pll_cells.CELLS[self.cell](
            made, oscillator, getattr(platform, "family", ""), reference=reference, clock=clock, locked=locked
        )

        m.domains.settling = ClockDomain(reset_less=True, local=True)
        m.d.comb += [ClockSignal("sync").eq(clock), ClockSignal("settling").eq(clock)]
        settled, count = Signal(), Signal(range(int(SETTLING * self.hertz) + 1))
        steady = Signal()
        m.submodules.locked = FFSynchronizer(locked, steady, o_domain="settling")
        m.d.settling += [settled.eq(0), count.eq(0)]
        with m.If(steady):
            m.d.settling += [count.eq(count + 1), settled.eq(settled)]
            with m.If(count == int(SETTLING * self.hertz)):
                m.d.settling += [count.eq(count), settled.eq(1)]
        m.d.comb += ResetSignal("sync").eq(~settled)
        return m
