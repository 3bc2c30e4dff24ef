"""hwgen plan: what the hardware will be, before any is made."""

from ..errors import BuildError
from . import Answer
from .options import add_board, add_json, add_model, add_shape

HELP = "choose P, S, Q and the memory map for a board; cycles per layer, fps, fit"
EXAMPLES = """\
  hwgen plan tfc_w1a1 --board icebreaker
  hwgen plan cnv_random --board ulx3s_85f --q 4 --json"""


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    add_json(parser)


def run(options, session) -> Answer:
    raise BuildError("hwgen plan is not connected in this version")
