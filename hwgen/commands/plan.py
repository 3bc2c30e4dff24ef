"""hwgen plan: what the hardware will be, before any is made."""

from . import Answer
from .options import add_board, add_clock, add_json, add_model, add_shape, load_fit

HELP = "choose P, S, Q and the memory map for a board; cycles per layer, fps, fit"
EXAMPLES = """\
  hwgen plan tfc_w1a1 --board icebreaker
  hwgen plan cnv_random --board ulx3s_85f --q 4 --clock 75 --json
  hwgen plan cnv_w1a1 --board ulx3s_85f --aim fps --clock max
  hwgen plan lenet_w1a1 --board ulx3s_25f --clock 50 --aim luts --fps 5000"""


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    add_clock(parser)
    add_json(parser)


def run(options, session) -> Answer:
    from ..report.plan import plan_facts, plan_text

    fit, board, _ = load_fit(options, session)
    return Answer(text=plan_text(fit, board), json={"model": options.model, **plan_facts(fit, board)})
