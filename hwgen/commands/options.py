"""Options that several commands share, and what they stand for."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from . import Session

if TYPE_CHECKING:
    from ..boards import Board
    from ..data import Dataset
    from ..models import Model
    from ..plan import Fit


def add_json(parser: argparse.ArgumentParser):
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def add_board(parser: argparse.ArgumentParser):
    parser.add_argument(
        "--board",
        metavar="BOARD",
        required=True,
        help="name of a board, which `hwgen boards` lists, or a .toml file of your own like those in boards/",
    )


def add_output(parser: argparse.ArgumentParser, what: str):
    """-o, the folder build/ where nothing is said; `what` says what for."""
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("build"), metavar="DIR", help=f"{what} (default: build)"
    )


def add_port(parser: argparse.ArgumentParser, *, required: bool = True):
    parser.add_argument("--port", required=required, metavar="PORT", help="serial port of the board")
    parser.add_argument("--baud", type=positive, default=115200, metavar="N", help="bits per second (default: 115200)")


def add_shape(parser: argparse.ArgumentParser):
    """The array's size, where the planner shall not choose it."""
    group = parser.add_argument_group("size of the array (default: the planner chooses)")
    group.add_argument("--p", type=positive, metavar="P", help="output channels side by side")
    group.add_argument("--s", type=positive, metavar="S", help="input-channel bits per output channel and cycle")
    group.add_argument("--q", type=positive, metavar="Q", help="output pixels side by side")
    group.add_argument(
        "--aim",
        metavar="AIM",
        help="fps, latency or luts (the fewest): use the whole device for it "
        "(default: fps, in a design that is placed and routed in minutes)",
    )
    group.add_argument("--fps", type=positive, default=0, metavar="N", help="at least N images per second")
    group = parser.add_argument_group("how the array is built")
    group.add_argument(
        "--cells", metavar="CELLS",
        help="generic: whatever the tool makes of adders; ice40, ecp5, gowin: the family's cells packed by hand "
        "(default: the family's, with --aim what is best)",
    )  # fmt: skip
    group.add_argument(
        "--loadable", action="store_true", help="tables that `hwgen load` can write: another network, the same hardware"
    )
    group.add_argument(
        "--stages", type=positive, metavar="N",
        help="registers in a popcount (default: 2, of generic cells 1; with --aim what is best)",
    )  # fmt: skip


def add_clock(parser: argparse.ArgumentParser):
    parser.add_argument(
        "--clock",
        type=_clock,
        metavar="MHZ",
        help="run the design at this clock or, rounded down, at what the board's PLL makes, or with max at the highest "
        "that it reaches, which the planner estimates (default: the board's oscillator)",
    )


def _clock(text):
    if text == "max":
        return text
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 10_000:
        raise argparse.ArgumentTypeError(f"it is a number of MHz or max, not {text!r}")
    return value


def add_model(parser: argparse.ArgumentParser):
    parser.add_argument("model", metavar="MODEL", help="name of a zoo model, or the path of an .onnx, .npz or .pt file")
    group = parser.add_argument_group("what a model file expects of its input, where it does not say")
    group.add_argument(
        "--input-range",
        metavar="RANGE",
        default="auto",
        help="range to which pixels 0..255 are scaled: 0..255, 0..1, -1..1 or auto (default: auto)",
    )
    group.add_argument("--input-mean", metavar="X[,X...]", help="subtracted after scaling, one for all or per channel")
    group.add_argument("--input-std", metavar="X[,X...]", help="divided by after that, one for all or per channel")


def add_data(parser: argparse.ArgumentParser, *, otherwise: str):
    """--data and --limit; `otherwise` says what is taken without --data."""
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="NAME:SPLIT (mnist, fashion-mnist, cifar10, cifar10-lossless, svhn: train or test), an .npz with `images` "
        "(N,H,W[,C] uint8) and optionally `labels`, or a folder with a folder of PNG or JPEG files per class "
        f"(default: {otherwise})",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="take the first N images only")


def positive(text: str) -> int:
    """argparse type: an integer of at least 1."""
    if not text.isdecimal() or not 1 <= int(text[:12]) < 1 << 31:
        raise argparse.ArgumentTypeError(f"it is an integer from 1, not {text!r}")
    return int(text)


def load_model(options: argparse.Namespace, session: Session) -> "Model":
    """The model that `add_model`'s options name; the importer's messages go to standard error."""
    from .. import models

    input = models.InputRange(
        range=options.input_range,
        mean=_numbers("--input-mean", options.input_mean),
        std=_numbers("--input-std", options.input_std),
    )
    with session.step(f"reading {options.model}"):
        model = models.load(options.model, input)
    for message in model.messages:
        session.message(message)
    return model


def load_fit(options: argparse.Namespace, session: Session) -> "tuple[Fit, Board, Model]":
    """The plan that `add_model`, `add_board`, `add_shape` and `add_clock` ask for, at the clock that it is to run at,
    its board, with that clock where it is given in MHz, and the model."""
    from .. import boards
    from ..plan import Fit, plan

    board = boards.load(options.board)
    fastest = options.clock == "max"
    if options.clock and not fastest:
        board = board.clocked(options.clock * 1e6)
    model = load_model(options, session)
    with session.step("planning"):
        planned = plan(
            model.network, board, options.p, options.s, options.q,
            cells=options.cells, stages=options.stages, aim=options.aim, fps=options.fps, fastest=fastest,
            loadable=options.loadable,
        )  # fmt: skip
    fit = Fit.of(planned, board.target)
    return fit.at(board.fastest(1e6 * fit.mhz).target.clock_hz) if fastest else fit, board, model


def load_data(options: argparse.Namespace, session: Session, model: "Model") -> "Dataset":
    """The images that `add_data`'s options name, or else the sample of the model's card."""
    from .. import data

    spec = options.data or model.card.get("sample")
    if not isinstance(spec, str):
        raise InputError(f"{options.model} names no images of its own; give --data NAME:SPLIT, an .npz or a folder")
    with session.progress(f"loading {spec}") as advance:
        return data.load(spec, options.limit, progress=lambda name, done, size: advance(done, size))


def _numbers(option, text):
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} is one number, or numbers separated by commas, not {text!r}") from None
