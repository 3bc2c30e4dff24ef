"""python -m hwgen.bench.boards: a bitstream of tfc_w1a1 for every board, and the largest model that each holds.

About a minute a board. Bitstreams stay in build/, as `hwgen build` makes and finds them.
"""

import argparse
import sys
from pathlib import Path

from .. import boards, models, outputs
from ..boards import Board
from ..errors import InputError
from ..network import Network
from ..plan import plan
from ..report.table import Table
from .fpga import Measured, Missing, Point, measure

MODEL = "tfc_w1a1"
COLUMNS = (
    "board", "device", "serial port", "taken to", f"LUTs of {MODEL}", "block RAMs", "Fmax, MHz", "largest model",
)  # fmt: skip


def zoo() -> list[Network]:
    """The bundled models, the one with the most weights first; of the same weights the one of wider activations."""
    names = sorted((path.parent.name for path in models.folder().glob("*/card.json")), reverse=True)
    return sorted((models.load(name).network for name in names), key=lambda network: -network.weight_bits)


def largest(board: Board, networks: list[Network]) -> str:
    """Name of the first of `networks` that the planner finds an array for; empty: of none."""
    for network in networks:
        try:
            plan(network, board)
        except InputError:
            continue
        return network.name
    return ""


def row(board: Board, made: Measured | Missing, model: str) -> list[object]:
    """What `COLUMNS` name; the figures of a board without a bitstream are what the FPGA holds."""
    target = board.target
    port = f"RX {board.uart.rx}, TX {board.uart.tx}" if board.uart else "the board's"
    if isinstance(made, Missing):
        figures = [f"no bitstream of {MODEL}", f"- of {target.luts:,}", f"- of {target.rams}", None]
    else:
        bitstream = made.bitstream
        figures = [
            "bitstream", f"{bitstream.luts:,} of {target.luts:,}", f"{bitstream.rams} of {target.rams}",
            bitstream.fmax_mhz,
        ]  # fmt: skip
    return [board.name, f"{target.device}, {target.package}", port, *figures, model or "none"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hwgen.bench.boards", description="What each board holds.")
    parser.add_argument("--only", metavar="WORD", default="", help="only the boards whose name holds WORD")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("build"), metavar="DIR", help="folder (default: build)"
    )
    options = parser.parse_args(arguments)
    chosen = [name for name in boards.names() if options.only in name]
    if not chosen:
        parser.error(f"no board holds {options.only!r}; there are: {', '.join(boards.names())}")
    try:
        outputs.writable_folder(options.output)
    except InputError as error:
        parser.error(str(error))
    networks = zoo()
    held: dict[tuple, str] = {}  # by what the planner's refusals depend on: several boards bear the same die
    rows, notes = [], [""]
    try:
        for i, name in enumerate(chosen, 1):
            print(f"{i} of {len(chosen)}: {name}", file=sys.stderr, flush=True)
            board = boards.load(name)
            made = measure(Point(model=MODEL, board=name), options.output, seeds=[1], jobs=1, limit=3600)
            if isinstance(made, Missing):
                notes.append(f"{name}: {made.reason}")
            die = (board.target.family, board.target.luts, board.target.rams)
            if die not in held:
                held[die] = largest(board, networks)
            rows.append(row(board, made, held[die]))
    except KeyboardInterrupt:
        print("stopped; what was built is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    print(Table(columns=COLUMNS, rows=rows, notes=notes).markdown(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
