"""hwgen project: the hardware as a project for a vendor's tools."""

import argparse

from . import Answer
from .options import (
    add_board,
    add_clock,
    add_json,
    add_line,
    add_model,
    add_output,
    add_shape,
    line_limit,
    line_of,
    load_fit,
    positive,
)

HELP = "write a project for Vivado or Quartus: Verilog, constraints, script; LUTs and RAMs by Yosys"
EXAMPLES = """\
  hwgen project tfc_w1a1 --board arty_a7_35t
  hwgen project cnv_w1a1 --board de10_nano --clock 60 --json"""


def add_arguments(parser: argparse.ArgumentParser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    add_clock(parser)
    add_line(parser)
    parser.add_argument(
        "--limit-seconds",
        type=positive,
        default=3600,
        metavar="N",
        help="end Yosys where it runs for longer (default: 3600)",
    )
    add_output(parser, "where the project's folder goes")
    add_json(parser)


def run(options, session) -> Answer:
    from ..flow.projects import project
    from ..flow.structure import structure
    from ..hdl.shells.board_top import accelerator_top
    from ..models import file_name
    from ..report.table import Table

    fit, board, _ = load_fit(options, session)
    planned, target = fit.plan, board.target
    shape = planned.shape
    board = line_of(options, board)
    if options.clock == "max":
        board = board.fastest(1e6 * fit.mhz)
        session.message(
            f"the planner expects {fit.mhz:.1f} MHz; {target.traits.toolchain} will say whether it is reached"
        )
    made = project(
        accelerator_top(planned, board, structure(planned)),
        board,
        name=file_name(options.model),
        folder=options.output,
        limit=options.limit_seconds,
        progress=session.step,
    )
    if made.cached:
        session.message(f"found ready in {made.folder}: the same design and the same tools")
    rows = [
        ["array P x S x Q", f"{shape.p} x {shape.s} x {shape.q}"],
        ["LUTs", f"{made.luts} of {target.luts} (planned {fit.luts})"],
        ["block RAMs", f"{made.rams} of {target.rams} (planned {fit.rams})"],
        ["clock", f"{made.clock_mhz:g} MHz, which {made.toolchain} checks"],
        ["cycles per image", planned.cycles],
        [
            "images per second",
            f"{fit.fps:.0f} in the core; the line takes {line_limit(board, planned).images_per_second:.1f}",
        ],
        ["seconds", made.seconds],
        ["SHA-256 of the Verilog", made.digest],
        ["folder", made.folder],
        ["files", ", ".join(made.files)],
        [made.product, f"`{made.command}` in that folder makes it, with {made.toolchain}"],
    ]
    json = {
        "model": options.model,
        "p": shape.p,
        "s": shape.s,
        "q": shape.q,
        "cycles": planned.cycles,
        "fps": fit.fps,
        **made.as_json(),
    }
    return Answer(text=Table(columns=["what", "figure"], rows=rows).text(), json=json)
