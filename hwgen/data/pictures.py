"""Data sets of picture files: a folder that holds one folder of PNG or JPEG files for each class.

``photos/cat/*.png`` and ``photos/dog/*.jpg`` are classes 0 and 1: folders sorted by name as text ("10" before "2").
The images come in turn, the first file of every class, then the second of every class, so that the first N of them show
all classes alike. Pixels are taken as they are stored: all files have one size, at most 8 bits per channel and no
transparency. Where every pixel of every file is grey the images have one channel, else three; the data set's name says
which. All files are read whatever the limit, so that the limit changes neither that nor what is refused.

Names that begin with a dot and files beside the class folders are passed over.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import npz
from ..errors import InputError
from .dataset import MAX_BYTES, Dataset, checked

SUFFIXES = (".png", ".jpg", ".jpeg")
MAX_SIDE = 4096
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")


def load(
    folder: Path, limit: int | None, name: str, progress: Callable[[str, int, int], None] | None = None
) -> Dataset:
    """The pictures of a folder, with the places of their classes as labels.

    InputError: no class folder, an empty one, anything in it that is no picture, or two sizes; Pillow is missing.
    """
    files = _files(folder)
    pillow(folder, "or store them as an .npz")
    first = _picture(files[0][0])
    size = min(limit or len(files), len(files)) * first.size
    if size > MAX_BYTES:
        raise InputError(f"{folder}: its pictures unpack to {size} bytes, over {MAX_BYTES}; take fewer")
    kept, grey = [], True
    for number, (path, _) in enumerate(files):
        image = _picture(path)
        if image.shape != first.shape:
            raise InputError(
                f"{path} has {_size(image)} pixels, but {files[0][0]} has {_size(first)}; scale all to one size"
            )
        single = bool((image == image[..., :1]).all())
        grey = grey and single
        if limit is None or number < limit:
            kept.append(image[..., :1].copy() if single else image)
        if progress:
            progress(name, number + 1, len(files))
    images = np.empty((len(kept), *first.shape[:2], 1 if grey else 3), np.uint8)
    for place, image in zip(images, kept, strict=True):
        place[...] = image  # a grey one among colours fills all three channels
    labels = np.array([label for _, label in files[: len(kept)]])
    return checked(images, labels, None, f"{name} ({'greyscale' if grey else 'RGB'})", folder)


def decode(source, *, upright: bool = False) -> np.ndarray:
    """uint8 (height, width, 3) of a PNG or JPEG, a path or a binary stream; `upright`: turned as its EXIF data say.

    Raises
    ------
    ValueError : it cannot be taken
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(source, formats=["PNG", "JPEG"]) as image:
            if max(image.size) > MAX_SIDE:
                raise ValueError(f"it has {image.size[1]} x {image.size[0]} pixels, over {MAX_SIDE} a side")
            # Pillow cuts a PNG's 16 bits of colour to 8 without a word; only its decoder's mode tells.
            stored = str(image.tile[0][3]) if image.tile else ""
            if image.mode not in _MODES or ";16" in stored:
                raise ValueError(f"its pixels are {image.mode} ({stored}), not grey or RGB of 8 bits")
            if image.has_transparency_data:
                if image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
                    raise ValueError("it is transparent in places; put it on a background")
            turned = ImageOps.exif_transpose(image) if upright else image
            return np.asarray(turned.convert("RGB"))
    except Exception as error:  # Pillow's decoders raise of every kind on damaged files
        raise ValueError(npz.one_line(error)) from None


def pillow(path, otherwise: str):
    """`PIL.Image`, to read `path`. InputError: Pillow is not installed; `otherwise` says what else would do."""
    try:
        from PIL import Image
    except ImportError:
        raise InputError(f"{path}: reading it needs Pillow: pip install 'hwgen[images]'; {otherwise}") from None
    return Image


def _files(folder) -> list[tuple[Path, int]]:
    """The files of all classes in turn, each with its class."""
    if not os.path.isdir(folder):  # unlike Path.is_dir, False for what cannot even be a name
        raise InputError(f"{folder}: there is no such folder")
    classes = sorted(_entries(folder, Path.is_dir), key=lambda path: path.name)
    if not classes:
        raise InputError(f"{folder} holds no folders; pictures lie in one folder per class, such as {folder / 'cat'}")
    places = []
    for label, path in enumerate(classes):
        files = sorted(_entries(path), key=lambda file: file.name)
        if not files:
            raise InputError(f"{path} holds no pictures; it stands for a class, so fill it or remove it")
        for place, file in enumerate(files):
            if file.is_dir():
                raise InputError(
                    f"{folder} holds folders of folders; name the one that holds the classes, such as {path}"
                )
            if file.suffix.lower() not in SUFFIXES or not file.is_file():
                raise InputError(f"{file} is no {' or '.join(SUFFIXES)} file, which is all that a class folder holds")
            places.append((place, label, file))
    return [(file, label) for _, label, file in sorted(places)]


def _entries(folder, wanted=lambda path: True):
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".") and wanted(path)]
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror})") from None


def _picture(path):
    try:
        return decode(path)
    except ValueError as error:
        raise InputError(f"{path} cannot be taken: {error}") from None


def _size(image):
    return f"{image.shape[0]} x {image.shape[1]}"
