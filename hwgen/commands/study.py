"""hwgen study: width against precision."""

import argparse
from pathlib import Path

from ..errors import InputError
from . import Answer
from .options import add_json, positive

HELP = "train a topology at many widths and precisions, to pick a network for a chip (needs hwgen[train])"
EXAMPLES = """\
  hwgen study                                          784-64-64-64-10, half to four times as wide, 1 to 4 bits
  hwgen study lenet --scales 0.25,0.5,1 --bits 1,2,8 --epochs 10 --board icebreaker"""


def _numbers(kind, least, most):
    def read(text):
        try:
            values = [kind(part) for part in text.split(",")]
        except ValueError:
            values = []
        if not values or not all(least <= value <= most for value in values):
            raise argparse.ArgumentTypeError(f"numbers {least}..{most}, separated by commas, not {text!r}")
        return list(dict.fromkeys(values))

    return read


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument(
        "topology", nargs="?", default="tfc", metavar="TOPOLOGY", help="tfc, lenet, cnv, ... (default: tfc)"
    )
    parser.add_argument(
        "--scales", type=_numbers(float, 0.01, 100), default=[0.5, 1.0, 2.0, 4.0], metavar="X,X...",
        help="factors of every width (default: 0.5,1,2,4)",
    )  # fmt: skip
    parser.add_argument(
        "--bits", type=_numbers(int, 1, 8), default=[1, 2, 4], metavar="N,N...",
        help="bits of the activations (default: 1,2,4)",
    )  # fmt: skip
    parser.add_argument("--epochs", type=positive, default=5, metavar="N", help="of each training (default: 5)")
    parser.add_argument("--data", default="mnist:train", metavar="DATA", help="to train on (default: mnist:train)")
    parser.add_argument("--test", default="mnist:test", metavar="DATA", help="to measure on (default: mnist:test)")
    parser.add_argument("--board", default="ulx3s_25f", metavar="BOARD", help="to plan for (default: ulx3s_25f)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder of the results (default: build/study-TOPOLOGY)"
    )
    add_json(parser)


def run(options, session) -> Answer:
    from .. import boards, data
    from ..report.table import Table
    from ..training.recipe import Training

    try:
        from ..training import study
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in ("torch", "matplotlib"):
            raise
        raise InputError(f"training needs {missing}, which is not installed: pip install 'hwgen[train]'") from None
    board = boards.load(options.board)
    study.base(options.topology)
    folder = options.output or Path("build") / f"study-{options.topology}"

    def load(spec):
        with session.progress(f"loading {spec}") as advance:
            return data.load(spec, progress=lambda name, done, size: advance(done, size))

    images, test = load(options.data), load(options.test)
    count = len(images)
    training = Training(
        data=options.data,
        epochs=options.epochs,
        batch=min(100, max(2, count // 4)),
        learning_rate=0.02,
        validation=max(1, min(5000, count // 10)),
        frozen=options.epochs // 5,
        seed=1,
    )
    steps = (count - training.validation) // training.batch * options.epochs * len(options.scales) * len(options.bits)
    done = 0
    with session.progress(f"training {options.topology}") as advance:

        def on_step():
            nonlocal done
            done += 1
            advance(done, steps)

        def on_point(point, number, total):
            session.message(
                f"{number} of {total}: x{point.scale:g}, {point.activation_bits} bits: {100 * point.accuracy:.2f} %"
            )

        points = study.run(
            options.topology, options.scales, options.bits, training, images, test, board, folder,
            on_point=on_point, on_step=on_step,
        )  # fmt: skip
    rows = [
        [
            f"x{p.scale:g}", p.activation_bits, p.weight_bits, f"{100 * p.accuracy:.2f} %",
            f"{p.p} x {p.s} x {p.q}" if p.cycles else "does not fit", p.cycles or "", p.interval or "",
        ]
        for p in points
    ]  # fmt: skip
    table = Table(columns=["width", "bits", "weight bits", "accuracy", "array", "cycles", "between images"], rows=rows)
    files = f"{folder / study.RESULTS_FILE} and {folder / study.PICTURE_FILE}"
    return Answer(
        text=f"{table.text()}\n\nin {files}",
        json={"topology": options.topology, "board": board.name, "points": [vars(point) for point in points]},
    )
