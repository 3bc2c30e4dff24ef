"""Data sets as their authors publish them: the files, where they are, their SHA-256, and how to read them."""

import gzip
import hashlib
import os
import sys
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError

TIMEOUT_SECONDS = 20
_CHUNK = 1 << 16


@dataclass(frozen=True)
class File:
    """A published file: its name, size in bytes, SHA-256, and addresses to try in turn (folders of it)."""

    name: str
    size: int
    sha256: str
    mirrors: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A data set that may be downloaded.

    Attributes
    ----------
    of_split : the files of each split
    reader : (split, paths of those files) to (images uint8 (N,H,W[,C]), labels uint8 (N,)); raises OSError, EOFError
        or ValueError on anything else
    """

    of_split: dict[str, tuple[File, ...]]
    reader: Callable[[str, list[Path]], tuple[np.ndarray, np.ndarray]]

    def files(self, split: str) -> list[str]:
        return [file.name for file in self.of_split[split]]

    def read(self, split: str, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels of a split. InputError: a damaged file."""
        try:
            return self.reader(split, paths)
        except (OSError, EOFError, ValueError, zlib.error, tarfile.TarError, KeyError) as error:
            names = " or ".join(str(path) for path in paths)
            raise InputError(f"{names} is damaged ({error}); delete it and try again") from None


def cache_folder() -> Path:
    """Where downloads are kept; it need not exist."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hwgen" / "data"


def download(source: Source, split: str, progress: Callable[[str, int, int], None] | None = None) -> list[Path]:
    """The paths of a split's files in the cache, fetched where they are missing.

    InputError: no network, no such file any more, other contents than known, or a cache that cannot be written.
    """
    paths = []
    for file in source.of_split[split]:
        path = cache_folder() / file.name
        if not path.is_file():
            _fetch(file, path, progress)
        paths.append(path)
    return paths


def _fetch(file, path, progress):
    reasons = []
    for mirror in file.mirrors:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{file.name}.")
        except OSError as error:
            raise InputError(f"{path.parent} cannot be written ({error.strerror}); set XDG_CACHE_HOME") from None
        try:
            with os.fdopen(handle, "wb") as stream:
                _transfer(file, mirror + file.name, stream, progress)
            os.replace(temporary, path)
            return
        except (OSError, ValueError) as error:  # urllib's errors are OSErrors
            reasons.append(f"{mirror}: {error}")
        finally:
            Path(temporary).unlink(missing_ok=True)
    raise InputError(
        f"{file.name} could not be downloaded ({'; '.join(reasons)}); put it into a folder and set HWGEN_DATA to that"
    )


def _transfer(file, address, stream, progress):
    """Copy `address` to `stream`; ValueError when it is not the known file."""
    digest, size = hashlib.sha256(), 0
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as response:
        while chunk := response.read(_CHUNK):
            size += len(chunk)
            if size > file.size:
                break
            digest.update(chunk)
            stream.write(chunk)
            if progress:
                progress(file.name, size, file.size)
    if size != file.size or digest.hexdigest() != file.sha256:
        raise ValueError("it gave another file than the known one")


def _read_mnist(split, paths):
    count = 60000 if split == "train" else 10000
    # Reading one byte more than expected shows a longer file without unpacking all of it.
    images, labels = (_gunzip(path, size) for path, size in zip(paths, (16 + count * 784, 8 + count), strict=True))
    if images[:16] != b"".join(n.to_bytes(4, "big") for n in (0x803, count, 28, 28)):
        raise ValueError("the images' header is not that of MNIST")
    if labels[:8] != b"".join(n.to_bytes(4, "big") for n in (0x801, count)):
        raise ValueError("the labels' header is not that of MNIST")
    return np.frombuffer(images, np.uint8, offset=16).reshape(count, 28, 28), np.frombuffer(labels, np.uint8, offset=8)


def _gunzip(path, size):
    with gzip.open(path) as stream:
        data = stream.read(size + 1)
    if len(data) != size:
        raise ValueError(f"{path.name} does not unpack to {size} bytes")
    return data


def _read_cifar10(split, paths):
    """Records of a label and 3x32x32 pixels, 10,000 to a file; no member is unpacked to disk."""
    batches = ["test_batch"] if split == "test" else [f"data_batch_{i}" for i in range(1, 6)]
    records = []
    with tarfile.open(paths[0], "r:gz") as archive:
        for batch in batches:
            member = archive.extractfile(f"cifar-10-batches-bin/{batch}.bin")
            data = member.read(10000 * 3073 + 1) if member else b""
            if len(data) != 10000 * 3073:
                raise ValueError(f"{batch}.bin does not hold 10000 records")
            records.append(np.frombuffer(data, np.uint8).reshape(10000, 3073))
    whole = np.concatenate(records)
    return np.ascontiguousarray(whole[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), whole[:, 0]


_MNIST = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")
_CIFAR10 = (
    File(
        "cifar-10-binary.tar.gz",
        170052171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ("https://www.cs.toronto.edu/~kriz/",),
    ),
)

SOURCES = {
    "mnist": Source(
        {
            "train": (
                File(
                    "train-images-idx3-ubyte.gz",
                    9912422,
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    _MNIST,
                ),
                File(
                    "train-labels-idx1-ubyte.gz",
                    28881,
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    _MNIST,
                ),
            ),
            "test": (
                File(
                    "t10k-images-idx3-ubyte.gz",
                    1648877,
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    _MNIST,
                ),
                File(
                    "t10k-labels-idx1-ubyte.gz",
                    4542,
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    _MNIST,
                ),
            ),
        },
        _read_mnist,
    ),
    "cifar10": Source({"train": _CIFAR10, "test": _CIFAR10}, _read_cifar10),
}
