"""hwgen run: images through a board."""

import argparse
import time
from typing import TYPE_CHECKING

from ..errors import InputError
from ..files import regular_file
from . import Answer, Session
from .options import add_json, add_port

if TYPE_CHECKING:
    import numpy as np

    from ..host.device import Result

HELP = "classify images on a board, over its serial port"
EXAMPLES = """\
  hwgen run --port /dev/ttyUSB1 --model tfc_w1a1 digit.png
  hwgen run --port /dev/ttyUSB1 --model tfc_w1a1 --self-test
  hwgen run --port /dev/ttyUSB1 images.npz --json"""

PASSED = "self-test: the board's logits for its test image are those of the golden model"


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="PNG or JPEG file, which is made one that the model takes as its card's `fit` says, or .npz with `images` "
        "(N,H,W[,C] uint8), which is taken as it is",
    )
    add_port(parser)
    parser.add_argument(
        "--model", metavar="MODEL", help="refuse a board that holds another model; name its classes; read its card"
    )
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="first have the board classify an image that it makes itself, and compare with the golden model",
    )
    add_json(parser)


def run(options, session) -> Answer:
    from .. import models
    from ..data.fitting import method_of
    from ..host.device import Device
    from ..host.self_test import self_test

    if options.self_test and not options.model:
        raise InputError("--self-test compares with the golden model of --model; give that too")
    if not options.images and not options.self_test:
        raise InputError("give an IMAGE, or --self-test; see `hwgen run --help`")
    model = models.load(options.model) if options.model else None
    method = method_of(model.card, options.model) if model else "crop"
    files = [found for path in options.images for found in read_images(path)]
    with session.step(f"asking {options.port}"):
        device = Device.open(options.port, options.baud)
    with device:
        if model is not None:
            device.check_model(model.network.digest)
        bits = model.network.image_type.bits if model else 8
        images = _fitted(files, device.identity.image_shape, method, bits, session)
        tested = self_test(device, model.network) if model is not None and options.self_test else None
        if tested is not None and not images:
            return Answer(text=PASSED, json={"self_test": tested})
        found, begun = [], time.monotonic()
        with session.progress("classifying") as advance:
            for result in device.classify_all(image for _, image in images):
                found.append(result)
                advance(len(found), len(images))
        seconds = time.monotonic() - begun
    answer = _answer([name for name, _ in images], found, seconds, model.network.classes if model else ())
    if tested is None:
        return answer
    return Answer(text=f"{answer.text}\n{PASSED}", json={**answer.json, "self_test": tested})


def _answer(names: list[str], found: "list[Result]", seconds: float, labels) -> Answer:
    from ..report.table import Table

    rows = [
        [name, str(r.index), labels[r.index] if labels else None, str(r.logits)]
        for name, r in zip(names, found, strict=True)
    ]
    notes = [f"{len(found)} images in {seconds:.2f} s, {len(found) / seconds:.1f} images/s over the serial port"]
    return Answer(
        text=Table(columns=["image", "class", "label", "logits"], rows=rows, notes=notes).text(),
        json={
            "images": len(found),
            "predictions": [result.index for result in found],
            "logits": [result.logits for result in found],
            "cycles_per_layer": [result.cycles for result in found],
            "seconds": round(seconds, 3),
        },
    )


def read_images(path: str) -> "list[tuple[str, np.ndarray, bool]]":
    """(name, uint8 (H, W, C), whether it is a picture and may be made to fit) of each image of a file.

    Raises
    ------
    InputError : the file is missing, or holds no image of 8 bits per sample
    """
    if path.lower().endswith(".npz"):
        from .. import data

        return [(f"{path}[{i}]", image, False) for i, image in enumerate(data.load(path).images)]
    from ..data import pictures

    file = regular_file(path)
    pictures.pillow(path, "or give an .npz")
    try:
        return [(path, pictures.decode(file, upright=True), True)]
    except ValueError as error:
        raise InputError(f"{path}: is no image that can be taken: {error}") from None


def _fitted(
    files: "list[tuple[str, np.ndarray, bool]]",
    shape: tuple[int, int, int],
    method: str,
    bits: int,
    session: Session,
) -> "list[tuple[str, np.ndarray]]":
    """The images for a board, of pixels of so many bits; what was done to pictures is told, once where the same was
    done to several."""
    from ..data.fitting import fit

    images, told = [], {}
    for name, image, picture in files:
        if picture:
            try:
                image, done = fit(image, shape, method, bits)
            except ValueError as error:
                raise InputError(f"{name}: {error}") from None
            told.setdefault(done, []).append(name)
        else:
            image = checked(name, image, shape)
            if image.max() >> bits:
                raise InputError(
                    f"{name}: it has pixels of up to {image.max()}, the model takes {bits} bits; scale them to "
                    f"0..{(1 << bits) - 1}"
                )
        images.append((name, image))
    told.pop("", None)
    for done, names in told.items():
        session.message(f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {done}")
    return images


def checked(name: str, image: "np.ndarray", shape: tuple[int, int, int]) -> "np.ndarray":
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
