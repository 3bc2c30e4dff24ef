"""Reading a stranger's .npz in bounded memory: no pickle, no bomb, no surprise from a false header.

NumPy's own reader trusts the sizes that a file states. Here the zip directory is read first and judged by the caller,
nothing unpacks beyond its stated size, and an array is made only when its header agrees with the bytes that follow.
"""

import io
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .errors import InputError

MAX_DIRECTORY_BYTES = 1 << 20

_MAX_HEADER_BYTES = 1 << 16


@contextmanager
def open_archive(source) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """The zip of a path or a binary stream and its directory by member; what goes wrong inside is an InputError.

    Raises
    ------
    InputError : no plain zip, a directory too large, a member twice, encrypted, or packed other than deflate; any
        damage that is found while members are read inside the ``with``
    """
    try:
        checked = _checked(source)
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})") from None
    try:
        with zipfile.ZipFile(checked) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if len(members) != len(archive.infolist()):
                raise InputError("a member of the zip appears twice")
            for name, info in members.items():
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise InputError(f"member {one_line(name)!r} is packed in a way that .npz files are not")
                if info.flag_bits & 1:
                    raise InputError(f"member {one_line(name)!r} is encrypted")
            yield archive, members
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError, RuntimeError) as error:
        # Everything that zipfile, zlib and NumPy's header reader raise on damaged bytes.
        raise InputError(f"the file is damaged or no .npz file ({one_line(error)})") from None


def content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member's bytes. Asking for no more than the stated size keeps a false size from unpacking a bomb."""
    with archive.open(info) as stream:
        return stream.read(info.file_size)


def parse(data: bytes) -> np.ndarray:
    """The read-only array of an .npy member's bytes. ValueError: it is none, or needs pickle."""
    if not data.startswith(b"\x93NUMPY"):
        raise ValueError("it is no .npy array")
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its .npy version is {version[0]}.{version[1]}, not 1.0 or 2.0")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = read(stream, max_header_size=_MAX_HEADER_BYTES)
    except (tokenize.TokenError, SyntaxError, RecursionError, MemoryError, TypeError) as error:
        raise ValueError(f"its header cannot be read ({one_line(error)})") from None
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which need pickle")
    count = int(np.prod(shape, dtype=object))
    if min(shape, default=0) < 0 or len(data) - stream.tell() != count * dtype.itemsize:
        raise ValueError(f"its header says {dtype} of shape {shape}, and {len(data) - stream.tell()} bytes follow")
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape, order="F" if fortran else "C")


def one_line(message: object) -> str:
    """A stranger's text, short and without control characters, for a message."""
    line = "".join(c if c.isprintable() else "?" for c in str(message))
    return line if len(line) <= 80 else line[:77] + "..."


def _checked(source):
    """A zip ends in 22 bytes that give its directory's size; a huge directory would fill memory by itself."""
    stream = source
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as opened:
            _checked(opened)
        return source
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - 42))
    end = stream.read(42)
    stream.seek(0)
    if len(end) < 22 or end[-22:-18] != b"PK\5\6" or end[-42:-38] == b"PK\6\7":
        raise InputError("the file is damaged or no .npz file (a plain zip's end is missing)")
    if int.from_bytes(end[-10:-6], "little") > MAX_DIRECTORY_BYTES:
        raise InputError(f"its zip directory is larger than {MAX_DIRECTORY_BYTES} bytes")
    return source
