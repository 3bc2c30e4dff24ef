"""Board files: what they say, and that every mistake in one is named."""

import importlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from amaranth.build import DiffPairs, Pins

from hwgen import boards, cli
from hwgen.errors import InputError
from hwgen.families import FAMILIES
from hwgen.flow import fpga
from hwgen.hdl.shells.board_top import BoardTop
from tests.helpers.dummy_core import DummyCore

NAMES = (
    "arty_a7_100t",
    "arty_a7_35t",
    "cmod_a7_35t",
    "colorlight_5a75b",
    "de10_lite",
    "de10_nano",
    "ecp5_5g_evn",
    "ecpix5_45f",
    "ecpix5_85f",
    "fomu",
    "hx8k_b_evn",
    "icebreaker",
    "icestick",
    "icesugar",
    "nexys4ddr",
    "orangecrab_r0_2_25f",
    "orangecrab_r0_2_85f",
    "tang_nano_9k",
    "tinyfpga_bx",
    "ulx3s_12f",
    "ulx3s_25f",
    "ulx3s_45f",
    "ulx3s_85f",
    "upduino",
)
ON_PINS = {"fomu", "orangecrab_r0_2_25f", "orangecrab_r0_2_85f", "tinyfpga_bx", "upduino"}
"""Boards without a serial port of their own."""


