"""What `hwgen build` and `hwgen project` share: the whole design of a board, and what is said of it."""

import argparse
from typing import TYPE_CHECKING, Protocol

from . import Answer, Session
from .options import add_board, add_clock, add_json, add_model, add_output, add_shape, load_fit, positive

if TYPE_CHECKING:
    from ..boards import Board
    from ..hdl.shells.board_top import BoardTop
    from ..plan import Fit, Plan


class Made(Protocol):
    """What was made of a design."""

    @property
    def luts(self) -> int: ...

    @property
    def rams(self) -> int: ...

    def as_json(self) -> dict: ...


def add_design(parser: argparse.ArgumentParser, *, tool: str, output: str):
    """Options of the design; `tool` is what may run for too long, `output` says what -o is for."""
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    add_clock(parser)
    parser.add_argument(
        "--baud",
        type=positive,
        metavar="N",
        help="bits per second of the serial port, up to a quarter of the clock (default: the board's)",
    )
    parser.add_argument(
        "--spi",
        metavar="CLOCK,SELECT,COPI,CIPO",
        help="SPI on these pins instead of the serial port: of the package, or of a connector, such as pmod_0:4",
    )
    parser.add_argument(
        "--limit-seconds",
        type=positive,
        default=3600,
        metavar="N",
        help=f"end {tool} that runs for longer (default: 3600)",
    )
    add_output(parser, output)
    add_json(parser)


def load_design(options: argparse.Namespace, session: Session) -> "tuple[Fit, Board]":
    """As `load_fit`, the board with the serial port or SPI that the options ask for."""
    fit, board, _ = load_fit(options, session)
    if options.baud:
        board = board.at(options.baud)
    return fit, board.over_spi(options.spi) if options.spi else board


def top_of(plan: "Plan", board: "Board") -> "BoardTop":
    """The design, from pin to pin."""
    from ..flow.structure import structure
    from ..hdl.shells.board_top import accelerator_top

    return accelerator_top(plan, board, structure(plan))


def answer(
    options: argparse.Namespace, fit: "Fit", board: "Board", made: Made, *, clock: list, rows: list[list]
) -> Answer:
    """`clock` is the row on the clock, `rows` are those at the end."""
    from ..host.speed import BITS, LineLimit
    from ..host.spi import bytes_per_second
    from ..report.table import Table

    plan, shape, target = fit.plan, fit.plan.shape, board.target
    channels, height, width = plan.lowered.image_shape
    rate = bytes_per_second(target.clock_hz) if board.spi else board.baud / BITS
    line = LineLimit.of(rate, samples=channels * height * width, logits=plan.logits.count, layers=len(plan.stages))
    figures = [
        ["array P x S x Q", f"{shape.p} x {shape.s} x {shape.q}"],
        ["LUTs", f"{made.luts} of {target.luts} (planned {fit.luts})"],
        ["block RAMs", f"{made.rams} of {target.rams} (planned {fit.rams})"],
        clock,
        ["cycles per image", plan.cycles],
        ["images per second", f"{fit.fps:.0f} in the core; the line takes {line.images_per_second:.1f}"],
        *rows,
    ]
    json = {
        "model": options.model,
        "p": shape.p,
        "s": shape.s,
        "q": shape.q,
        "cycles": plan.cycles,
        "fps": fit.fps,
        **made.as_json(),
    }
    return Answer(text=Table(columns=["what", "figure"], rows=figures).text(), json=json)
