"""The clock of a board's design where it is not the oscillator's: a PLL, and a reset until it has settled."""

from amaranth import ClockDomain, ClockSignal, Const, Instance, Module, ResetSignal, Signal
from amaranth.hdl import Elaboratable
from amaranth.lib import io
from amaranth.lib.cdc import FFSynchronizer

from ...errors import InputError
from ...pll import setting

__all__ = ["Clock"]

SETTLING = 15e-6
"""Seconds in reset after the PLL has locked: iCE40's block RAM reads zeros for 3 us after configuration."""


class Clock(Elaboratable):
    """Drives the domain ``sync`` with `hertz` Hz, made by a PLL from the clock that the platform gives.

    nextpnr reads the cell's parameters and constrains the clock by itself, but Gowin's, which is told the clock.

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
        if self.cell == "SB_PLL40_PAD":
            source = {"i_PACKAGEPIN": pin.io}
        else:
            m.submodules.buffer = buffer = io.Buffer("i", pin)
            source = {{"EHXPLLL": "i_CLKI", "rPLL": "i_CLKIN"}.get(self.cell, "i_REFERENCECLK"): buffer.i}
        if self.cell == "EHXPLLL":
            ports = self._ecp5(clock)
        elif self.cell == "rPLL":
            ports = self._gowin(clock, oscillator, platform.family)
        else:
            ports = self._ice40(clock)
        parameters = {f"p_{name}": value for name, value in made.parameters.items()}
        m.submodules.pll = Instance(self.cell, **source, **parameters, **ports, o_LOCK=locked)

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

    def _ice40(self, clock):
        return {
            "p_FEEDBACK_PATH": "SIMPLE",
            "p_PLLOUT_SELECT": "GENCLK",
            "i_RESETB": Const(1),
            "i_BYPASS": Const(0),
            "o_PLLOUTGLOBAL": clock,
        }

    def _ecp5(self, clock):
        return {
            # The loop's filter, as Lattice's own generator sets it.
            "a_ICP_CURRENT": "12",
            "a_LPF_RESISTOR": "8",
            "a_MFG_ENABLE_FILTEROPAMP": "1",
            "a_MFG_GMCREF_SEL": "2",
            "p_FEEDBK_PATH": "CLKOP",
            "p_CLKOP_ENABLE": "ENABLED",
            "p_CLKOP_FPHASE": 0,
            "p_OUTDIVIDER_MUXA": "DIVA",
            "p_PLLRST_ENA": "DISABLED",
            "p_INTFB_WAKE": "DISABLED",
            "p_STDBY_ENABLE": "DISABLED",
            "p_DPHASE_SOURCE": "DISABLED",
            "i_CLKFB": clock,
            "i_RST": Const(0),
            "i_STDBY": Const(0),
            "i_PHASESEL0": Const(0),
            "i_PHASESEL1": Const(0),
            "i_PHASEDIR": Const(1),
            "i_PHASESTEP": Const(1),
            "i_PHASELOADREG": Const(1),
            "i_PLLWAKESYNC": Const(0),
            "i_ENCLKOP": Const(0),
            "o_CLKOP": clock,
        }

    def _gowin(self, clock, oscillator, device):
        unused = {"FBDSEL": 6, "IDSEL": 6, "ODSEL": 6, "DUTYDA": 4, "PSDA": 4, "FDLY": 4}
        return {
            "p_FCLKIN": f"{oscillator / 1e6:g}",
            "p_DEVICE": device,
            "p_CLKFB_SEL": "internal",
            "p_DYN_IDIV_SEL": "false",
            "p_DYN_FBDIV_SEL": "false",
            "p_DYN_ODIV_SEL": "false",
            "p_DYN_DA_EN": "false",
            "i_CLKFB": Const(0),
            "i_RESET": Const(0),
            "i_RESET_P": Const(0),
            **{f"i_{name}": Const(0, bits) for name, bits in unused.items()},
            "o_CLKOUT": clock,
        }
