"""hwgen build: the hardware as a bitstream."""

import argparse
import os

from ..errors import TimingError
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

HELP = "make the bitstream; LUTs, RAMs, Fmax, seconds"
EXAMPLES = """\
  hwgen build tfc_w1a1 --board icebreaker
  hwgen build my.onnx --board ulx3s_25f --seed 3 --json
  hwgen build cnv_w1a1 --board ulx3s_85f --seeds 8 --jobs 4
  hwgen build tfc_w1a1 --board icebreaker --clock max
  hwgen build tfc_w1a1 --board icebreaker --baud 3000000
  hwgen build tfc_w1a1 --board icebreaker --spi pmod_0:4,pmod_0:1,pmod_0:2,pmod_0:3"""


def add_arguments(parser: argparse.ArgumentParser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    add_clock(parser)
    add_line(parser)
    parser.add_argument("--seed", type=positive, default=1, metavar="N", help="of the placement (default: 1)")
    parser.add_argument(
        "--seeds",
        type=positive,
        default=1,
        metavar="N",
        help="try N seeds from that one on, keep the best (default: 1)",
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        default=os.cpu_count() or 1,
        metavar="J",
        help="so many side by side (default: processors)",
    )
    parser.add_argument(
        "--limit-seconds",
        type=positive,
        default=3600,
        metavar="N",
        help="end a tool, or a seed, that runs for longer (default: 3600)",
    )
    add_output(parser, "where results go")
    add_json(parser)


def run(options, session) -> Answer:
    from ..flow import fpga
    from ..flow.structure import structure
    from ..hdl.shells.board_top import accelerator_top
    from ..models import file_name
    from ..plan import Fit
    from ..report.table import Table

    fit, board, _ = load_fit(options, session)
    planned = fit.plan
    shape = planned.shape
    board = line_of(options, board)

    def build(board):
        return fpga.build(
            accelerator_top(planned, board, structure(planned)),
            board,
            name=file_name(options.model),
            folder=options.output,
            seeds=range(options.seed, options.seed + options.seeds),
            jobs=options.jobs,
            limit=options.limit_seconds,
            progress=session.step,
        )

    made = build(board)
    if options.clock == "max":
        made, board = _fastest(build, board, made, session)
        fit = Fit.of(planned, board.target)
    if made.cached:
        session.message(f"found ready in {made.bitstream.parent}: the same design and the same tools")
    json = {
        "model": options.model,
        "p": shape.p,
        "s": shape.s,
        "q": shape.q,
        "cycles": planned.cycles,
        "fps": fit.fps,
        **made.as_json(),
    }
    target = board.target
    rows = [
        ["array P x S x Q", f"{shape.p} x {shape.s} x {shape.q}"],
        ["LUTs", f"{made.luts} of {target.luts} (planned {fit.luts})"],
        ["block RAMs", f"{made.rams} of {target.rams} (planned {fit.rams})"],
        ["Fmax", f"{made.fmax_mhz} MHz (the clock: {made.clock_mhz} MHz)"],
        ["cycles per image", planned.cycles],
        [
            "images per second",
            f"{fit.fps:.0f} in the core; the line takes {line_limit(board, planned).images_per_second:.1f}",
        ],
        ["seed", _seeds(made)],
        ["seconds", f"{made.seconds}, " + ", ".join(f"{tool} {s}" for tool, s in made.steps.items())],
        ["SHA-256", made.digest],
        ["bitstream", made.bitstream],
    ]
    return Answer(text=Table(columns=["what", "figure"], rows=rows).text(), json=json)


def _fastest(build, board, made, session):
    """Built again at the clock that `made` has reached at the oscillator's, or slower where it is not reached again."""
    reached = made.fmax_mhz
    while True:
        faster = board.fastest(reached * 1e6)
        if faster == board:
            return made, board
        session.message(f"it reaches {reached} MHz; the PLL makes {faster.target.clock_hz / 1e6:g} MHz")
        try:
            return build(faster), faster
        except TimingError as error:
            reached = error.fmax_mhz


def _seeds(made) -> str:
    """The seed, and what others reached."""
    others = [f"{seed}: {fmax or 'failed'}" for seed, fmax in made.seeds.items() if seed != str(made.seed)]
    return f"{made.seed} ({', '.join(others)})" if others else str(made.seed)
