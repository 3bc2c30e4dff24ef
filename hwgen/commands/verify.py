"""hwgen verify: the hardware in simulation against the golden model."""

from pathlib import Path

from . import Answer
from .options import add_board, add_json, add_model, add_shape, load_model, positive

HELP = "simulate the hardware and compare every layer and every cycle count"
EXAMPLES = """\
  hwgen verify tfc_w1a1 --board icebreaker
  hwgen verify my.onnx --board icebreaker --images 100 --data mnist:test --json"""

DEFAULT_IMAGES = 10


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    parser.add_argument("--images", type=positive, metavar="N", help=f"how many images (default: {DEFAULT_IMAGES})")
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="images: NAME:SPLIT or an .npz (default: the model's sample, or else random ones)",
    )
    parser.add_argument(
        "--seed", type=positive, default=1, metavar="N", help="of stalls and random images (default: 1)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("build"),
        metavar="DIR",
        help="where the simulation goes (default: build)",
    )
    add_json(parser)


def run(options, session) -> Answer:
    from .. import boards
    from ..plan import Fit, plan
    from ..report.verify import verify_facts, verify_text
    from ..sim.verify import verify

    board = boards.load(options.board)
    model = load_model(options, session)
    images, source = _images(options, session, model)
    with session.step("planning"):
        planned = plan(model.network, board, options.p, options.s, options.q)
    report = verify(planned, images, seed=options.seed, folder=options.output, progress=session.step)
    fit = Fit.of(planned, board.target)
    return Answer(
        text=verify_text(report, fit, board, source),
        json={"model": options.model, "data": source, **verify_facts(report, fit, board)},
        status=0 if report.passed else 1,
    )


def _images(options, session, model):
    """Images to run and where they are from."""
    import numpy as np

    from .. import data, golden
    from ..errors import InputError

    count = options.images or DEFAULT_IMAGES
    network = model.network
    spec = options.data or model.card.get("sample")
    for candidate in (
        [spec] if spec else ["mnist:test", "cifar10-lossless:test", "mnist-sample:test", "cifar10-sample:test"]
    ):
        try:
            with session.progress(f"loading {candidate}") as advance:
                dataset = data.load(candidate, count, progress=lambda name, done, size: advance(done, size))
            golden.check_images(network, dataset.images)
            return dataset.images, dataset.name
        except InputError:
            if spec:
                raise
    channels, height, width = network.image_shape
    most = 1 << network.image_type.bits
    random = np.random.default_rng(options.seed)
    return random.integers(
        0, most, (count, height, width, channels), dtype=np.uint8
    ), f"random images, seed {options.seed}"
