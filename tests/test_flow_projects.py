"""Projects for vendors' tools: whole, found again, as the tools read them, and counted by Yosys."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest

from hwgen import boards, cli
from hwgen.errors import BuildError, InputError
from hwgen.flow import projects
from hwgen.hdl.shells.board_top import BoardTop
from tests.helpers.dummy_core import DummyCore

VIVADO = ["build_top.bat", "build_top.sh", "top.tcl", "top.v", "top.xdc"]
QUARTUS = ["build_top.bat", "build_top.sh", "top.qpf", "top.qsf", "top.sdc", "top.srf", "top.v"]
FILES = {"arty_a7_35t": VIVADO, "de10_nano": QUARTUS, "de10_lite": QUARTUS}


def top(board):
    return BoardTop(DummyCore(), board)


@pytest.fixture(scope="module", params=FILES)
def made(request, tmp_path_factory):
    board = boards.load(request.param)
    return projects.project(top(board), board, name="dummy", folder=tmp_path_factory.mktemp("my projects"))


def commands(*scripts, slack="0.5"):
    """The commands that Tcl scripts give to Vivado or Quartus, as lists. The slowest path has so much `slack`; None: no
    path has a clock."""
    tkinter = pytest.importorskip("tkinter")
    interpreter = tkinter.Tcl()
    called = []

    def command(*words):
        called.append([*words])
        if words[0] == "exit":
            raise SystemExit
        if words[0] == "get_timing_paths":
            return "" if slack is None else "path"
        return slack if words == ("get_property", "SLACK", "path") else ""

    interpreter.createcommand("unknown", command)
    for name in ("exit", "puts"):
        interpreter.createcommand(name, partial(command, name))
    try:
        for script in scripts:
            interpreter.eval(script)
    except (tkinter.TclError, SystemExit):
        assert called[-1][0] == "exit"
    return called


def test_it_is_whole_and_found_again(made):
    board = boards.load(made.board)
    assert [*made.files] == FILES[made.board] and made.toolchain == board.target.traits.toolchain
    assert sorted(path.name for path in made.folder.iterdir()) == sorted([*made.files, "report.json"])
    assert 300 < made.luts < 1000 and made.rams == 0 and made.clock_mhz == 50 and not made.cached
    assert sorted(path.name for path in made.folder.parent.iterdir()) == [made.folder.name, "log"]
    again = projects.project(top(board), board, name="dummy", folder=made.folder.parent)
    assert again == replace(made, cached=True)
    assert json.loads(json.dumps(again.as_json()))["folder"] == str(made.folder)
    (made.folder / "top.bit").touch()  # what the tools make is no change
    assert projects.project(top(board), board, name="dummy", folder=made.folder.parent) == again
    for name in made.files:
        text = (made.folder / name).read_text()
        (made.folder / name).write_text(f"{text}\n")
        with pytest.raises(InputError, match=f"{name} in .* was changed; move the folder or name another with -o"):
            projects.project(top(board), board, name="dummy", folder=made.folder.parent)
        assert (made.folder / name).read_text() == f"{text}\n"
        (made.folder / name).write_text(text)
    (made.folder / "top.bit").unlink()


def test_its_script_runs_the_tools(made, tmp_path):
    """With programs that write down what they are given, on a PATH of their own."""
    names = {"Vivado": ["vivado"], "Quartus": ["quartus_map", "quartus_fit", "quartus_asm", "quartus_sta"]}
    for name in names[made.toolchain]:
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> "{tmp_path}/called"\n')
        program.chmod(0o755)
    assert made.command == "sh build_top.sh"
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(made.command.split(), cwd=made.folder, check=True, env=environment)
    called = (tmp_path / "called").read_text().splitlines()
    if made.toolchain == "Vivado":
        assert called == ["vivado -mode batch -log top.log -source top.tcl"]
    else:
        assert called == [f"{name} --rev=top top" for name in names["Quartus"]]


def test_its_constraints(made):
    """Every pin of the top, its standard, and the clock of the oscillator."""
    board = boards.load(made.board)
    constraints = {"Vivado": ("top.xdc",), "Quartus": ("top.qsf", "top.sdc")}[made.toolchain]
    called = commands(*((made.folder / name).read_text() for name in constraints))
    leds = 4 if made.board == "arty_a7_35t" else 8
    if made.toolchain == "Vivado":
        pins = [words for words in called if words[:2] == ["set_property", "LOC"]]
        standards = [words for words in called if words[:3] == ["set_property", "IOSTANDARD", "LVCMOS33"]]
        assert [words[2] for words in pins[:3]] == ["E3", "A9", "D10"]
        assert called.count(["set_property", "CFGBVS", "VCCO", ""]) == 1
        assert ["get_ports", "clk100_0__io"] in called and not any(words[0] == "get_nets" for words in called)
    else:
        pins = [words for words in called if words[0] == "set_location_assignment"]
        standards = [words for words in called if words[0] == "set_instance_assignment"]
        assert called[-2:] == [["derive_pll_clocks"], ["derive_clock_uncertainty"]]
        device = {"de10_nano": "5CSEBA6U23I7", "de10_lite": "10M50DAF484C7G"}[made.board]
        assert ["set_global_assignment", "-name", "DEVICE", device] in called
        eram = ["set_global_assignment", "-name", "INTERNAL_FLASH_UPDATE_MODE", "SINGLE IMAGE WITH ERAM"]
        assert (eram in called) == (made.board == "de10_lite")
    assert len(pins) == len(standards) == 3 + leds
    (clock,) = (words for words in called if words[0] == "create_clock")
    assert float(clock[clock.index("-period") + 1]) == 1e9 / board.oscillator


def test_no_bitstream_of_a_design_that_misses_its_clock():
    board = boards.load("arty_a7_35t")
    script = projects.files(top(board), board)["top.tcl"]
    for slack, last in (("0.5", ["quit"]), ("-0.5", ["exit", "1"]), (None, ["exit", "1"])):
        called = commands(script, slack=slack)
        names = [words[0] for words in called]
        assert called[-1] == last and ("write_bitstream" in names) == (last == ["quit"])
        (limit,) = (words for words in called if words[0] == "set_param")
        assert limit[1:] == ["synth.elaboration.rodinMoreOptions", "rt::set_parameter var_size_limit 16777216"]
        assert names.index("set_param") < names.index("synth_design") < names.index("route_design")


@pytest.mark.parametrize(
    "name, pins, pulled",
    [
        ("arty_a7_35t", "A9,D10,pmod_0:1,pmod_0:2", ["set_property", "PULLUP", "TRUE"]),
        ("de10_nano", "gpio_0:1,gpio_0:2,gpio_0:3,gpio_0:4", ["-name", "weak_pull_up_resistor", "ON"]),
        ("de10_lite", "V8,W8,V7,W7", ["-name", "weak_pull_up_resistor", "ON"]),
    ],
)
def test_spi_and_a_clock_from_the_pll(name, pins, pulled):
    """What the select line of SPI is pulled by, and that Yosys knows the PLL."""
    board = boards.load(name).clocked(40e6).over_spi(pins)
    texts = projects.files(top(board), board)
    called = commands(texts.get("top.xdc") or texts["top.qsf"])
    (line,) = (words for words in called if {*pulled} <= {*words})
    assert "hwgen_spi_0__select__io" in line or name == "arty_a7_35t"
    if name != "arty_a7_35t":  # whose MMCM is in the project above
        assert projects.estimate(top(board), board)["luts"] > 300


def test_what_is_refused(tmp_path, capsys):
    board = boards.load("icebreaker")
    with pytest.raises(InputError, match="icebreaker needs no project: `hwgen build` makes its bitstream"):
        projects.project(top(board), board, name="dummy", folder=tmp_path)
    assert cli.main(["build", "tfc_w1a1", "--board", "de10_lite", "-o", str(tmp_path)]) == 2
    assert "bitstreams for de10_lite are made by Quartus alone; `hwgen project MODEL" in capsys.readouterr().err
    assert cli.main(["project", "tfc_w1a1", "--board", "arty_a7_35t", "--spi", "A9,A9,B1,B2", "-o", str(tmp_path)]) == 2
    assert "spi.clock and spi.select are two pins, not both 'A9'" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert cli.main(["project", "tfc_w1a1", "--board", "arty_a7_35t", "-o", str(tmp_path / "file")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_design_that_yosys_refuses(tmp_path, monkeypatch):
    """Nothing is left but the log."""
    board = boards.load("arty_a7_35t")
    monkeypatch.setattr(
        sys.modules[projects.project.__module__],
        "_files",
        lambda plan, family: {"top.v": "module top(); absent a(); endmodule\n"},
    )
    with pytest.raises(BuildError, match="yosys failed with exit status 1"):
        projects.project(top(board), board, name="dummy", folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
