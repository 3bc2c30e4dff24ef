"""hwgen board: a virtual board at a serial port of this machine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from shlex import quote

from ..errors import InputError
from . import Answer
from .options import add_board, add_clock, add_json, add_model, add_output, add_shape, load_fit, positive

HELP = "a virtual board: the whole design in simulation, behind a serial port, for those who have none"
EXAMPLES = """\
  hwgen board tfc_w1a1 --board icebreaker
  hwgen board tfc_w1a1 --board icebreaker --link ./board
  hwgen run --port ./board --model tfc_w1a1 digit.png"""

POLL = 0.25
"""Seconds from one look at the board to the next."""


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    add_clock(parser)
    parser.add_argument("--link", type=Path, metavar="PATH", help="a name for the port, while the board runs")
    parser.add_argument(
        "--line-cycles",
        type=positive,
        metavar="N",
        help="clock cycles per bit of the line, from 4 (default: 8; at a board's own speed, most of what is simulated "
        "would be waiting for bits)",
    )
    parser.add_argument(
        "--every-cell",
        action="store_true",
        help="simulate all cells of all processing elements, not one and its model in place of the others",
    )
    add_output(parser, "where the simulation goes")
    add_json(parser)


def run(options, session) -> Answer:
    from ..boards import LEAST_CYCLES
    from ..sim.virtual_board import virtual_board

    if options.line_cycles is not None and options.line_cycles < LEAST_CYCLES:
        raise InputError(f"--line-cycles is at least {LEAST_CYCLES}, not {options.line_cycles}")
    fit, board, _ = load_fit(options, session)
    with virtual_board(
        fit.plan,
        board,
        options.output,
        every_cell=options.every_cell,
        line_cycles=options.line_cycles,
        progress=session.step,
    ) as virtual:
        with _link(options.link, virtual.port) if options.link else nullcontext(virtual.port) as port:
            session.message(
                f"a virtual {board.name} with {options.model} answers at {port} until Ctrl-C; for instance: "
                f"hwgen run --port {quote(str(port))} --model {quote(options.model)} IMAGE"
            )
            status = _until_interrupted(virtual, session)
    facts = {
        "cycles": status.cycles,
        "simulated_seconds": round(status.seconds, 6),
        "seconds": round(status.elapsed, 3),
        "bytes_received": status.received,
        "bytes_sent": status.sent,
    }
    return Answer(text=_text(status), json={"model": options.model, "board": board.name, "port": str(port), **facts})


def _until_interrupted(virtual, session):
    """What the board had done when this was interrupted. BuildError: its simulation ended by itself."""
    status = virtual.status()
    try:
        with session.live("waiting for a host") as show:
            while True:
                time.sleep(POLL)
                status = virtual.status()
                show(_text(status))
    except KeyboardInterrupt:
        return status


def _text(status) -> str:
    return (
        f"{1000 * status.seconds:,.3f} ms of the board's clock ({status.cycles:,} cycles) simulated, "
        f"{status.elapsed:.1f} s here; {status.received:,} bytes received, {status.sent:,} sent"
    )


@contextmanager
def _link(path: Path, port: str) -> Iterator[Path]:
    """`path` as another name of the port; InputError where there is something already, or nothing can be. The name of a
    port that is gone, which a board that was killed leaves, is nothing."""
    try:
        if path.is_symlink() and (not path.exists() or str(path.readlink()) == port):
            path.unlink(missing_ok=True)
        path.symlink_to(port)
    except OSError as error:
        raise InputError(f"--link {path}: {error.strerror}; name a path at which nothing is yet") from None
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