def test_every_board_loads():
    assert boards.names() == NAMES
    for name in NAMES:
        assert boards.load(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_board_agrees_with_its_platform(name):
    board = boards.load(name)
    module, _, cls = board.platform.partition(":")
    platform = getattr(importlib.import_module(module), cls)
    target = board.target
    if target.family == "gowin":  # whose platforms name the whole part
        assert platform.part == target.device and target.package in target.device
    else:
        assert (platform.device, platform.package) == (target.device, target.package)
    resources = {(r.name, r.number): r for r in platform.resources}
    assert resources[board.clock or platform.default_clk, 0].clock.frequency == board.oscillator
    assert (("uart", 0) in resources) == (board.uart is None) == (name not in ON_PINS)
    if board.uart:
        serial = {board.uart.rx, board.uart.tx}
        connected = {pin: ball for connector in platform.connectors for pin, ball in connector}
        taken = {name for resource in resources.values() for part in resource.ios for name in _pins(part)}
        assert taken.isdisjoint(connected.get(pin, pin) for pin in serial) or name == "fomu"  # its touch pads
    else:
        serial = {name for part in resources["uart", 0].ios if part.name in ("rx", "tx") for name in part.ios[0].names}
    leds = [resource for (kind, _), resource in resources.items() if kind == "led"]
    assert min(8, sum(serial.isdisjoint(led.ios[0].names) for led in leds)) == board.leds


def _pins(part):
    """Names of all pins of a part of a resource."""
    if isinstance(part, Pins):
        return part.names
    if isinstance(part, DiffPairs):
        return part.p.names + part.n.names
    return [name for each in part.ios for name in _pins(each)]


def test_figures_of_the_targets():
    figures = {name: (t.luts, t.rams, t.sprams, t.dsps) for name in NAMES for t in [boards.load(name).target]}
    assert figures == {
        "arty_a7_100t": (63400, 270, 0, 240),
        "arty_a7_35t": (20800, 100, 0, 90),
        "cmod_a7_35t": (20800, 100, 0, 90),
        "colorlight_5a75b": (24288, 56, 0, 28),
        "de10_lite": (49760, 182, 0, 144),
        "de10_nano": (83820, 553, 0, 224),
        "ecp5_5g_evn": (83640, 208, 0, 156),
        "ecpix5_45f": (43848, 108, 0, 72),
        "ecpix5_85f": (83640, 208, 0, 156),
        "fomu": (5280, 30, 4, 8),
        "hx8k_b_evn": (7680, 32, 0, 0),
        "icebreaker": (5280, 30, 4, 8),
        "icestick": (1280, 16, 0, 0),
        "icesugar": (5280, 30, 4, 8),
        "nexys4ddr": (63400, 270, 0, 240),
        "orangecrab_r0_2_25f": (24288, 56, 0, 28),
        "orangecrab_r0_2_85f": (83640, 208, 0, 156),
        "tang_nano_9k": (8640, 26, 0, 20),
        "tinyfpga_bx": (7680, 32, 0, 0),
        "ulx3s_12f": (24288, 56, 0, 28),
        "ulx3s_25f": (24288, 56, 0, 28),
        "ulx3s_45f": (43848, 108, 0, 72),
        "ulx3s_85f": (83640, 208, 0, 156),
        "upduino": (5280, 30, 4, 8),
    }
    assert boards.load("icebreaker").target.ram_bits == 30 * 4096
    assert boards.load("ulx3s_85f").target.ram_bits == 208 * 512 * 36
    assert boards.load("tang_nano_9k").target.ram_bits == 26 * 18432


def test_ram_shapes_hold_no_more_than_the_ram():
    bits_of = {"ice40": 4096, "ecp5": 18432, "gowin": 18432, "xc7": 18432, "cyclonev": 10240, "max10": 9216}
    assert FAMILIES.keys() == bits_of.keys()
    for family, bits in bits_of.items():
        shapes = FAMILIES[family].ram_shapes
        assert all(depth * width <= bits for depth, width in shapes)
        assert list(shapes) == sorted(shapes)


def test_divisor_of_the_serial_port():
    board = boards.load("icebreaker")
    assert board.divisor == 104 and board.baud_error < 0.002
    assert replace(board, baud=1_000_000).divisor == 12
    with pytest.raises(ValueError, match="baud is 5000000, which no whole number of 12000000 Hz cycles meets to 2 %"):
        replace(board, baud=5_000_000)


def test_unknown_board():
    with pytest.raises(
        InputError, match="there is no board 'arty'; the boards are arty_a7_100t, arty_a7_35t, cmod_a7_35t"
    ):
        boards.load("arty")
    with pytest.raises(InputError, match="there is no board '../boards/icebreaker'"):
        boards.load("../boards/icebreaker")


def test_a_board_of_ones_own(tmp_path):
    path = tmp_path / "my-board.toml"
    path.write_text((boards.folder() / "icebreaker.toml").read_text(encoding="utf-8"), encoding="utf-8")
    assert boards.load(str(path)) == replace(boards.load("icebreaker"), name="my-board")
    with pytest.raises(InputError, match=r"^\S*missing.toml: there is no such file$"):
        boards.load(str(tmp_path / "missing.toml"))
    with pytest.raises(InputError, match="a board's file is named by 1..64 letters, digits, - and _, not 'my board'"):
        boards.load(str(path.rename(tmp_path / "my board.toml")))


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("luts = 5280", "", r"the key target\.luts is missing; add it"),
        ("leds = 2", "", r"the key leds is missing; add it"),
        ("leds = 2", "leds = 9", r"leds is 0\.\.8, not 9"),
        ("leds = 2", "leds = true", r"leds is an integer of at least 0, not True"),
        ("leds = 2", "leds = 2\nbuttons = 1", r"the key buttons is unknown; take it out \(known: name, "),
        ("luts = 5280", "luts = 0", r"luts is an integer of at least 1, not 0"),
        ("luts = 5280", 'luts = "5280"', r"luts is an integer of at least 1, not '5280'"),
        ('"ice40"', '"ice65"', r"family is one of ice40, ecp5, gowin, xc7, cyclonev, max10, not 'ice65'"),
        ('"ice40"', '"ecp5"', r"sprams is 0 in the family ecp5, not 4"),
        ('"ice40"', '"gowin"', r"sprams is 0 in the family gowin, not 4"),
        ('"SB_PLL40_PAD"', '"rPLL"', r"pll of the family ice40 is SB_PLL40_CORE or SB_PLL40_PAD, not 'rPLL'"),
        (":ICEBreakerPlatform", "", r"platform is 'module:Class', not 'amaranth_boards.icebreaker'"),
        ("leds = 2", "leds = 2\nclock = 12", r"clock is a text, not 12"),
        ("leds = 2", "leds = 2\noscillator_hz = 0", r"oscillator_hz is an integer of at least 1, not 0"),
        (
            "leds = 2",
            "leds = 2\noscillator_hz = 48000000",
            r"target\.clock_hz is 12000000, which SB_PLL40_PAD does not make of 48000000 Hz",
        ),
        ("leds = 2", 'leds = 2\nuart = "6 9"', r"uart is a table { rx = PIN, tx = PIN }, not '6 9'"),
        ("leds = 2", 'leds = 2\nuart = { rx = "6" }', r"the key uart\.tx is missing; add it"),
        ("leds = 2", 'leds = 2\nuart = { rx = "6", tx = "9", cts = "1" }', r"the key uart\.cts is unknown"),
        (
            "leds = 2",
            'leds = 2\nuart = { rx = 6, tx = "9" }',
            r"uart\.rx is a pin, such as 'B2' or 'pmod_0:1', not '6'",
        ),
        ("leds = 2", 'leds = 2\nuart = { rx = "6", tx = "9 1" }', r"uart\.tx is a pin, .* not '9 1'"),
        ("leds = 2", 'leds = 2\nuart = { rx = "6", tx = "6" }', r"uart\.rx and uart\.tx are two pins, not both '6'"),
        ("[target]", "[fpga]", r"it has no table \[target\]"),
        ("[target]", "[target", r"is no readable TOML file"),
        ("[target]", f"a = {'[' * 5000}", r"is no readable TOML file"),
        ("12000000", "1" * 5000, r"is no readable TOML file"),
        ("12000000", "1" * 400, r"clock_hz is an integer of at most 1099511627776, not 111"),
        ("115200", "1" * 400, r"baud is an integer of at most 1099511627776, not 111"),
        ("luts = 5280", "luts = 99999999999999", r"luts is an integer of at most 1099511627776, not 99999999999999"),
    ],
)
def test_every_mistake_is_named(tmp_path, old, new, message):
    text = (boards.folder() / "icebreaker.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=f"mine.toml: {message}"):
        boards.read(path)


def test_one_wrong_file_leaves_the_other_boards(tmp_path, monkeypatch, capsys):
    text = (boards.folder() / "icebreaker.toml").read_text(encoding="utf-8")
    (tmp_path / "good.toml").write_text(text, encoding="utf-8")
    (tmp_path / "wrong.toml").write_text("nonsense", encoding="utf-8")
    monkeypatch.setattr(boards, "folder", lambda: tmp_path)
    assert cli.main(["boards"]) == 0
    output = capsys.readouterr()
    assert "good" in output.out and "wrong" not in output.out
    assert "wrong.toml: is no readable TOML file" in output.err


def test_other_speeds_of_the_serial_port():
    board = boards.load("icebreaker")
    assert (board.at(3_000_000).divisor, board.at(1_000_000).divisor) == (4, 12)
    for baud, reason in (
        (3_000_001, "icebreaker at 12 MHz has a serial port of at most 3000000 bits per second, not 3000001"),
        (2_500_000, "icebreaker: baud is 2500000, which no whole number of 12000000 Hz cycles meets to 2 %"),
    ):
        with pytest.raises(InputError, match=reason):
            board.at(baud)


def test_spi_instead_of_the_serial_port():
    board = boards.load("icebreaker")
    spi = board.over_spi("pmod_0:4,pmod_0:1,2,3")
    assert spi.spi == boards.Spi(clock="pmod_0:4", select="pmod_0:1", copi="2", cipo="3") and board.spi is None
    for pins, reason in (
        ("1,2,3", "--spi is 4 pins, CLOCK,SELECT,COPI,CIPO, not '1,2,3'"),
        ("1,2,3,3", "--spi 1,2,3,3: spi.copi and spi.cipo are two pins, not both '3'"),
        ("1,2,3,4 5", "spi.cipo is a pin, such as 'B2' or 'pmod_0:1', not '4 5'"),
    ):
        with pytest.raises(InputError, match=re.escape(reason)):
            board.over_spi(pins)


def test_spi_reaches_the_pins():
    """The lines of SPI, and no serial port; a pin that there is not, or that is taken, is named."""
    board = boards.load("icebreaker").over_spi("pmod_0:4,pmod_0:1,pmod_0:2,pmod_0:3")
    assert "SB_PLL40_PAD" in str(fpga.prepare(BoardTop(DummyCore(), board.clocked(24e6)), board.clocked(24e6)).files)
    pins = [
        line.split()[-2:] for line in fpga.prepare(BoardTop(DummyCore(), board), board).files["top.pcf"].splitlines()
    ]
    placed = dict((name, pin) for name, pin in pins if name.startswith("hwgen_spi"))
    assert sorted(placed.values(), key=int) == ["2", "4", "45", "47"] and not any("uart" in name for name, _ in pins)
    for pins, reason in (("pmod_9:1,2,3,4", "nonexistent connector pin pmod_9:1"), ("35,2,3,4", "already used")):
        other = boards.load("icebreaker").over_spi(pins)
        with pytest.raises(InputError, match=f"{reason}.*; correct --spi, or spi in its file"):
            fpga.prepare(BoardTop(DummyCore(), other), other)


def test_the_page_on_boards():
    """It has a row for every board, and what is said beside their files shows the smallest as it is, of a size that
    anyone can add."""
    page = (Path(__file__).parents[1] / "docs" / "boards.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")}
    assert rows >= {*NAMES}
    files = [path.read_text(encoding="utf-8") for path in boards.folder().glob("*.toml")]
    assert all(len(text.splitlines()) < 40 for text in files)
    beside = (Path(__file__).parents[1] / "boards" / "README.md").read_text(encoding="utf-8")
    smallest = min(files, key=lambda text: (len(text.splitlines()), len(text)))
    assert f"```toml\n{smallest}```\n" in beside
