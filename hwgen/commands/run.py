"""hwgen run: images through a board."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from . import Answer
from .options import add_json, positive

if TYPE_CHECKING:
    import numpy as np

    from ..host.device import Identity

HELP = "classify images on a board, over its serial port"
EXAMPLES = """\
  hwgen run --port /dev/ttyUSB1 digit.png
  hwgen run --port /dev/ttyUSB1 images.npz --model tfc_w1a1 --json"""


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="image file, or .npz with `images` (N,H,W[,C] uint8)"
    )
    parser.add_argument("--port", required=True, metavar="PORT", help="serial port of the board")
    parser.add_argument("--baud", type=positive, default=115200, metavar="N", help="bits per second (default: 115200)")
    parser.add_argument("--model", metavar="MODEL", help="refuse a board that holds another model; name its classes")
    add_json(parser)


def run(options, session) -> Answer:
    from .. import models
    from ..host.device import Device
    from ..report.table import Table

    network = models.load(options.model).network if options.model else None
    with session.step(f"asking {options.port}"):
        device = Device.open(options.port, options.baud)
    with device:
        if network is not None:
            device.check_model(network.digest)
        images = [(name, image) for path in options.images for name, image in read_images(path, device.identity)]
        found = []
        begun = time.monotonic()
        with session.progress("classifying") as advance:
            for name, image in images:
                found.append((name, *device.classify(image)))
                advance(len(found), len(images))
        seconds = time.monotonic() - begun
    labels = network.classes if network is not None else ()
    rows = [[name, str(index), labels[index] if labels else None, str(logits)] for name, index, logits in found]
    notes = [f"{len(found)} images in {seconds:.2f} s, {len(found) / seconds:.1f} images/s over the serial port"]
    return Answer(
        text=Table(columns=["image", "class", "label", "logits"], rows=rows, notes=notes).text(),
        json={
            "images": len(found),
            "predictions": [index for _, index, _ in found],
            "logits": [logits for _, _, logits in found],
            "seconds": round(seconds, 3),
        },
    )


def read_images(path: str, identity: "Identity") -> list[tuple[str, "np.ndarray"]]:
    """(name, uint8 (H, W, C)) of each image of a file, for a board.

    Raises
    ------
    InputError : the file is missing, holds no image, or one of another size
    """
    if path.lower().endswith(".npz"):
        from .. import data

        return [(f"{path}[{i}]", image) for i, image in enumerate(data.load(path).images)]
    import numpy as np

    from ..data.pictures import pillow

    Image = pillow(path, "or give an .npz")
    channels, height, width = identity.image_shape
    mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(channels)
    if mode is None:
        raise InputError(
            f"{path}: an image file cannot have the {channels} channels that the board takes; give an .npz"
        )
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        with Image.open(path) as image:
            if image.size != (width, height):
                raise InputError(
                    f"{path}: the image has {image.size[1]} x {image.size[0]} pixels, "
                    f"the board takes {height} x {width}; scale it"
                )
            pixels = np.asarray(image.convert(mode))
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise of every kind on damaged files
        raise InputError(f"{path}: is no image that can be read: {error}") from None
    return [(path, pixels.reshape(height, width, channels))]
