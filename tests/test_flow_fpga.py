"""Designs to bitstreams: the same bytes each time, found again, and nothing left of what failed."""

import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib import io

from hwgen import boards
from hwgen.boards import Uart
from hwgen.errors import BuildError, InputError
from hwgen.flow import fpga, synthesis, toolchain
from hwgen.hdl.shells.board_top import BoardTop, accelerator_top
from hwgen.integers import BIPOLAR
from hwgen.layers import Argmax, Dense, Flatten, Lookup
from hwgen.network import Network
from hwgen.plan import plan
from tests.helpers.dummy_core import DummyCore


class Blinker(Elaboratable):
    """Enough of a design to be placed and routed."""

    def elaborate(self, platform):
        m = Module()
        count = Signal(20)
        m.d.sync += count.eq(count + 1)
        m.submodules.led = led = io.Buffer("o", platform.request("led", 0, dir="-"))
        m.d.comb += led.o.eq(count[-1])
        return m


def entries(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("name, suffix", [("icebreaker", ".bin"), ("ulx3s_12f", ".bit"), ("tang_nano_9k", ".fs")])
def test_same_design_same_bitstream(name, suffix, tmp_path, monkeypatch):
    board = boards.load(name)
    steps = []

    @contextmanager
    def progress(step):
        steps.append(step.partition(";")[0])
        yield

    made = fpga.build(Blinker(), board, name="blinker", folder=tmp_path / "a", progress=progress)
    assert steps == ["writing the netlist", "synthesis", "place and route", "packing the bitstream"]
    assert made.bitstream.suffix == suffix and not made.cached
    assert made.digest == hashlib.sha256(made.bitstream.read_bytes()).hexdigest()
    assert entries(tmp_path / "a") == sorted([made.bitstream.parent.name, "log"])
    assert entries(tmp_path / "a" / "log") == []
    assert made.bitstream.parent.name.startswith(f"blinker-{name}-")

    (tmp_path / "elsewhere and deeper").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere and deeper")
    again = fpga.build(Blinker(), board, name="blinker", folder=tmp_path / "elsewhere and deeper" / "b")
    assert again.bitstream.read_bytes() == made.bitstream.read_bytes()
    assert again.bitstream.parent.name == made.bitstream.parent.name

    monkeypatch.setattr(toolchain, "run", no_tool)
    found = fpga.build(Blinker(), board, name="blinker", folder=tmp_path / "a")
    assert found == replace(made, cached=True)
    other = pytest.raises(BuildError, fpga.build, Blinker(), board, name="blinker", folder=tmp_path / "a", seeds=[2])
    assert str(other.value) == "a tool was to run"
    with monkeypatch.context() as changed:
        changed.setattr(fpga, "_sources", lambda *changes: "another way to finish")
        with pytest.raises(BuildError, match="a tool was to run"):
            fpga.build(Blinker(), board, name="blinker", folder=tmp_path / "a")

    made.bitstream.write_bytes(made.bitstream.read_bytes()[:-1])
    with pytest.raises(BuildError, match="a tool was to run"):
        fpga.build(Blinker(), board, name="blinker", folder=tmp_path / "a")


def test_a_floorplan_counts(tmp_path, monkeypatch):
    """It is drawn for the board's device, and what was built with another is not taken for this one's."""
    board, seen = boards.load("ulx3s_12f"), []

    def floorplan(netlist, device):
        seen.append((netlist.name, "creator" in json.loads(netlist.read_text()), device))

    made = fpga.build(Blinker(), board, name="blinker", folder=tmp_path)
    monkeypatch.setitem(fpga.FLOWS, "ecp5", replace(fpga.FLOWS["ecp5"], floorplan=floorplan))
    other = fpga.build(Blinker(), board, name="blinker", folder=tmp_path)
    assert seen == [("top.json", True, "LFE5U-12F")]
    assert other.bitstream.parent != made.bitstream.parent


def test_the_best_of_several_seeds(tmp_path, monkeypatch):
    board = boards.load("icebreaker")
    single = {n: fpga.build(Blinker(), board, name="blinker", folder=tmp_path, seeds=[n]) for n in (1, 2, 3)}
    made = fpga.build(Blinker(), board, name="blinker", folder=tmp_path, seeds=[1, 2, 3], jobs=2)
    assert made.seeds == {str(n): alone.fmax_mhz for n, alone in single.items()}
    assert made.fmax_mhz == max(made.seeds.values()) and made.fmax_mhz == made.seeds[str(made.seed)]
    assert made.digest == single[made.seed].digest
    kept = {path.name for path in made.bitstream.parent.iterdir()}
    assert kept == {path.name for path in single[1].bitstream.parent.iterdir()}

    run_each = toolchain.run_each

    def failing(tool, runs, **options):
        first, *others = runs
        if not others:
            return run_each(tool, runs, **options)
        return [BuildError("it failed"), *run_each(tool, others, **options)]

    monkeypatch.setattr(toolchain, "run_each", failing)
    partly = fpga.build(Blinker(), board, name="blinker", folder=tmp_path / "partly", seeds=[1, 2, 3])
    assert partly.seeds == {**made.seeds, "1": None} and partly.seed != 1
    monkeypatch.setattr(toolchain, "run_each", lambda tool, runs, **_: [BuildError(f"{tool} failed")] * len(runs))
    with pytest.raises(BuildError, match="failed"):
        fpga.build(Blinker(), board, name="blinker", folder=tmp_path / "none", seeds=[1, 2])
    assert entries(tmp_path / "none") in ([], ["log"])


def no_tool(*arguments, **options):
    raise BuildError("a tool was to run")


def test_whole_board_with_a_small_core(tmp_path):
    board, core = boards.load("icebreaker"), DummyCore()
    made = fpga.build(BoardTop(core, board), board, name="dummy", folder=tmp_path)
    timing = json.loads((made.bitstream.parent / "nextpnr.json").read_text())
    used = {cell: count["used"] for cell, count in timing["utilization"].items()}
    available = {cell: count["available"] for cell, count in timing["utilization"].items()}
    assert (made.luts, made.rams) == (used["ICESTORM_LC"], used["ICESTORM_RAM"])
    target = board.target
    assert (target.luts, target.rams) == (available["ICESTORM_LC"], available["ICESTORM_RAM"])
    assert (target.sprams, target.dsps) == (available["ICESTORM_SPRAM"], available["ICESTORM_DSP"])
    assert 100 < made.luts < 1000 and made.rams == 0
    assert made.fmax_mhz > made.clock_mhz == 12
    report = json.loads((made.bitstream.parent / "report.json").read_text())
    assert report == {**made.as_json(), "bitstream": "top.bin"}
    assert set(made.steps) == {"yosys", "nextpnr-ice40", "icepack"} and sum(made.steps.values()) <= made.seconds
    assert used["SB_IO"] == 5  # clock, rx, tx, two LEDs
    core = DummyCore()
    packed = fpga.pack(BoardTop(core, board), board)
    assert packed == {"luts": made.luts, "rams": 0, "sprams": 0, "dsps": 0}


def test_the_smallest_board(tmp_path):
    """The shell and one layer, for two classes of 2 x 2 pixels of one bit, leave an iCEstick next to nothing."""
    board, generator = boards.load("icestick"), np.random.default_rng(0)
    weights = generator.integers(0, 2, size=(2, 4), dtype=np.int8) * 2 - 1
    table = np.where(np.arange(256) < 128, -1, 1)[None]
    layers = (Lookup(table=table, output=BIPOLAR), Flatten(order="CHW"), Dense(weights=weights), Argmax())
    planned = plan(Network(image_shape=(1, 2, 2), layers=layers), board, 2, 4, 1, stages=1)
    made = fpga.build(accelerator_top(planned, board), board, name="one_layer", folder=tmp_path)
    assert 900 < made.luts <= board.target.luts == 1280 and made.rams <= board.target.rams == 16
    available = json.loads((made.bitstream.parent / "nextpnr.json").read_text())["utilization"]
    assert [available[cell]["available"] for cell in ("ICESTORM_LC", "ICESTORM_RAM")] == [1280, 16]
    assert made.fmax_mhz > made.clock_mhz == 12


def test_whole_board_of_gowin(tmp_path):
    """LUTs are counted with the ALUs, once, routed or not, and the clock to reach is the board's."""
    board, core = boards.load("tang_nano_9k"), DummyCore()
    made = fpga.build(BoardTop(core, board), board, name="dummy", folder=tmp_path)
    timing = json.loads((made.bitstream.parent / "nextpnr.json").read_text())
    used = {cell: count["used"] for cell, count in timing["utilization"].items()}
    available = {cell: count["available"] for cell, count in timing["utilization"].items()}
    target = board.target
    assert (target.luts, target.rams, target.dsps) == (available["LUT4"], available["BSRAM"], available["MULT18X18"])
    assert made.luts == used["LUT4"] + used["ALU"] and used["ALU"] > 50 and made.rams == 0
    (clock,) = timing["fmax"].values()
    assert made.fmax_mhz > clock["constraint"] == made.clock_mhz == 27
    assert used["TBUF"] + used["IOB"] == 3 + board.leds  # clock, rx, tx
    assert set(made.steps) == {"yosys", "nextpnr-himbaechel-gowin", "gowin_pack"}
    assert {"nextpnr-himbaechel-gowin", "gowin_pack"} < set(made.tools)
    core = DummyCore()
    packed = fpga.pack(BoardTop(core, board), board)
    assert packed == {"luts": made.luts, "rams": 0, "sprams": 0, "dsps": 0}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"platform": "nowhere.x:Y"}, r"platform 'nowhere.x:Y' cannot be imported \(No module named 'nowhere'\)"),
        ({"platform": "os:system"}, "'os:system' is no platform of amaranth-boards"),
        ({"platform": "amaranth_boards.icebreaker:Absent"}, "Absent' is no platform"),
        ({"platform": ".x:Y"}, r"platform '.x:Y' cannot be imported"),
        ({"platform": "amaranth.build:TemplatedPlatform"}, "TemplatedPlatform' is no whole platform"),
        (
            {"platform": "amaranth_boards.ulx3s:ULX3S_12F_Platform"},
            "its platform has no toolchain 'IceStorm', as the family ice40 needs; correct its file",
        ),
        ({"leds": 8}, "leds is 8, but Resource led#. does not exist; correct its file"),
        ({"clock": "clk99"}, "Resource clk99#0 does not exist; correct its file, with clock = NAME for another clock"),
        ({"clock": "led"}, "the frequency of led is not known; correct its file"),
        ({"uart": Uart(rx="1", tx="2")}, "its platform has a serial port; take uart out of its file"),
        (
            {"target": replace(boards.load("icebreaker").target, device="iCE40HX1K")},
            "its platform's device is 'iCE40UP5K', not 'iCE40HX1K'; correct its file",
        ),
    ],
)
def test_a_board_that_there_is_not(change, words, tmp_path):
    board = replace(boards.load("icebreaker"), **change)
    with pytest.raises(InputError, match=f"board icebreaker: .*{words}"):
        fpga.build(Blinker(), board, name="blinker", folder=tmp_path / "a")
    assert entries(tmp_path / "a") == []


