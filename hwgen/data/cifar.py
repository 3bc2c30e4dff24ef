"""CIFAR-10's binary and Python versions, as archives and unpacked: batches of 10,000 images of 3 x 32 x 32 bytes."""

import io
import itertools
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import npz
from ..errors import InputError
from . import cifar_pickle
from .download import File
from .streams import content, refused

FILE = File(
    "cifar-10-binary.tar.gz",
    170052171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ("https://www.cs.toronto.edu/~kriz/",),
)

BATCH = 10000
_PIXELS = 3 * 32 * 32
_BATCHES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
# Python 3's protocol 2 makes the largest batches, of 46 million bytes; an archive holds six and two small files.
_MAX_BATCH_BYTES = 1 << 26
_MAX_ARCHIVE_BYTES = 1 << 29
_MAX_MEMBERS = 64


@dataclass(frozen=True)
class _Version:
    """A version: its archive, the folder inside, the suffix of its batches, and what reads their bytes."""

    archive: str
    folder: str
    suffix: str
    parse: Callable[[bytes], tuple[np.ndarray, np.ndarray]]


def load(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Images (N,32,32,3) and labels (N,), or None where no version lies in `folder`."""
    for version in _VERSIONS:
        names = [f"{version.folder}/{batch}{version.suffix}" for batch in _BATCHES[split]]
        if all((folder / name).is_file() for name in names):
            return _joined(version, ((folder / name, content(folder / name, _MAX_BATCH_BYTES)) for name in names))
        if (folder / version.archive).is_file():
            return _joined(version, _members(folder / version.archive, names))
    return None


def _members(archive, names) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of each of an archive's files `names`; nothing is unpacked to disk."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content(archive, _MAX_ARCHIVE_BYTES)), mode="r:") as tar:
            members = {member.name: member for member in itertools.islice(tar, _MAX_MEMBERS) if member.isreg()}
            for name in names:
                file = tar.extractfile(members[name]) if name in members else None
                if file is None:
                    raise refused(archive, f"it has no {name}")
                yield f"{archive}/{name}", file.read(_MAX_BATCH_BYTES + 1)
    except InputError:
        raise
    except (tarfile.TarError, OSError, EOFError, OverflowError, ValueError) as error:
        raise refused(archive, npz.one_line(error)) from None


def _joined(version, batches):
    images, labels = [], []
    for path, data in batches:
        try:
            pixels, classes = version.parse(data)
        except InputError as error:
            raise refused(path, str(error)) from None
        if classes.max() > 9:
            raise refused(path, f"it has a label {classes.max()}, and 9 is the last")
        images.append(pixels.reshape(BATCH, 3, 32, 32).transpose(0, 2, 3, 1))
        labels.append(classes)
    return np.concatenate(images), np.concatenate(labels)


def _parse_binary(data):
    """Records of a label and its pixels."""
    if len(data) != BATCH * (1 + _PIXELS):
        raise InputError(f"it has {len(data)} bytes, not {BATCH * (1 + _PIXELS)}")
    records = np.frombuffer(data, np.uint8).reshape(BATCH, 1 + _PIXELS)
    return records[:, 1:], records[:, 0]


def _parse_pickle(data):
    return cifar_pickle.parse(data, (BATCH, _PIXELS))


_VERSIONS = (
    _Version(FILE.name, "cifar-10-batches-bin", ".bin", _parse_binary),
    _Version("cifar-10-python.tar.gz", "cifar-10-batches-py", "", _parse_pickle),
)
