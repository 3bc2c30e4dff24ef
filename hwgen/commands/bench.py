"""hwgen bench: figures of merit, measured here and now; with --port those of a board at its serial port."""

from pathlib import Path

from ..errors import InputError
from . import Answer
from .options import add_json, add_port, positive

HELP = "measure every figure of merit, with the peers' figures beside it; or a board at a serial port"
EXAMPLES = """\
  hwgen bench
  hwgen bench --only golden --json
  hwgen bench --port /dev/ttyUSB1 --model tfc_w1a1 --images 100"""

IMAGES = 50


def add_arguments(parser):
    parser.add_argument("--only", metavar="WORD", default="", help="only the rows whose name holds WORD")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("build/bench"), metavar="DIR", help="folder (default: build/bench)"
    )
    group = parser.add_argument_group("a board instead")
    add_port(group, required=False)
    group.add_argument("--images", type=positive, metavar="N", help=f"random images to send (default: {IMAGES})")
    group.add_argument("--model", metavar="MODEL", help="compare the results with those of its golden model")
    add_json(parser)


def run(options, session) -> Answer:
    if options.port:
        if options.only:
            raise InputError("--only chooses among figures that need no board; leave it or --port out")
        return _board(options, session)
    if options.images or options.model:
        raise InputError("--images and --model go with --port, the serial port of a board")
    return _figures(options, session)


def _figures(options, session) -> Answer:
    from .. import bench, outputs

    outputs.writable_folder(options.output)
    rows = bench.measure(options.only, session.step)
    table = bench.table(rows)
    json_path, markdown_path = bench.write(rows, options.output)
    try:
        pictures = bench.draw(options.only, options.output, session.step)
    except ImportError:
        pictures = []
        session.message("no pictures: they need matplotlib (pip install 'hwgen[train]')")
    session.message(f"wrote {', '.join(map(str, [json_path, markdown_path, *pictures]))}")
    return Answer(text=table.text(), json=bench.facts(rows))


def _board(options, session) -> Answer:
    import numpy as np

    from .. import golden, models
    from ..host.device import Device
    from ..host.speed import measure

    network = models.load(options.model).network if options.model else None
    with session.step(f"asking {options.port}"):
        device = Device.open(options.port, options.baud)
    with device:
        if network is not None:
            device.check_model(network.digest)
        channels, height, width = device.identity.image_shape
        shape = (options.images or IMAGES, height, width, channels)
        levels = 1 << (network.image_type.bits if network is not None else 8)
        images = np.random.default_rng(1).integers(0, levels, shape, np.uint8)
        with session.progress("sending images") as advance:
            speed = measure(device, list(images), options.baud, progress=advance)
        clock_hz = device.identity.clock_hz
    wrong = None
    if network is not None:
        expected = golden.run(network, images, keep=False)
        wrong = sum(r.logits != logits.tolist() for r, logits in zip(speed.results, expected.logits, strict=True))
    return Answer(
        text=_table(speed, options.baud, clock_hz, wrong).text(),
        json={
            "images": speed.images,
            "images_per_second": round(speed.images_per_second, 3),
            "images_per_second_of_line": round(speed.line.images_per_second, 3),
            "latency": round(speed.latency, 6),
            "worst_latency": round(speed.worst_latency, 6),
            "latency_of_line": round(speed.line.latency, 6),
            "cycles_per_layer": speed.cycles,
            "clock_hz": clock_hz,
            "images_per_second_of_core": [round(rate, 3) for rate in speed.core],
            "wrong": wrong,
        },
        status=1 if wrong else 0,
    )


def _table(speed, baud, clock_hz, wrong):
    from ..report.table import Table

    least, most = speed.core
    rows = [
        ["images per second, two under way", f"{speed.images_per_second:.2f}"],
        [f"those that the line allows, at {baud} baud", f"{speed.line.images_per_second:.2f}"],
        ["latency of one image, median", f"{1e3 * speed.latency:.2f} ms"],
        ["latency of one image, worst", f"{1e3 * speed.worst_latency:.2f} ms"],
        ["of it on the line", f"{1e3 * speed.line.latency:.2f} ms"],
        ["cycles per layer", ", ".join(map(str, speed.cycles))],
        [f"images per second in the core, at {clock_hz / 1e6:g} MHz", f"{least:.0f} to {most:.0f}"],
    ]
    notes = [
        f"{speed.images} random images, each alone and then all in a row; the last layer's cycles include those in "
        "which its logits waited for the line, so that the core's rate is known at least and at most"
    ]
    if wrong is not None:
        notes.append(
            f"{wrong} results differ from the golden model's; load the bitstream again, or one for a slower clock"
            if wrong
            else "all results are those of the golden model"
        )
    return Table(columns=["what", "figure"], rows=rows, notes=notes)
