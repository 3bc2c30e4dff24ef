"""Settings of PLLs: figures that the open tools' calculators give, every limit, and boards that run from one."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from hwgen import boards, cli, pll
from hwgen.errors import InputError, TimingError
from hwgen.families import FAMILIES
from hwgen.flow import fpga
from hwgen.hdl.shells import pll_cells
from hwgen.hdl.shells.board_top import BoardTop
from tests.helpers.dummy_core import DummyCore


@pytest.mark.parametrize(
    "cell, clock, wish, hertz, parameters",
    [
        # icepll -i 12 -o 96, -i 48 -o 60, -i 12 -o 16
        ("SB_PLL40_PAD", 12_000_000, 96e6, 96_000_000, {"DIVR": 0, "DIVF": 63, "DIVQ": 3, "FILTER_RANGE": 1}),
        ("SB_PLL40_CORE", 48_000_000, 60e6, 60_000_000, {"DIVR": 0, "DIVF": 19, "DIVQ": 4, "FILTER_RANGE": 4}),
        # ecppll -i 12 -o 16: a detector of 4 MHz
        ("EHXPLLL", 12_000_000, 16e6, 16_000_000, {"CLKI_DIV": 3, "CLKFB_DIV": 4, "CLKOP_DIV": 37, "CLKOP_CPHASE": 18}),
        # gowin_pll -d "GW1NR-9 C6/I5" -i 27 -o 54, -o 48.6
        ("rPLL", 27_000_000, 54e6, 54_000_000, {"IDIV_SEL": 0, "FBDIV_SEL": 1, "ODIV_SEL": 8}),
        ("rPLL", 27_000_000, 48.6e6, 48_600_000, {"IDIV_SEL": 4, "FBDIV_SEL": 8, "ODIV_SEL": 16}),
        # 1 GHz and 600 MHz in the MMCM; of 50 MHz 4/5
        (
            "MMCME2_BASE",
            100_000_000,
            50e6,
            50_000_000,
            {"DIVCLK_DIVIDE": 1, "CLKFBOUT_MULT_F": 6, "CLKOUT0_DIVIDE_F": 12},
        ),
        (
            "MMCME2_BASE",
            12_000_000,
            100e6,
            100_000_000,
            {"DIVCLK_DIVIDE": 1, "CLKFBOUT_MULT_F": 50, "CLKOUT0_DIVIDE_F": 6},
        ),
        ("altpll", 50_000_000, 40e6, 40_000_000, {"clk0_multiply_by": 12, "clk0_divide_by": 15}),
    ],
)
def test_as_other_calculators(cell, clock, wish, hertz, parameters):
    made = pll.setting(cell, clock, wish)
    assert (made.frequency, made.parameters) == (hertz, parameters)


@pytest.mark.parametrize("clock", [12_000_000, 25_000_000, 27_000_000, 48_000_000, 100_000_000])
@pytest.mark.parametrize("cell", pll.CELLS)
def test_within_the_limits(cell, clock):
    made = list(pll.CELLS[cell](clock))
    assert made
    for each in made:
        n = each.parameters
        if cell == "EHXPLLL":
            assert each.detector == Fraction(clock, n["CLKI_DIV"]) >= 3_125_000
            assert each.frequency == each.detector * n["CLKFB_DIV"]
            assert each.oscillator == each.frequency * n["CLKOP_DIV"]
            assert 400_000_000 <= each.oscillator <= 800_000_000 and 10_000_000 <= each.frequency <= 400_000_000
        elif cell == "rPLL":
            assert each.detector == Fraction(clock, n["IDIV_SEL"] + 1) and 3_000_000 <= each.detector <= 400_000_000
            assert each.frequency == each.detector * (n["FBDIV_SEL"] + 1)
            assert each.oscillator == each.frequency * n["ODIV_SEL"] and n["IDIV_SEL"] < 64 and n["FBDIV_SEL"] < 64
            assert 400_000_000 <= each.oscillator <= 1_200_000_000 and 3_125_000 < each.frequency <= 600_000_000
        elif cell == "MMCME2_BASE":
            assert each.detector == Fraction(clock, n["DIVCLK_DIVIDE"]) and 10_000_000 <= each.detector <= 450_000_000
            assert each.oscillator == each.detector * n["CLKFBOUT_MULT_F"] and 2 <= n["CLKFBOUT_MULT_F"] <= 64
            assert each.frequency == each.oscillator / n["CLKOUT0_DIVIDE_F"] and 1 <= n["CLKOUT0_DIVIDE_F"] <= 128
            assert 600_000_000 <= each.oscillator <= 1_200_000_000 and 4_690_000 <= each.frequency <= 800_000_000
        elif cell in ("altera_pll", "altpll"):
            assert each.frequency == Fraction(clock * n["clk0_multiply_by"], n["clk0_divide_by"]) <= 400_000_000
            assert 5_000_000 <= each.detector <= 325_000_000 and 600_000_000 <= each.oscillator <= 1_300_000_000
        else:
            assert each.detector == Fraction(clock, n["DIVR"] + 1) and 10_000_000 <= each.detector <= 133_000_000
            assert each.oscillator == each.detector * (n["DIVF"] + 1) and n["DIVF"] < 128 and 1 <= n["DIVQ"] <= 6
            assert each.frequency == each.oscillator / 2 ** n["DIVQ"]
            assert 533_000_000 <= each.oscillator <= 1_066_000_000 and 16_000_000 <= each.frequency <= 275_000_000
    for wish in (17e6, 33.3e6, 75e6, 99.9e6):
        found = pll.setting(cell, clock, wish)
        assert found.frequency == max(each.frequency for each in made if each.frequency <= wish)


def test_every_cell_is_known_to_the_hardware():
    assert pll_cells.CELLS.keys() == pll.CELLS.keys() >= {*pll_cells.ON_THE_PIN}
    assert {cell for family in FAMILIES.values() for cell in family.plls} == pll.CELLS.keys()


def test_clocked_boards():
    board = boards.load("ulx3s_12f").clocked(101.7e6)
    assert board.target.clock_hz == 100_000_000 and board.divisor == 868
    assert boards.load("icebreaker").clocked(33.9e6).target.clock_hz == 33_750_000
    with pytest.raises(InputError, match=r"icebreaker makes no clock of 10 MHz or less; leave --clock out for 12 MHz"):
        boards.load("icebreaker").clocked(10e6)
    fomu = boards.load("fomu")  # whose file has the PLL's clock, not the oscillator's
    assert (fomu.target.clock_hz, fomu.oscillator, fomu.divisor) == (24_000_000, 48_000_000, 208)
    assert fomu.clocked(30.6e6).target.clock_hz == 30_500_000
    assert fomu.clocked(30.5e6).clocked(24.1e6) == fomu
    assert fomu.fastest(20e6) == fomu and fomu.fastest(36e6).target.clock_hz == 36_000_000
    with pytest.raises(InputError, match=r"ulx3s_12f at 12.5 MHz: baud is 5000000, which no whole number"):
        replace(boards.load("ulx3s_12f"), baud=5_000_000).clocked(12.5e6)


@pytest.mark.parametrize(
    "name, mhz",
    [
        ("icebreaker", 24.2),
        ("ulx3s_12f", 50.0),
        ("tang_nano_9k", 54.5),
        ("icesugar", 24.2),
        *(
            pytest.param(*other, marks=pytest.mark.slow)
            for other in [
                ("hx8k_b_evn", 24.2),
                ("colorlight_5a75b", 50),
                ("ecpix5_45f", 120),
                ("ecp5_5g_evn", 50),
                ("tinyfpga_bx", 24.2),
                ("upduino", 24.2),
                ("icestick", 24.2),
                ("fomu", 20.2),
                ("orangecrab_r0_2_25f", 60),
            ]  # fmt: skip
        ),
    ],
)
def test_bitstream_that_runs_from_the_pll(name, mhz, tmp_path):
    board, core = boards.load(name).clocked(mhz * 1e6), DummyCore()
    made = fpga.build(BoardTop(core, board), board, name="dummy", folder=tmp_path)
    assert made.clock_mhz == int(mhz) and made.fmax_mhz >= made.clock_mhz
    (clock,) = json.loads((made.bitstream.parent / "nextpnr.json").read_text())["fmax"].values()
    assert abs(clock["constraint"] / made.clock_mhz - 1) < 0.005  # nextpnr reads the cell's parameters


def test_a_clock_that_is_not_reached(tmp_path):
    board, core = boards.load("icebreaker").clocked(60e6), DummyCore()
    with pytest.raises(TimingError, match=r"reaches [\d.]+ MHz with seed 1, .*60 MHz; take --clock \d+") as raised:
        fpga.build(BoardTop(core, board), board, name="dummy", folder=tmp_path)
    assert 25 < raised.value.fmax_mhz < 60
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_board_file_with_the_wrong_oscillator(tmp_path):
    board, core = boards.load("icebreaker"), DummyCore()
    board = replace(board, target=replace(board.target, clock_hz=20_100_000))
    with pytest.raises(InputError, match=r"clock_hz is 20100000, which SB_PLL40_PAD does not make of"):
        fpga.build(BoardTop(core, board), board, name="dummy", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_highest_clock(monkeypatch, capsys):
    """It is built at the oscillator's clock, at what that reached, and slower until the clock is reached."""
    reached = {12.0: 33.88, 33.75: 33.67, 33.0: 33.58}

    def build(top, board, **options):
        clock = board.target.clock_hz / 1e6
        if reached[clock] < clock:
            raise TimingError("too slow", fmax_mhz=reached[clock])
        return fpga.Bitstream(
            board=board.name, bitstream=Path("top.bin"), digest="", luts=1, rams=1, sprams=0, dsps=0,
            fmax_mhz=reached[clock], clock_mhz=clock, seed=1, seeds={"1": reached[clock]}, seconds=1.0, steps={},
            tools={}, cached=False,
        )  # fmt: skip

    monkeypatch.setattr(fpga, "build", build)
    assert cli.main(["build", "tfc_w1a1", "--board", "icebreaker", "--clock", "max", "--json"]) == 0
    out, err = capsys.readouterr()
    made = json.loads(out)
    assert (made["clock_mhz"], made["fmax_mhz"]) == (33.0, 33.58)
    assert made["fps"] == 33e6 / 784
    assert (
        "it reaches 33.88 MHz; the PLL makes 33.75 MHz" in err and "it reaches 33.67 MHz; the PLL makes 33 MHz" in err
    )
    reached[12.0] = 12.5  # of which the PLL makes nothing
    assert cli.main(["build", "tfc_w1a1", "--board", "icebreaker", "--clock", "max", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clock_mhz"] == 12.0


@pytest.mark.parametrize("text", ["fast", "0", "-3", "nan", "1e9"])
def test_no_clock(text, capsys):
    assert cli.main(["plan", "tfc_w1a1", "--board", "icebreaker", "--clock", text]) == 2
    assert "it is a number of MHz" in capsys.readouterr().err


def test_the_plan_at_another_clock(capsys):
    figures = []
    for more in ([], ["--clock", "24"]):
        assert cli.main(["plan", "tfc_w1a1", "--board", "icebreaker", "--json", *more]) == 0
        figures.append(json.loads(capsys.readouterr().out))
    slow, fast = figures
    assert fast["cycles"] == slow["cycles"] and fast["fps"] == 2 * slow["fps"]
