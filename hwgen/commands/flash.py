"""hwgen flash: a bitstream into a board."""

import argparse
import re
import shlex
from pathlib import Path

from ..errors import InputError
from . import Answer
from .options import add_json, add_output

HELP = "load a bitstream into a board, with the programmer that is installed"
EXAMPLES = """\
  hwgen flash icebreaker build/tfc_w1a1-icebreaker-eda4a4c1573e/top.bin
  hwgen flash ulx3s_25f --model tfc_w1a1 --persist"""

PERCENT = re.compile(r"(\d+)(\.\d+)? ?%")


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument(
        "board",
        metavar="BOARD",
        help="name of a board, which `hwgen boards` lists, or a .toml file of your own like those in boards/",
    )
    parser.add_argument("bitstream", nargs="?", type=Path, metavar="BITSTREAM", help="a .bin, .bit, .fs or .sof file")
    parser.add_argument(
        "--model", metavar="MODEL", help="take what `hwgen build MODEL --board BOARD` makes, or finds ready"
    )
    add_output(parser, "where that is")
    parser.add_argument(
        "--persist",
        action="store_true",
        help="into flash memory, where it stays without power (default: into the FPGA's own memory, where that can be)",
    )
    add_json(parser)


def run(options, session) -> Answer:
    from .. import boards
    from ..flow.programming import check_bitstream, program

    if (options.bitstream is None) == (options.model is None):
        raise InputError("give either the path of a bitstream, or --model MODEL")
    board = boards.load(options.board)
    bitstream = options.bitstream or _built(options, session)
    check_bitstream(bitstream, board)
    with session.progress(f"loading {bitstream} into {board.name}") as advance:

        def show(line):
            found = PERCENT.search(line)
            if found:
                advance(int(found[1]), 100)
            elif line.strip():
                session.message(line)

        done = program(bitstream, board, persist=options.persist, show=show)
    where = "its FPGA's own memory, until power goes" if done.memory == "sram" else "its flash memory"
    return Answer(
        text=f"{board.name} has {bitstream} in {where} ({shlex.join(done.command)})",
        json={
            "board": board.name,
            "bitstream": str(bitstream),
            "memory": done.memory,
            "command": list(done.command),
        },
    )


def _built(options, session) -> Path:
    """The bitstream that `hwgen build` gives for the model and the board, where open tools make one."""
    from . import build

    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    arguments = [f"--board={options.board}", f"--output={options.output}", "--", options.model]
    return Path(build.run(parser.parse_args(arguments), session).json["bitstream"])
