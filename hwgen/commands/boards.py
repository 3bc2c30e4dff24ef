"""hwgen boards: what hwgen builds for."""

from . import Answer
from .options import add_json

HELP = "list the boards, with what their FPGAs hold"
EXAMPLES = "  hwgen boards\n  hwgen boards --json"


def add_arguments(parser):
    add_json(parser)


def run(options, session) -> Answer:
    from dataclasses import asdict

    from .. import boards
    from ..errors import InputError
    from ..report.table import Table

    found = []
    for name in boards.names():
        try:
            found.append(boards.load(name))
        except InputError as error:
            session.message(str(error))
    rows = [
        [
            board.name,
            board.target.device,
            board.target.luts,
            board.target.rams,
            board.target.ram_bits // 1024,
            board.target.clock_hz / 1e6,
            board.description,
        ]
        for board in found
    ]
    table = Table(columns=["board", "device", "LUT4s", "RAMs", "RAM kbit", "MHz", "what it is"], rows=rows)
    return Answer(text=table.text(), json={"boards": [asdict(board) for board in found]})
