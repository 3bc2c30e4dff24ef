"""hwgen run: images through a board."""

import argparse
import time
from typing import TYPE_CHECKING

from ..errors import InputError
from ..files import regular_file
from . import Answer
from .options import add_json, positive

if TYPE_CHECKING:
    import numpy as np

HELP = "classify images on a board, over its serial port"
EXAMPLES = """\
  hwgen run --port /dev/ttyUSB1 digit.png
  hwgen run --port /dev/ttyUSB1 images.npz --model tfc_w1a1 --json"""


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="PNG or JPEG file, or .npz with `images` (N,H,W[,C] uint8)"
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
    files = [found for path in options.images for found in read_images(path)]
    with session.step(f"asking {options.port}"):
        device = Device.open(options.port, options.baud)
    with device:
        if network is not None:
            device.check_model(network.digest)
        images = [(name, fitted(name, image, device.identity.image_shape)) for name, image in files]
        found = []
        begun = time.monotonic()
        with session.progress("classifying") as advance:
            for (name, _), result in zip(images, device.classify_all(image for _, image in images), strict=True):
                found.append((name, result))
                advance(len(found), len(images))
        seconds = time.monotonic() - begun
    labels = network.classes if network is not None else ()
    rows = [[name, str(r.index), labels[r.index] if labels else None, str(r.logits)] for name, r in found]
    notes = [f"{len(found)} images in {seconds:.2f} s, {len(found) / seconds:.1f} images/s over the serial port"]
    return Answer(
        text=Table(columns=["image", "class", "label", "logits"], rows=rows, notes=notes).text(),
        json={
            "images": len(found),
            "predictions": [result.index for _, result in found],
            "logits": [result.logits for _, result in found],
            "cycles_per_layer": [result.cycles for _, result in found],
            "seconds": round(seconds, 3),
        },
    )


def read_images(path: str) -> "list[tuple[str, np.ndarray]]":
    """(name, uint8 (H, W, C)) of each image of a file.

    Raises
    ------
    InputError : the file is missing, or holds no image of 8 bits per sample
    """
    if path.lower().endswith(".npz"):
        from .. import data

        return [(f"{path}[{i}]", image) for i, image in enumerate(data.load(path).images)]
    from ..data import pictures

    file = regular_file(path)
    pictures.pillow(path, "or give an .npz")
    try:
        return [(path, pictures.decode(file))]
    except ValueError as error:
        raise InputError(f"{path}: is no image that can be taken: {error}") from None


def fitted(name: str, image: "np.ndarray", shape: tuple[int, int, int]) -> "np.ndarray":
    """An image for a board whose images have `shape` (channels, height, width); one channel of a grey one, if need be.

    Raises
    ------
    InputError : the image has another size, or other channels
    """
    channels, height, width = shape
    if image.shape[:2] != (height, width):
        raise InputError(
            f"{name}: the image has {image.shape[0]} x {image.shape[1]} pixels, "
            f"the board takes {height} x {width}; scale it"
        )
    if channels == 1 and (image == image[..., :1]).all():
        return image[..., :1]
    if image.shape[2] != channels:
        raise InputError(f"{name}: the image has {image.shape[2]} channels, the board takes {channels}; convert it")
    return image
