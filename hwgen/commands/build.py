"""hwgen build: the hardware as a bitstream."""

import argparse
import os

from ..errors import TimingError
from . import Answer
from .options import positive
from .whole_design import add_design, answer, load_design, top_of

HELP = "make the bitstream; LUTs, RAMs, Fmax, seconds"
EXAMPLES = """\
  hwgen build tfc_w1a1 --board icebreaker
  hwgen build my.onnx --board ulx3s_25f --seed 3 --json
  hwgen build cnv_w1a1 --board ulx3s_85f --seeds 8 --jobs 4
  hwgen build tfc_w1a1 --board icebreaker --clock max
  hwgen build tfc_w1a1 --board icebreaker --baud 3000000
  hwgen build tfc_w1a1 --board icebreaker --spi pmod_0:4,pmod_0:1,pmod_0:2,pmod_0:3"""


def add_arguments(parser: argparse.ArgumentParser):
    add_design(parser, tool="a tool, or a seed,", output="where results go")
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


def run(options, session) -> Answer:
    from ..flow import fpga
    from ..models import file_name
    from ..plan import Fit

    fit, board = load_design(options, session)

    def build(board):
        return fpga.build(
            top_of(fit.plan, board),
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
        fit = Fit.of(fit.plan, board.target)
    if made.cached:
        session.message(f"found ready in {made.bitstream.parent}: the same design and the same tools")
    return answer(
        options, fit, board, made,
        clock=["Fmax", f"{made.fmax_mhz} MHz (the clock: {made.clock_mhz} MHz)"],
        rows=[
            ["seed", _seeds(made)],
            ["seconds", f"{made.seconds}, " + ", ".join(f"{tool} {s}" for tool, s in made.steps.items())],
            ["SHA-256", made.digest],
            ["bitstream", made.bitstream],
        ],
    )  # fmt: skip


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
