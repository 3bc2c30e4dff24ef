"""hwgen demo: a page at which a board classifies what is drawn."""

import argparse
from contextlib import ExitStack

from ..errors import InputError
from . import Answer
from .options import add_board, add_clock, add_model, add_output, add_shape, load_fit, positive

HELP = "a web page: draw a digit, and see the board classify it beside the golden model"
EXAMPLES = """\
  hwgen demo tfc_w1a1 --board icebreaker
  hwgen demo tfc_w1a1 --board icebreaker --port /dev/ttyUSB1"""

SAMPLES = 50
HTTP_PORT = 8000


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    add_clock(parser)
    parser.add_argument("--port", metavar="PORT", help="serial port of a board (default: a virtual board)")
    parser.add_argument("--baud", type=positive, metavar="N", help="bits per second (default: the board's)")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to serve (default: 127.0.0.1)")
    parser.add_argument(
        "--http", type=_port, default=HTTP_PORT, metavar="N", help=f"port of the page, 0 for any (default: {HTTP_PORT})"
    )
    add_output(parser, "where simulations go")


def _port(text):
    if not text.isdecimal() or int(text[:6]) > 65535:
        raise argparse.ArgumentTypeError(f"it is a number from 0 to 65535, not {text!r}")
    return int(text)


def run(options, session) -> Answer:
    try:
        import PIL  # noqa: F401

        from ..demo.server import address, application, listen, serve
    except ImportError:
        raise InputError("the page needs Starlette, uvicorn and Pillow; pip install 'hwgen[demo]'") from None
    from ..data.fitting import method_of
    from ..demo.classifier import Classifier
    from ..host.device import Device
    from ..sim.virtual_board import virtual_board

    fit, board, model = load_fit(options, session)
    plan = fit.plan
    with ExitStack() as stack:
        status = dict
        listener = stack.enter_context(listen(options.host, options.http))
        if options.port:
            device = stack.enter_context(Device.open(options.port, options.baud or board.baud))
            array = (plan.shape.p, plan.shape.s, plan.shape.q)
            if device.identity.array != array:
                p, s, q = device.identity.array
                raise InputError(
                    f"the board at {options.port} has an array of {p} x {s} x {q}, not {' x '.join(map(str, array))}; "
                    f"give --p {p} --s {s} --q {q}"
                )
        else:
            virtual = stack.enter_context(virtual_board(plan, board, options.output, progress=session.step))
            device = stack.enter_context(Device.open(virtual.port))

            def status():
                now = virtual.status()
                return {"simulated_seconds": now.seconds, "seconds": now.elapsed}

        classifier = Classifier(device, plan, options.output, progress=session.step, status=status)
        about = {
            "model": options.model,
            "board": f"{board.description} at {options.port}" if options.port else f"{board.description}, simulated",
            "shape": list(plan.lowered.image_shape),
            "bits": model.network.image_type.bits,
            "classes": list(model.network.classes),
            "array": list(device.identity.array),
            "clock_mhz": device.identity.clock_hz / 1e6,
        }
        method = method_of(model.card, options.model)
        made = application(classifier.classify, about, _samples(model), method)
        session.message(f"the page is at {address(listener)} until Ctrl-C")
        try:
            serve(made, listener)
        except KeyboardInterrupt:
            pass
    return Answer(text="ended")


def _samples(model):
    """Images of the sample that the model's card names; none where there is none."""
    from .. import data

    spec = model.card.get("sample")
    if not isinstance(spec, str):
        return []
    try:
        images = data.load(spec, SAMPLES).images
    except InputError:
        return []
    images = images[..., None] if images.ndim == 3 else images
    channels, height, width = model.network.image_shape
    fits = images.shape[1:] == (height, width, channels) and images.max() <= model.network.image_type.maximum
    return list(images) if fits else []
