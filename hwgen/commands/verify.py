"""hwgen verify: the hardware in simulation against the golden model."""

from . import Answer
from .options import add_board, add_clock, add_json, add_model, add_output, add_shape, load_fit, positive

HELP = "simulate the hardware and compare every layer and every cycle count"
EXAMPLES = """\
  hwgen verify tfc_w1a1 --board icebreaker
  hwgen verify my.onnx --board icebreaker --images 100 --data mnist:test --json"""

DEFAULT_IMAGES = 10
MAX_IMAGES = 10_000
"""The simulation writes down every value of every layer."""
SAMPLES = ("mnist-sample:test", "cifar10-sample:test")
"""Real images to try on a model that names none; where their shape is another, random ones serve."""


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    add_clock(parser)
    parser.add_argument(
        "--images", type=positive, metavar="N", help=f"images to run, spread over the data (default: {DEFAULT_IMAGES})"
    )
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="images: NAME:SPLIT, an .npz or a folder of pictures by class "
        "(default: the model's sample, or else random ones)",
    )
    parser.add_argument(
        "--every-cell",
        action="store_true",
        help="simulate all cells of all processing elements: minutes on large arrays (default: one "
        "processing element, compared with the model that then stands for all and for their lanes' registers)",
    )
    parser.add_argument(
        "--seed", type=positive, default=1, metavar="N", help="of stalls and random images (default: 1)"
    )
    add_output(parser, "where the simulation goes")
    add_json(parser)


def run(options, session) -> Answer:
    from ..errors import InputError
    from ..report.verify import verify_facts, verify_text
    from ..sim.verify import verify

    if options.images is not None and options.images > MAX_IMAGES:
        raise InputError(f"--images is at most {MAX_IMAGES}, not {options.images}: every value of every layer is kept")
    fit, board, model = load_fit(options, session)
    images, source = _images(options, session, model)
    report = verify(
        fit.plan, images, seed=options.seed, every_cell=options.every_cell, folder=options.output, progress=session.step
    )
    return Answer(
        text=verify_text(report, fit, board, source, options.every_cell),
        json={"model": options.model, "data": source, **verify_facts(report, fit, board, options.every_cell)},
        status=0 if report.passed else 1,
    )


def _images(options, session, model):
    """Images to run, spread evenly over their set (some sets are sorted by class), and where they are from."""
    import numpy as np

    from .. import data, golden
    from ..errors import InputError

    count = options.images or DEFAULT_IMAGES
    network = model.network
    spec = options.data or model.card.get("sample")
    for candidate in [spec] if spec else SAMPLES:
        try:
            with session.progress(f"loading {candidate}") as advance:
                dataset = data.load(candidate, progress=lambda name, done, size: advance(done, size))
            golden.check_images(network, dataset.images)
        except InputError:
            if spec:
                raise
            continue
        chosen = np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int))
        return dataset.images[chosen], dataset.name
    shape = (count, *network.image_shape[1:], network.image_shape[0])
    random = np.random.default_rng(options.seed)
    images = random.integers(0, 1 << network.image_type.bits, shape, dtype=np.uint8)
    return images, f"random images, seed {options.seed}"
