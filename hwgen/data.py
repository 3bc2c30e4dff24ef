"""Data sets: raw uint8 images with labels, by name and split or from an .npz.

A spec is ``NAME:SPLIT`` or the path of an .npz with ``images`` (N,H,W[,C] uint8, raw pixels) and optionally ``labels``
(N,). A name is looked for in ``$HWGEN_DATA``, then in ``../shared/data`` beside the working tree, then in the user's
cache; what is free to download is downloaded into that cache. In each folder a data set may lie

- as ``NAME_SPLIT.npz`` with ``images`` and ``labels`` (any name: your own sets too),
- as ``NAME.npz`` with ``SPLIT_images`` and ``SPLIT_labels``,
- as its authors publish it (`hwgen.data_sources`: MNIST's .gz files, CIFAR-10's binary archive, JPEG bytes).

Two small samples come with hwgen itself: ``mnist-sample:test`` and ``cifar10-sample:test``.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import npz
from .data_sources import SOURCES, Source, cache_folder, download
from .errors import InputError

MAX_DATA_BYTES = 1 << 31
VARIABLE = "HWGEN_DATA"
SPLITS = ("test", "train")
SAMPLES = Path(__file__).parent / "samples"
_FILES = {"cifar10-lossless": "cifar10_lossless_subset"}
_ADVICE = {
    "cifar10-lossless": "it is a subset that hwgen cannot download; cifar10:SPLIT is the whole set",
    "svhn": "hwgen cannot read its MATLAB files; store `images` (N,32,32,3 uint8) and `labels` (N,) in svhn_SPLIT.npz",
}


@dataclass(frozen=True)
class Dataset:
    """Images as they are stored, unscaled.

    Attributes
    ----------
    images : uint8, (N, height, width, channels)
    labels : int64, (N,), or None where the file has none
    name : where they come from, for reports
    """

    images: np.ndarray
    labels: np.ndarray | None
    name: str

    def __len__(self):
        return len(self.images)


def load(spec: str, limit: int | None = None, progress: Callable[[str, int, int], None] | None = None) -> Dataset:
    """The data set that `spec` names; with `limit`, its first images only.

    Parameters
    ----------
    progress : called with (file name, bytes done, bytes in all or 0) while a file is downloaded

    Raises
    ------
    InputError : an unknown name or split, a file that is missing or wrong, or no network where one is needed
    """
    if limit is not None and limit < 1:
        raise InputError(f"the limit is at least 1 image, not {limit}")
    if spec.lower().endswith(".npz"):
        return _from_file(Path(spec), "images", "labels", limit, Path(spec).name)
    name, _, split = spec.partition(":")
    if not name or not split or not f"{name}{split}".replace("-", "").replace("_", "").isalnum():
        raise InputError(f"data is NAME:SPLIT such as mnist:test, or the path of an .npz file, not {spec!r}")
    if name in SOURCES or name in _ADVICE:
        _check_split(spec, split, SPLITS)
    if name.endswith("-sample") and name in samples():
        _check_split(spec, split, ("test",))
        return _from_file(samples()[name], "images", "labels", limit, spec)
    for folder in folders():
        dataset = _from_folder(folder, name, split, limit)
        if dataset is not None:
            return dataset
    if name in SOURCES:
        return _from_source(SOURCES[name], split, limit, download(SOURCES[name], split, progress), spec)
    looked = ", ".join(str(folder) for folder in folders())
    if name in _ADVICE:
        advice = _ADVICE[name].replace("SPLIT", split)
        raise InputError(f"{spec} is not in {looked}: {advice}")
    known = ", ".join([*SOURCES, *_ADVICE, *samples()])
    raise InputError(f"there is no data set {name!r} (known: {known}) and no {name}_{split}.npz in {looked}")


def folders() -> list[Path]:
    """Where data sets are looked for, in this order, as far as the folders exist.

    InputError: $HWGEN_DATA names no folder.
    """
    found = []
    if os.environ.get(VARIABLE):
        found.append(Path(os.environ[VARIABLE]))
        if not found[0].is_dir():
            raise InputError(f"${VARIABLE} is {str(found[0])!r}, which is no folder; correct or unset it")
    beside = [Path.cwd().parent / "shared" / "data", Path(__file__).parents[2] / "shared" / "data"]
    return list(dict.fromkeys([*found, *(p.resolve() for p in [*beside, cache_folder()] if p.is_dir())]))


def samples() -> dict[str, Path]:
    """The samples that come with hwgen, by name."""
    return {path.stem: path for path in sorted(SAMPLES.glob("*.npz"))}


def _check_split(spec, split, known):
    if split not in known:
        raise InputError(f"data {spec!r}: the split is {' or '.join(known)}, not {split!r}")


def _from_folder(folder, name, split, limit) -> Dataset | None:
    single, both = folder / f"{name}_{split}.npz", folder / f"{_FILES.get(name, name)}.npz"
    if single.is_file():
        return _from_file(single, "images", "labels", limit, f"{name}:{split}")
    if both.is_file():
        return _from_file(both, f"{split}_images", f"{split}_labels", limit, f"{name}:{split}")
    source = SOURCES.get(name)
    if source:
        files = [folder / file for file in source.files(split)]
        if all(file.is_file() for file in files):
            return _from_source(source, split, limit, files, f"{name}:{split}")
        jpeg = folder / f"{name}_jpeg_{split}.npz"
        if jpeg.is_file():
            return _from_jpeg(jpeg, limit, f"{name}:{split} (JPEG copy)")
    return None


def _from_source(source: Source, split, limit, files, name) -> Dataset:
    images, labels = source.read(split, files)
    return _dataset(images, labels, limit, name, " and ".join(map(str, files)))


def _from_file(path, images_key, labels_key, limit, name) -> Dataset:
    arrays = _arrays(path, {images_key, labels_key})
    if images_key not in arrays:
        raise InputError(f"{path}: it has no array {images_key!r}; store raw pixels, uint8 (N,H,W[,C]), under that key")
    return _dataset(arrays[images_key], arrays.get(labels_key), limit, name, path)


def _arrays(path, keys) -> dict[str, np.ndarray]:
    """Those of the arrays `keys` that an .npz has."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        with npz.open_archive(path) as (archive, members):
            chosen = {key: members[f"{key}.npy"] for key in keys if f"{key}.npy" in members}
            size = sum(info.file_size for info in chosen.values())
            if size > MAX_DATA_BYTES:
                raise InputError(f"its arrays unpack to {size} bytes, over {MAX_DATA_BYTES}; split the file")
            return {key: npz.parse(npz.content(archive, info)) for key, info in chosen.items()}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _dataset(images, labels, limit, name, where) -> Dataset:
    """A checked `Dataset` of the first `limit` images."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise InputError(
            f"{where}: images are uint8 (N,H,W) or (N,H,W,C), raw pixels, not {images.dtype} of shape {images.shape}"
        )
    if images.size == 0:
        raise InputError(f"{where}: it holds no images (shape {images.shape})")
    if labels is not None:
        if labels.dtype.kind not in "iu" or labels.shape != (len(images),):
            raise InputError(
                f"{where}: {len(images)} images need as many integer labels, not {labels.dtype} of shape {labels.shape}"
            )
        if int(labels.min()) < 0 or int(labels.max()) >= 1 << 31:
            raise InputError(f"{where}: labels are class indices from 0, not {int(labels.min())}..{int(labels.max())}")
        labels = labels[:limit].astype(np.int64)
    if images.ndim == 3:
        images = images[..., None]
    return Dataset(images[:limit], labels, name)


def _from_jpeg(path, limit, name) -> Dataset:
    """A file of JPEG bytes one after the other: `jpeg_bytes`, `offsets` (N+1,) and `labels`."""
    try:
        from PIL import Image
    except ImportError:
        raise InputError(
            f"{path} holds JPEG images, which need Pillow: pip install 'hwgen[images]', or take cifar10-lossless"
        ) from None
    import io

    arrays = _arrays(path, {"jpeg_bytes", "offsets", "labels"})
    missing = sorted({"jpeg_bytes", "offsets", "labels"} - arrays.keys())
    if missing:
        raise InputError(f"{path}: it has no array {missing[0]!r}")
    offsets, data = arrays["offsets"], arrays["jpeg_bytes"].tobytes()
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or len(offsets) < 2:
        raise InputError(f"{path}: offsets are N+1 integers, not {offsets.dtype} of shape {offsets.shape}")
    stop = len(offsets) - 1 if limit is None else min(limit, len(offsets) - 1)

    def decoded() -> Iterator[np.ndarray]:
        for i in range(stop):
            with Image.open(io.BytesIO(data[int(offsets[i]) : int(offsets[i + 1])]), formats=["JPEG"]) as image:
                if image.size[0] > 4096 or image.size[1] > 4096:
                    raise ValueError(f"image {i} is {image.size[0]}x{image.size[1]}")
                yield np.asarray(image.convert("RGB"))

    try:
        images = np.stack(list(decoded()))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: a JPEG cannot be read: {npz.one_line(error)}") from None
    return _dataset(images, arrays["labels"][:stop], None, name, path)
