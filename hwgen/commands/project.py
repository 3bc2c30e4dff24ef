"""hwgen project: the hardware as a project for a vendor's tools."""

import argparse

from . import Answer
from .whole_design import add_design, answer, load_design, top_of

HELP = "write a project for Vivado or Quartus: Verilog, constraints, script; LUTs and RAMs by Yosys"
EXAMPLES = """\
  hwgen project tfc_w1a1 --board arty_a7_35t
  hwgen project cnv_w1a1 --board de10_nano --clock 60 --json"""


def add_arguments(parser: argparse.ArgumentParser):
    add_design(parser, tool="a run of Yosys", output="where the project's folder goes")


def run(options, session) -> Answer:
    from ..flow.projects import project
    from ..models import file_name

    fit, board = load_design(options, session)
    if options.clock == "max":
        board = board.fastest(1e6 * fit.mhz)
        tools = board.target.traits.toolchain
        session.message(f"the planner expects {fit.mhz:.1f} MHz; {tools} will say whether it is reached")
    made = project(
        top_of(fit.plan, board),
        board,
        name=file_name(options.model),
        folder=options.output,
        limit=options.limit_seconds,
        progress=session.step,
    )
    if made.cached:
        session.message(f"found ready in {made.folder}: the same design and the same tools")
    return answer(
        options, fit, board, made,
        clock=["clock", f"{made.clock_mhz:g} MHz, which {made.toolchain} checks"],
        rows=[
            ["seconds", made.seconds],
            ["SHA-256 of the Verilog", made.files["top.v"]],
            ["folder", made.folder],
            ["files", ", ".join(made.files)],
            [made.product, f"`{made.command}` in that folder makes it, with {made.toolchain}"],
        ],
    )  # fmt: skip
