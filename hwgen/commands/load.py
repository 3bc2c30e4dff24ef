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
    from ..plan.style import family_style, family_styles

    board = boards.load(options.board)
    model = load_model(options, session)
    with Device.open(options.port, options.baud or board.baud) as device:
        if not device.identity.structure:
            raise InputError(f"the board at {options.port} takes no other network; build it with --loadable")
        family = board.target.family
        styles = [family_style(family, options.cells, options.stages)]
        styles += [s for s in family_styles(family, options.cells, options.stages) if s not in styles]
        for style in styles:  # an aim may have chosen any
            with session.step(f"comparing the hardware, with {style.cells} cells and {style.stages} stages"):
                planned = plan(
                    model.network, board, *device.identity.array, cells=style.cells, stages=style.stages, loadable=True
                )
                if structure(planned) == device.identity.structure:
                    break
        else:
            raise InputError(
                f"{options.model} has not the layers for which the hardware at {options.port} was made, or that is of "
                f"another board or version of hwgen; build its own bitstream"
            )
        tables = [load.rows for load in loads(planned)]
        total = sum(map(len, tables)) + 2
        with session.progress(f"loading {options.model}") as advance:
            for done in device.load(tables, row_bytes(planned), csr.model_word(model.network.digest)):
                advance(done, total)
        self_test(device, model.network)
    text = f"{options.port} holds {options.model} now: {total:,} rows; its result for its test image is golden's"
    return Answer(text=text, json={"model": options.model, "port": options.port, "rows": total})
