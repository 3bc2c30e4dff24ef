"""hwgen verify: the hardware in simulation against the golden model."""

from ..errors import BuildError
from . import Answer
from .options import add_board, add_json, add_model, add_shape, positive

HELP = "simulate the hardware and compare every layer and every cycle count"
EXAMPLES = """\
  hwgen verify tfc_w1a1 --board icebreaker
  hwgen verify my.onnx --board icebreaker --images 100 --data mnist:test --json"""


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    parser.add_argument("--images", type=positive, metavar="N", help="how many images (default: 10)")
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="images: NAME:SPLIT or an .npz (default: the model's sample, or else random ones)",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of stalls and random images (default: 1)")
    add_json(parser)


def run(options, session) -> Answer:
    raise BuildError("hwgen verify is not connected in this version")
