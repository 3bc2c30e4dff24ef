"""MNIST's format, idx, in which Fashion-MNIST comes too, with the same file names.

A file is a magic number (0x800 + number of dimensions) and the dimensions, big-endian 32-bit numbers, then bytes.
"""

import math
from pathlib import Path

import numpy as np

from .dataset import MAX_BYTES
from .streams import opened, refused

_PREFIXES = {"train": "train", "test": "t10k"}


def load(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Images (N,28,28) and labels (N,), or None where the two files do not lie in `folder`."""
    images_path = _path(folder, f"{_PREFIXES[split]}-images", "idx3-ubyte")
    labels_path = _path(folder, f"{_PREFIXES[split]}-labels", "idx1-ubyte")
    if images_path is None or labels_path is None:
        return None
    images, labels = _array(images_path, (28, 28)), _array(labels_path, ())
    if len(images) != len(labels):
        raise refused(labels_path, f"it has {len(labels)} labels for the {len(images)} images of {images_path.name}")
    if labels.max() > 9:
        raise refused(labels_path, f"it has a label {labels.max()}, and 9 is the last")
    return images, labels


def _path(folder, name, kind):
    names = [f"{name}{between}{kind}{packed}" for packed in ("", ".gz") for between in ("-", ".")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _array(path, shape):
    """The bytes of a file, as many of `shape` as its header says."""
    with opened(path) as stream:
        header = stream.read(4 * (2 + len(shape)))
        if len(header) != 4 * (2 + len(shape)):
            raise refused(path, "it ends early")
        magic, count, *rest = np.frombuffer(header, ">u4").tolist()
        if magic != 0x801 + len(shape) or tuple(rest) != shape or not count:
            raise refused(path, f"its header is {[magic, count, *rest]}, not {[0x801 + len(shape), 'N', *shape]}")
        size = count * math.prod(shape)
        if size > MAX_BYTES:
            raise refused(path, f"its header says {count} of them, over {MAX_BYTES} bytes")
        data = stream.read(size + 1)
    if len(data) != size:
        raise refused(
            path, f"its header says that {size} bytes follow, and {'more' if len(data) > size else 'less'} do"
        )
    return np.frombuffer(data, np.uint8).reshape(count, *shape)