@pytest.mark.parametrize(
    "change, words",
    [
        ({"uart": None}, r"its platform has no serial port; add uart = { rx = PIN, tx = PIN } to its file"),
        ({"uart": Uart(rx="gpio_9:1", tx="A1")}, "nonexistent connector pin gpio_9:1; correct uart in its file"),
        ({"uart": Uart(rx="B2", tx="A1")}, "rx uses physical pin B2, but it is already used .* correct uart in its"),
        ({"uart": Uart(rx="B1", tx="gpio_0:3")}, "uart_0.tx uses .* B1, but it is already used .* correct uart in its"),
        ({"uart": Uart(rx="B3", tx="A1")}, "leds is 1, but .* uses physical pin B3, .* used .* uart_0.rx"),
    ],
)
def test_a_serial_port_that_there_is_not(change, words):
    board = replace(boards.load("tinyfpga_bx"), **change)
    with pytest.raises(InputError, match=f"board tinyfpga_bx: .*{words}"):
        fpga.prepare(Blinker(), board)


def test_a_serial_port_on_pins():
    """Its pins are those of the board's file, of 3.3 V, and what nothing drives is a line at rest."""
    ice40 = fpga.prepare(BoardTop(DummyCore(), board := boards.load("tinyfpga_bx")), board).files
    assert {"set_io uart_0__rx__io A2", "set_io uart_0__tx__io A1"} <= {*map(str.strip, ice40["top.pcf"].splitlines())}
    (rx,) = re.findall(r"cell \\SB_IO \\\w+\n(?:.*\n)*?.*PACKAGE_PIN \\uart_0__rx__io", ice40["top.il"])
    assert "PULLUP" in rx
    ecp5 = fpga.prepare(BoardTop(DummyCore(), board := boards.load("orangecrab_r0_2_25f")), board).files["top.lpf"]
    assert 'LOCATE COMP "uart_0__rx__io" SITE "N17";' in ecp5 and 'LOCATE COMP "uart_0__tx__io" SITE "M18";' in ecp5
    assert 'IOBUF PORT "uart_0__rx__io" IO_TYPE=LVCMOS33 PULLMODE=UP;' in ecp5
    assert 'IOBUF PORT "uart_0__tx__io" IO_TYPE=LVCMOS33;' in ecp5


