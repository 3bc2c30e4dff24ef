"""What a family's phase-locked loop makes of a clock: settings for the highest frequency that is not above a wish.

Limits and formulas: Lattice, iCE40 sysCLOCK PLL Design User Guide (FPGA-TN-02052, simple feedback) and ECP5 sysCLOCK
PLL Design User Guide (FPGA-TN-02200, feedback from CLKOP), as the open tools icepll and ecppll apply them; Gowin, Clock
User Guide (UG286) and GW1NR data sheet (DS117, speed C6/I5), as gowin_pll and gowin_pack apply them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

__all__ = ["CELLS", "Setting", "setting"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Parameters of a PLL.

    Attributes
    ----------
    frequency : that comes out, in hertz
    detector, oscillator : of the phase detector and of the oscillator, in hertz
    parameters : of the cell, by name
    """

    frequency: Fraction
    detector: Fraction
    oscillator: Fraction
    parameters: dict[str, int]


def _ice40(clock: int) -> Iterator[Setting]:
    for divr in range(16):
        detector = Fraction(clock, divr + 1)
        if not 10_000_000 <= detector <= 133_000_000:
            continue
        limits = (17, 26, 44, 66, 101)  # MHz, from which on the loop's filter is set one higher
        filter_range = 1 + sum(detector >= limit * 1_000_000 for limit in limits)
        for divf in range(128):
            oscillator = detector * (divf + 1)
            if not 533_000_000 <= oscillator <= 1_066_000_000:
                continue
            for divq in range(1, 7):
                frequency = oscillator / (1 << divq)
                if 16_000_000 <= frequency <= 275_000_000:
                    yield Setting(
                        frequency=frequency,
                        detector=detector,
                        oscillator=oscillator,
                        parameters={"DIVR": divr, "DIVF": divf, "DIVQ": divq, "FILTER_RANGE": filter_range},
                    )


def _ecp5(clock: int) -> Iterator[Setting]:
    for divided in range(1, 129):
        detector = Fraction(clock, divided)
        if not 3_125_000 <= detector <= 400_000_000:
            continue
        for multiplied in range(1, 81):
            frequency = detector * multiplied
            if not 10_000_000 <= frequency <= 400_000_000:
                continue
            # Among the oscillator's frequencies the one in the middle of its range.
            last = min(128, 800_000_000 // frequency)
            out = min(range(1, last + 1), key=lambda n: abs(frequency * n - 600_000_000))
            if frequency * out >= 400_000_000:
                yield Setting(
                    frequency=frequency,
                    detector=detector,
                    oscillator=frequency * out,
                    parameters={
                        "CLKI_DIV": divided,
                        "CLKFB_DIV": multiplied,
                        "CLKOP_DIV": out,
                        "CLKOP_CPHASE": out // 2,
                    },
                )


def _gowin(clock: int) -> Iterator[Setting]:
    for divided in range(1, 65):
        detector = Fraction(clock, divided)
        if not 3_000_000 <= detector <= 400_000_000:
            continue
        for multiplied in range(1, 65):
            frequency = detector * multiplied
            if not 3_125_000 < frequency <= 600_000_000:
                continue
            for out in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                if 400_000_000 <= frequency * out <= 1_200_000_000:
                    yield Setting(
                        frequency=frequency,
                        detector=detector,
                        oscillator=frequency * out,
                        parameters={"IDIV_SEL": divided - 1, "FBDIV_SEL": multiplied - 1, "ODIV_SEL": out},
                    )


COARSE = 4
"""Largest divisor of the reference that is tried where there are ten thousands of settings: steps are fine enough."""


def _counters(
    clock: int,
    named: Callable[[int, int, int], dict[str, int]],
    *,
    detectors: tuple[int, int],
    multipliers: range,
    oscillators: tuple[int, int],
    frequencies: tuple[int, int],
) -> Iterator[Setting]:
    """Of a PLL that divides, multiplies and divides again by up to 128, `named` of which are its parameters; the least
    and most of each frequency in hertz."""
    for divided in range(1, COARSE + 1):
        detector = Fraction(clock, divided)
        if not detectors[0] <= detector <= detectors[1]:
            continue
        for multiplied in multipliers:
            oscillator = detector * multiplied
            if not oscillators[0] <= oscillator <= oscillators[1]:
                continue
            for out in range(1, 129):
                frequency = oscillator / out
                if frequencies[0] <= frequency <= frequencies[1]:
                    yield Setting(
                        frequency=frequency,
                        detector=detector,
                        oscillator=oscillator,
                        parameters=named(divided, multiplied, out),
                    )


def _xc7(clock: int) -> Iterator[Setting]:
    return _counters(
        clock,
        lambda divided, multiplied, out: {
            "DIVCLK_DIVIDE": divided,
            "CLKFBOUT_MULT_F": multiplied,
            "CLKOUT0_DIVIDE_F": out,
        },
        detectors=(10_000_000, 450_000_000),
        multipliers=range(2, 65),
        oscillators=(600_000_000, 1_200_000_000),
        frequencies=(4_690_000, 800_000_000),
    )


def _quartus(clock: int) -> Iterator[Setting]:
    return _counters(
        clock,
        lambda divided, multiplied, out: {"clk0_multiply_by": multiplied, "clk0_divide_by": divided * out},
        detectors=(5_000_000, 325_000_000),
        multipliers=range(1, 257),
        oscillators=(600_000_000, 1_300_000_000),
        frequencies=(3_000_000, 400_000_000),
    )


CELLS = {
    "SB_PLL40_CORE": _ice40,
    "SB_PLL40_PAD": _ice40,
    "EHXPLLL": _ecp5,
    "rPLL": _gowin,
    "MMCME2_BASE": _xc7,
    "altera_pll": _quartus,
    "altpll": _quartus,
}
"""The cells that boards may name, and all settings of each for a clock."""


@cache
def _settings(cell: str, clock: int) -> list[Setting]:
    """All of them, by frequency; of the same the one with the fastest phase detector last, of those the first."""
    return sorted(reversed([*CELLS[cell](clock)]), key=lambda made: (made.frequency, made.detector))


def setting(cell: str, clock: int, wish: float) -> Setting | None:
    """The highest frequency of `cell` from a clock of `clock` Hz that is at most `wish` Hz, of those the one with the
    fastest phase detector; None if there is none."""
    made = _settings(cell, clock)
    at = bisect_right(made, wish, key=lambda setting: setting.frequency)
    return made[at - 1] if at else None
