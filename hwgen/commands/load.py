"""hwgen load: another network into a board whose hardware was made for that."""

from ..errors import InputError
from . import Answer
from .options import add_board, add_json, add_model, load_model, positive

HELP = "load another network of the same layers into a board, in seconds, without a bitstream"
EXAMPLES = """\
  hwgen build first.onnx --board icebreaker --loadable
  hwgen load second.onnx --board icebreaker --port /dev/ttyUSB1"""


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    parser.add_argument("--port", required=True, metavar="PORT", help="serial port of the board")
    parser.add_argument("--baud", type=positive, metavar="N", help="bits per second (default: the board's)")
    parser.add_argument("--cells", metavar="CELLS", help="as the hardware was built (default: the family's)")
    parser.add_argument(
        "--stages", type=positive, metavar="N", help="as the hardware was built (default: the family's)"
    )
    add_json(parser)


def run(options, session) -> Answer:
    from .. import boards
    from ..flow.structure import structure
    from ..hdl import csr
    from ..host.device import Device
    from ..host.self_test import self_test
    from ..plan import plan
    from ..plan.loads import loads, row_bytes

    board = boards.load(options.board)
    model = load_model(options, session)
    with Device.open(options.port, options.baud or board.baud) as device:
        if not device.identity.structure:
            raise InputError(f"the board at {options.port} takes no other network; build it with --loadable")
        planned = plan(
            model.network, board, *device.identity.array, cells=options.cells, stages=options.stages, loadable=True
        )
        with session.step("comparing the hardware"):
            made = structure(planned)
        if made != device.identity.structure:
            raise InputError(
                f"{options.model} has not the layers for which the hardware at {options.port} was made, or its board, "
                f"--cells, --stages or hwgen's version are others; build its own bitstream"
            )
        tables = [load.rows for load in loads(planned)]
        total = sum(map(len, tables)) + 2
        with session.progress(f"loading {options.model}") as advance:
            for done in device.load(tables, row_bytes(planned), csr.model_word(model.network.digest)):
                advance(done, total)
        self_test(device, model.network)
    text = f"{options.port} holds {options.model} now: {total:,} rows; its result for its test image is golden's"
    return Answer(text=text, json={"model": options.model, "port": options.port, "rows": total})
