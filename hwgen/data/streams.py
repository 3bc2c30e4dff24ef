"""Published files, read in bounded memory and refused in one form of words."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import npz
from ..errors import InputError


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedIOBase]:
    """A file as a stream, unpacked where it is a .gz. InputError: what goes wrong while it is read in the ``with``."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise refused(path, npz.one_line(error)) from None


def content(path: Path, most: int) -> bytes:
    """All bytes of a file, unpacked where it is a .gz. InputError: there are more than `most`, or it cannot be read."""
    with opened(path) as stream:
        # One byte more shows that there are too many, without unpacking all.
        data = stream.read(most + 1)
    if len(data) > most:
        raise refused(path, f"it holds more than {most} bytes")
    return data


def refused(path, reason) -> InputError:
    """The error for a file that has the name of a published one and other contents."""
    return InputError(f"{path} is not the published file: {reason}; delete it and fetch it again")
