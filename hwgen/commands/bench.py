"""hwgen bench: figures of merit, measured here and now."""

from pathlib import Path

from . import Answer
from .options import add_json

HELP = "measure every figure of merit, with the peers' figures beside it"
EXAMPLES = "  hwgen bench\n  hwgen bench --only golden --json"


def add_arguments(parser):
    parser.add_argument("--only", metavar="WORD", default="", help="only the rows whose name holds WORD")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("build/bench"), metavar="DIR", help="folder (default: build/bench)"
    )
    add_json(parser)


def run(options, session) -> Answer:
    from .. import bench, outputs

    outputs.writable_folder(options.output)
    rows = bench.measure(options.only, session.step)
    table = bench.table(rows)
    json_path, markdown_path = bench.write(rows, options.output)
    try:
        pictures = bench.draw(options.only, options.output, session.step)
    except ImportError:
        pictures = []
        session.message("no pictures: they need matplotlib (pip install 'hwgen[train]')")
    session.message(f"wrote {', '.join(map(str, [json_path, markdown_path, *pictures]))}")
    return Answer(text=table.text(), json=bench.facts(rows))
