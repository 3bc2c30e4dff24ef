"""hwgen generate: the hardware as Verilog."""

from pathlib import Path

from . import Answer
from .options import add_board, add_json, add_model, add_shape, load_model

HELP = "write Verilog, memory images and a manifest"
EXAMPLES = """\
  hwgen generate tfc_w1a1 --board icebreaker -o build/tfc"""


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="folder to write (default: one named after model, board and digest in build/)",
    )
    add_json(parser)


def run(options, session) -> Answer:
    from .. import boards
    from ..flow.generate import generate
    from ..models import file_name
    from ..plan import Fit, plan
    from ..report.plan import plan_facts

    board = boards.load(options.board)
    network = load_model(options, session).network
    with session.step("planning"):
        planned = plan(network, board, options.p, options.s, options.q)
    folder = options.output or Path("build") / f"{file_name(options.model)}-{board.name}-{network.digest[:12]}-verilog"
    facts = {"model": options.model, **plan_facts(Fit.of(planned, board.target), board)}
    with session.step("writing the Verilog"):
        manifest = generate(planned, folder, facts)
    lines = [f"wrote {folder}:", *(f"  {name}  {entry['bytes']:,} bytes" for name, entry in manifest["files"].items())]
    return Answer(text="\n".join(lines), json=manifest)
