"""python -m hwgen.bench.boards: a bitstream of tfc_w1a1 for every board, or a project for its vendor's tools, and the
largest model that each holds.

About a minute a board. What is made stays in build/, as `hwgen build` and `hwgen project` make and find it.
"""

import argparse
import sys
from pathlib import Path

from .. import boards, models, outputs
from ..boards import Board
from ..errors import BuildError, InputError
from ..flow import fpga
from ..flow.flows import FLOWS
from ..flow.projects import Project, project
from ..hdl.shells.board_top import accelerator_top
from ..network import Network
from ..plan import plan
from ..report.table import Table

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


def made_for(board: Board, network: Network, folder: Path) -> fpga.Bitstream | Project:
    """As far as `network` is taken on `board`. InputError: it does not fit; BuildError: a tool failed."""
    top = accelerator_top(plan(network, board), board)
    if board.target.family in FLOWS:
        return fpga.build(top, board, name=network.name, folder=folder)
    return project(top, board, name=network.name, folder=folder)


def row(board: Board, made: fpga.Bitstream | Project | None, model: str) -> list[object]:
    """What `COLUMNS` name; the figures of a board for which nothing was made are what the FPGA holds."""
    target = board.target
    port = f"RX {board.uart.rx}, TX {board.uart.tx}" if board.uart else "the board's"
    if made is None:
        figures = [f"no bitstream of {MODEL}", f"- of {target.luts:,}", f"- of {target.rams}", None]
    else:
        far, fmax = (
            ("bitstream", made.fmax_mhz) if isinstance(made, fpga.Bitstream) else (f"{made.toolchain} project", None)
        )
        figures = [far, f"{made.luts:,} of {target.luts:,}", f"{made.rams} of {target.rams}", fmax]
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
            made = None
            try:
                made = made_for(board, models.load(MODEL).network, options.output)
            except (InputError, BuildError) as error:
                notes.append(f"{name}: {error}")
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
