"""hwgen generate: the hardware as Verilog."""

from pathlib import Path

from ..errors import BuildError
from . import Answer
from .options import add_board, add_json, add_model, add_shape

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
    raise BuildError("hwgen generate is not connected in this version")