def test_failed_tool_leaves_its_log_alone(tmp_path, monkeypatch):
    board, recipe = boards.load("hx8k_b_evn"), synthesis.RECIPES["ice40"]
    monkeypatch.setitem(synthesis.RECIPES, "ice40", replace(recipe, options="-no-such-option"))
    with pytest.raises(
        BuildError, match=r"(?s)yosys failed .*/log/blinker-hx8k_b_evn-\w+/yosys\.log and ends:"
    ) as caught:
        fpga.build(Blinker(), board, name="blinker", folder=tmp_path)
    assert "no-such-option" in str(caught.value)
    assert entries(tmp_path) == ["log"]
    (log,) = (tmp_path / "log").iterdir()
    assert entries(log) == ["yosys.log"]


def test_interrupt_leaves_nothing_half_made(tmp_path, monkeypatch):
    def interrupt(tool, arguments, *, cwd, log, limit):
        (cwd / "top.asc").touch()
        log.parent.mkdir(parents=True)
        log.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(toolchain, "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fpga.build(Blinker(), boards.load("icebreaker"), name="blinker", folder=tmp_path)
    assert entries(tmp_path) == ["log"] and entries(tmp_path / "log") == []


def test_a_build_that_another_process_ends_first_is_taken(tmp_path, monkeypatch):
    board = boards.load("icebreaker")
    made = fpga.build(Blinker(), board, name="blinker", folder=tmp_path)
    load, looked = fpga._load, []

    def late(folder):
        looked.append(folder)
        return load(folder) if len(looked) > 1 else None

    monkeypatch.setattr(fpga, "_load", late)
    monkeypatch.setattr(toolchain, "run", no_tool)
    assert fpga.build(Blinker(), board, name="blinker", folder=tmp_path) == replace(made, cached=True)
    assert entries(tmp_path) == sorted([made.bitstream.parent.name, "log"])


def test_a_folder_that_cannot_be_written_is_refused_before_all_work(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(fpga, "prepare", no_tool)
    with pytest.raises(InputError, match="file: cannot be written .it is no folder"):
        fpga.build(Blinker(), boards.load("icebreaker"), name="blinker", folder=tmp_path / "file")
