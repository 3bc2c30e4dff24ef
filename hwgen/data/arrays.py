"""Data sets in .npz files: arrays of pixels, or of JPEG bytes."""

import io
from pathlib import Path

import numpy as np

from .. import npz
from ..errors import InputError
from ..files import regular_file
from .dataset import MAX_BYTES, Dataset, checked
from .pictures import decode, pillow


def load(path: Path, images_key: str, labels_key: str, limit: int | None, name: str) -> Dataset:
    """Images under one key, and labels under another where the file has them."""
    arrays = _arrays(path, {images_key, labels_key})
    if images_key not in arrays:
        raise InputError(f"{path}: it has no array {images_key!r}; store raw pixels, uint8 (N,H,W[,C]), under that key")
    return checked(arrays[images_key], arrays.get(labels_key), limit, name, path)


def load_jpeg(path: Path, limit: int | None, name: str) -> Dataset:
    """Colour images as JPEG files one after the other: `jpeg_bytes`, `offsets` (N+1,) and `labels`."""
    pillow(path, "or take cifar10-lossless")
    arrays = _arrays(path, {"jpeg_bytes", "offsets", "labels"})
    missing = sorted({"jpeg_bytes", "offsets", "labels"} - arrays.keys())
    if missing:
        raise InputError(f"{path}: it has no array {missing[0]!r}")
    offsets, data = arrays["offsets"], arrays["jpeg_bytes"].tobytes()
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or len(offsets) < 2:
        raise InputError(f"{path}: offsets are N+1 integers, not {offsets.dtype} of shape {offsets.shape}")
    if arrays["labels"].ndim != 1:
        raise InputError(
            f"{path}: labels are N integers, not {arrays['labels'].dtype} of shape {arrays['labels'].shape}"
        )
    parts = [(int(start), int(stop)) for start, stop in zip(offsets[:-1], offsets[1:])][:limit]
    try:
        images = np.stack([decode(io.BytesIO(data[start:stop])) for start, stop in parts])
    except ValueError as error:
        raise InputError(f"{path}: a JPEG cannot be read: {npz.one_line(error)}") from None
    return checked(images, arrays["labels"][: len(parts)], None, name, path)


def _arrays(path, keys) -> dict[str, np.ndarray]:
    """Those of the arrays `keys` that an .npz has."""
    path = regular_file(path)
    try:
        with npz.open_archive(path) as (archive, members):
            chosen = {key: members[f"{key}.npy"] for key in keys if f"{key}.npy" in members}
            size = sum(info.file_size for info in chosen.values())
            if size > MAX_BYTES:
                raise InputError(f"its arrays unpack to {size} bytes, over {MAX_BYTES}; split the file")
            return {key: npz.parse(npz.content(archive, info)) for key, info in chosen.items()}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
