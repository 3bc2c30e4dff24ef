"""Bitstreams into boards, with programmers that only write down what they are given."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hwgen import boards, cli
from hwgen.commands import Answer
from hwgen.commands import build as build_command
from hwgen.errors import BuildError, InputError
from hwgen.flow.programming import check_bitstream, program

ROOT = Path(__file__).parents[1]

HEADS = {
    "icebreaker": ("top.bin", bytes.fromhex("ff0000ff7eaa997e51000105")),
    "ulx3s_12f": ("top.bit", b"\xff\0Part: LFE5U-12F-6CABGA381\0\xff\xff\xff\xbd\xb3\xff"),
    "tang_nano_9k": ("top.fs", b"1" * 160 + b"\n" + b"1" * 16 + b"\n1010010111000011\n00000110"),
}
"""How the packers' files begin."""


@pytest.fixture
def bin(tmp_path, monkeypatch):
    """A folder that alone is on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def programmer(folder, name, *commands):
    """A program that writes its arguments into ``NAME.called`` beside it, one a line, then does `commands`."""
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", 'printf "%s\\n" "$@" > "$0.called"', *commands]) + "\n")
    path.chmod(0o755)


def called(folder, name):
    path = folder / f"{name}.called"
    return path.read_text().splitlines() if path.exists() else None


def bitstream(folder, board="icebreaker"):
    name, head = HEADS[board]
    path = folder / name
    path.write_bytes(head + bytes(99))
    return path


@pytest.mark.parametrize(
    "name, persist, found, expected",
    [
        ("icebreaker", False, ["iceprog", "openFPGALoader"], ("flash", ["iceprog"])),
        ("icebreaker", True, ["openFPGALoader"], ("flash", ["openFPGALoader", "-b", "ice40_generic"])),
        ("ulx3s_12f", False, ["openFPGALoader"], ("sram", ["openFPGALoader", "-b", "ulx3s"])),
        ("ulx3s_12f", True, ["openFPGALoader"], ("flash", ["openFPGALoader", "-b", "ulx3s", "-f"])),
        ("tang_nano_9k", False, ["iceprog", "openFPGALoader"], ("sram", ["openFPGALoader", "-b", "tangnano9k"])),
        ("hx8k_b_evn", False, ["iceprog", "openFPGALoader"], ("sram", ["iceprog", "-S"])),
    ],
)
def test_the_programmer_that_is_installed_is_called(tmp_path, bin, name, persist, found, expected):
    for each in found:
        programmer(bin, each)
    path = tmp_path / "my top.bin"
    done = program(path, boards.load(name), persist=persist)
    memory, command = expected
    assert (done.memory, done.command) == (memory, (*command, str(path)))
    assert {each: called(bin, each) for each in found if called(bin, each)} == {command[0]: [*command[1:], str(path)]}


def test_where_no_programmer_is_installed(tmp_path, bin):
    path = tmp_path / "my top.bin"
    with pytest.raises(BuildError) as caught:
        program(path, boards.load("icebreaker"))
    assert str(caught.value) == (
        "no programmer of icebreaker is installed; install iceprog or openFPGALoader, then run this command again, or: "
        f"iceprog '{path}'"
    )
    with pytest.raises(BuildError, match="or: openFPGALoader -b ulx3s -f ./-top.bit$"):
        program(Path("-top.bit"), boards.load("ulx3s_85f"), persist=True)


def test_boards_that_cannot():
    board = replace(boards.load("ulx3s_12f"), flash=())
    with pytest.raises(InputError, match="no programmer writes the flash memory of ulx3s_12f; leave --persist out"):
        program(Path("top.bit"), board, persist=True)
    for persist in (False, True):
        with pytest.raises(InputError, match="the file of ulx3s_12f names no programmer; add to it a line like flash"):
            program(Path("top.bit"), replace(board, sram=()), persist=persist)


def test_what_a_programmer_writes_is_shown_as_it_comes_and_its_last_lines_are_kept(tmp_path, bin):
    programmer(bin, "iceprog", r"printf 'init..\n\033[1mwriting 10%%\rwriting 100%%\r\n'", "echo no chip >&2", "exit 3")
    shown = []
    with pytest.raises(BuildError) as caught:
        program(tmp_path / "top.bin", boards.load("icebreaker"), show=shown.append)
    assert shown == ["init..", "[1mwriting 10%", "writing 100%", "no chip", ""]
    message = str(caught.value)
    assert message.startswith("iceprog failed with exit status 3; its output ends:\n    init..\n")
    assert message.endswith("    writing 100%\n    \n    no chip")


@pytest.mark.parametrize("board", HEADS)
def test_bitstreams_of_each_family(tmp_path, board):
    path = bitstream(tmp_path, board)
    check_bitstream(path, boards.load(board))
    for other in HEADS.keys() - {board}:
        with pytest.raises(InputError, match=f"{path.name}: the name of a bitstream for {other} ends in "):
            check_bitstream(path, boards.load(other))
        renamed = path.rename(tmp_path / HEADS[other][0])
        reason = f"is no bitstream for the .* of {other}; `hwgen build MODEL --board {other}` makes one"
        with pytest.raises(InputError, match=reason):
            check_bitstream(renamed, boards.load(other))
        renamed.rename(path)


def test_files_that_are_no_bitstreams(tmp_path):
    path = bitstream(tmp_path, "ulx3s_12f")
    reason = "is a bitstream for 'LFE5U-12F-6CABGA381', not for the LFE5U-85F of ulx3s_85f"
    with pytest.raises(InputError, match=reason):
        check_bitstream(path, boards.load("ulx3s_85f"))
    path.write_bytes(b"")
    with pytest.raises(InputError, match="top.bit: is no bitstream for the LFE5U-12F of ulx3s_12f"):
        check_bitstream(path, boards.load("ulx3s_12f"))
    with pytest.raises(InputError, match="absent.bit: there is no such file"):
        check_bitstream(tmp_path / "absent.bit", boards.load("ulx3s_12f"))


def test_every_board_says_how_it_is_programmed():
    for name in boards.names():
        board = boards.load(name)
        assert board.flash or board.sram and board.target.traits.toolchain == "Quartus", name


def test_what_vendors_tools_make(tmp_path, bin):
    path = tmp_path / "my top.bit"
    path.write_bytes(b"\0\x09\x0f\xf0top;UserID=0XFFFFFFFF\0" + b"\xff" * 32 + bytes.fromhex("aa995566") + bytes(99))
    check_bitstream(path, boards.load("arty_a7_35t"))
    with pytest.raises(InputError, match="is no bitstream for the LFE5U-12F of ulx3s_12f"):
        check_bitstream(path, boards.load("ulx3s_12f"))
    with pytest.raises(
        InputError, match="no bitstream for the xc7a35t of cmod.*`hwgen project MODEL --board cmod_a7_35t`"
    ):
        check_bitstream(bitstream(tmp_path, "ulx3s_12f"), boards.load("cmod_a7_35t"))
    with pytest.raises(InputError, match="the name of a bitstream for de10_nano ends in .sof; `hwgen project MODEL"):
        check_bitstream(path, boards.load("de10_nano"))
    path = path.rename(tmp_path / "my top.sof")
    check_bitstream(path, boards.load("de10_nano"))
    with pytest.raises(BuildError, match=r"install quartus_pgm, .* or: quartus_pgm -m jtag -o 'p;.*/my top.sof@2'$"):
        program(path, boards.load("de10_nano"))
    programmer(bin, "quartus_pgm")
    program(path, boards.load("de10_lite"))
    assert called(bin, "quartus_pgm") == ["-m", "jtag", "-o", f"p;{path}"]
    with pytest.raises(InputError, match="no programmer writes the flash memory of de10_lite; leave --persist out"):
        program(path, boards.load("de10_lite"), persist=True)


@pytest.mark.parametrize(
    "line, message",
    [
        ('flash = ["rm -r x"]', "a command line in flash begins with openFPGALoader, iceprog, .*, not 'rm -r x'"),
        ('flash = "iceprog"', "flash is a list of command lines, not 'iceprog'"),
        ("sram = [1]", "a command line in sram begins with .*, not 1"),
    ],
)
def test_board_files_that_name_something_else(tmp_path, line, message):
    text = (boards.folder() / "icebreaker.toml").read_text()
    lines = [each for each in text.splitlines() if not each.startswith("flash")]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join([line, *lines]))
    with pytest.raises(InputError, match=f"mine.toml: {message}"):
        boards.read(path)


def test_flash_command(tmp_path, bin, capsys):
    path = bitstream(tmp_path)
    assert cli.main(["flash", "icebreaker", str(path)]) == 1
    assert f"or: iceprog {path}" in capsys.readouterr().err
    programmer(bin, "iceprog", "echo cdone: high", "echo 50 %")
    assert cli.main(["flash", "icebreaker", str(path), "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "cdone: high\n"
    assert json.loads(captured.out) == {
        "board": "icebreaker",
        "bitstream": str(path),
        "memory": "flash",
        "command": ["iceprog", str(path)],
    }
    assert cli.main(["flash", "icebreaker", str(path)]) == 0
    assert f"icebreaker has {path} in its flash memory (iceprog {path})\n" == capsys.readouterr().out
    for arguments in (["icebreaker"], ["icebreaker", str(path), "--model", "tfc_w1a1"]):
        assert cli.main(["flash", *arguments]) == 2
        assert "give either the path of a bitstream, or --model MODEL" in capsys.readouterr().err


def test_flash_command_takes_what_build_makes(tmp_path, bin, capsys, monkeypatch):
    programmer(bin, "iceprog")
    path = bitstream(tmp_path)

    def built(options, session):
        given = (options.model, options.board, options.output, options.seed, options.clock)
        assert given == ("tfc_w1a1", "icebreaker", tmp_path / "made", 1, None)
        return Answer(text="", json={"bitstream": str(path)})

    monkeypatch.setattr(build_command, "run", built)
    assert cli.main(["flash", "icebreaker", "--model", "tfc_w1a1", "-o", str(tmp_path / "made")]) == 0
    assert called(bin, "iceprog") == [str(path)]


def test_an_interrupt_ends_the_programmer(tmp_path, bin):
    programmer(bin, "iceprog", 'echo "started $$"', "exec /bin/sleep 60")
    process = subprocess.Popen(
        [sys.executable, "-m", "hwgen", "flash", "icebreaker", str(bitstream(tmp_path))],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore it
    )
    assert process.stderr is not None
    word, number = process.stderr.readline().split()
    assert word == "started" and Path(f"/proc/{number}").exists()
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "hwgen: interrupted\n")
    assert time.monotonic() - started < 10 and not Path(f"/proc/{number}").exists()
