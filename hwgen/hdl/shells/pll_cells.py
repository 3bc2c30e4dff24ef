"""The phase-locked loop of each family, as an instance of its cell."""

from collections.abc import Callable

from amaranth import Cat, Const, Instance, Module, Signal
from amaranth.hdl import Elaboratable

from ...pll import Setting

__all__ = ["CELLS", "ON_THE_PIN"]

ON_THE_PIN = ("SB_PLL40_PAD",)
"""Cells whose reference is a pin, without a buffer."""


def _ice40(reference_port: str) -> Callable[..., Elaboratable]:
    def instance(made: Setting, oscillator: int, device: str, *, reference, clock, locked) -> Instance:
        return Instance(
            "SB_PLL40_PAD" if reference_port == "PACKAGEPIN" else "SB_PLL40_CORE",
            **{f"i_{reference_port}": reference},
            **_parameters(made),
            p_FEEDBACK_PATH="SIMPLE",
            p_PLLOUT_SELECT="GENCLK",
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )

    return instance


def _ecp5(made: Setting, oscillator: int, device: str, *, reference, clock, locked) -> Instance:
    return Instance(
        "EHXPLLL",
        i_CLKI=reference,
        **_parameters(made),
        # The loop's filter, as Lattice's own generator sets it.
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_FEEDBK_PATH="CLKOP",
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_FPHASE=0,
        p_OUTDIVIDER_MUXA="DIVA",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        i_CLKFB=clock,
        i_RST=Const(0),
        i_STDBY=Const(0),
        i_PHASESEL0=Const(0),
        i_PHASESEL1=Const(0),
        i_PHASEDIR=Const(1),
        i_PHASESTEP=Const(1),
        i_PHASELOADREG=Const(1),
        i_PLLWAKESYNC=Const(0),
        i_ENCLKOP=Const(0),
        o_CLKOP=clock,
        o_LOCK=locked,
    )


def _gowin(made: Setting, oscillator: int, device: str, *, reference, clock, locked) -> Instance:
    unused = {"FBDSEL": 6, "IDSEL": 6, "ODSEL": 6, "DUTYDA": 4, "PSDA": 4, "FDLY": 4}
    return Instance(
        "rPLL",
        i_CLKIN=reference,
        **_parameters(made),
        p_FCLKIN=f"{oscillator / 1e6:g}",
        p_DEVICE=device,
        p_CLKFB_SEL="internal",
        p_DYN_IDIV_SEL="false",
        p_DYN_FBDIV_SEL="false",
        p_DYN_ODIV_SEL="false",
        p_DYN_DA_EN="false",
        i_CLKFB=Const(0),
        i_RESET=Const(0),
        i_RESET_P=Const(0),
        **{f"i_{name}": Const(0, bits) for name, bits in unused.items()},
        o_CLKOUT=clock,
        o_LOCK=locked,
    )


def _xc7(made: Setting, oscillator: int, device: str, *, reference, clock, locked) -> Module:
    m = Module()
    out, feedback = Signal(), Signal()
    m.submodules.mmcm = Instance(
        "MMCME2_BASE",
        i_CLKIN1=reference,
        p_CLKIN1_PERIOD=1e9 / oscillator,
        # Some parameters are real numbers, by their names those that may be fractions.
        **{name: float(value) if name.endswith("_F") else value for name, value in _parameters(made).items()},
        i_CLKFBIN=feedback,
        i_PWRDWN=Const(0),
        i_RST=Const(0),
        o_CLKFBOUT=feedback,
        o_CLKOUT0=out,
        o_LOCKED=locked,
    )
    m.submodules.tree = Instance("BUFG", i_I=out, o_O=clock)
    return m


def _cyclonev(made: Setting, oscillator: int, device: str, *, reference, clock, locked) -> Instance:
    return Instance(
        "altera_pll",
        i_refclk=reference,
        p_operation_mode="direct",
        p_fractional_vco_multiplier="false",
        p_pll_type="General",
        p_pll_subtype="General",
        p_reference_clock_frequency=f"{oscillator / 1e6:.6f} MHz",
        p_number_of_clocks=1,
        p_output_clock_frequency0=f"{float(made.frequency) / 1e6:.6f} MHz",  # by which Quartus sets the counters
        p_phase_shift0="0 ps",
        p_duty_cycle0=50,
        i_rst=Const(0),
        i_fbclk=Const(0),
        o_outclk=clock,
        o_locked=locked,
    )


def _max10(made: Setting, oscillator: int, device: str, *, reference, clock, locked) -> Instance:
    return Instance(
        "altpll",
        i_inclk=Cat(reference, Const(0)),
        **_parameters(made),
        p_intended_device_family="MAX 10",
        p_lpm_type="altpll",
        p_operation_mode="NORMAL",
        p_compensate_clock="CLK0",
        p_pll_type="AUTO",
        p_inclk0_input_frequency=round(1e12 / oscillator),  # a period, in picoseconds
        p_clk0_duty_cycle=50,
        p_clk0_phase_shift="0",
        p_port_areset="PORT_UNUSED",
        p_port_inclk0="PORT_USED",
        p_port_inclk1="PORT_UNUSED",
        p_port_clk0="PORT_USED",
        p_port_locked="PORT_USED",
        p_width_clock=5,
        o_clk=Cat(clock, Signal(4)),
        o_locked=locked,
    )


def _parameters(made: Setting) -> dict[str, int]:
    return {f"p_{name}": value for name, value in made.parameters.items()}


CELLS: dict[str, Callable[..., Elaboratable]] = {
    "SB_PLL40_CORE": _ice40("REFERENCECLK"),
    "SB_PLL40_PAD": _ice40("PACKAGEPIN"),
    "EHXPLLL": _ecp5,
    "rPLL": _gowin,
    "MMCME2_BASE": _xc7,
    "altera_pll": _cyclonev,
    "altpll": _max10,
}
"""By the cells of `hwgen.pll.CELLS`: a function of a setting, the oscillator's frequency in hertz and what Gowin calls
the device, with signals ``reference`` (a pin for those of `ON_THE_PIN`), ``clock`` and ``locked``."""
