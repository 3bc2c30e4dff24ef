"""The numeric arrays of a MATLAB 5 file, in bounded memory.

SciPy reads such files as well, but a damaged one makes it crash, and Python with it. The format: a header of 128 bytes
and elements: a kind, a size, that many bytes, and padding to 8. A variable is an element that holds elements (flags,
dimensions, name, values), most often packed by zlib in an element of its own.
"""

import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import InputError
from .streams import opened, refused

_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_VALUES = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8"}
_NUMERIC_CLASSES = range(6, 14)
_COMPLEX = 0x08
_CHUNK = 1 << 14


def read(path: Path, names: tuple[str, ...], most: int) -> dict[str, np.ndarray]:
    """The variables of a file, which are `names` and no others, of `most` bytes in all. InputError: it is another."""
    found = {}
    with opened(path) as file:
        try:
            if file.read(128)[124:] != b"\0\1IM":
                raise InputError("it is no MATLAB 5 file")
            while tag := file.read(8):
                body = _body(file, tag, most)
                most -= len(body)
                name, array = _variable(body)
                if name not in names or name in found:
                    raise InputError(f"it has variables other than {' and '.join(names)}")
                found[name] = array
            if len(found) != len(names):
                raise InputError(f"it has no variable {next(name for name in names if name not in found)}")
        except InputError as error:
            raise refused(path, str(error)) from None
    return found


def _body(file: io.BufferedIOBase, tag: bytes, most: int) -> memoryview:
    """The bytes of a variable, unpacked."""
    if len(tag) < 8:
        raise InputError("it ends early")
    kind, size = struct.unpack("<II", tag)
    if kind not in (_MATRIX, _COMPRESSED):
        raise InputError(f"it has an element of kind {kind}, which is no variable")
    unpack = zlib.decompressobj() if kind == _COMPRESSED else None
    data = bytearray()
    while size:
        chunk = file.read(min(size, _CHUNK))
        if not chunk:
            raise InputError("it ends early")
        size -= len(chunk)
        data += unpack.decompress(chunk) if unpack else chunk
        if len(data) > most:
            raise InputError("it unpacks to too many bytes")
    if not unpack:
        return memoryview(data)
    kind, values, _ = _element(memoryview(data))
    if kind != _MATRIX:
        raise InputError(f"it has a packed element of kind {kind}, which is no variable")
    return values


def _variable(body):
    """Name and array of a variable."""
    kind, flags, rest = _element(body)
    if kind != _UINT32 or len(flags) != 8:
        raise InputError("a variable has no flags")
    if flags[0] not in _NUMERIC_CLASSES or flags[1] & _COMPLEX:
        raise InputError("a variable is no array of real numbers")
    kind, dimensions, rest = _element(rest)
    if kind != _INT32 or len(dimensions) % 4 or not 8 <= len(dimensions) <= 128:
        raise InputError("a variable has no dimensions")
    shape = struct.unpack(f"<{len(dimensions) // 4}i", dimensions)
    kind, name, rest = _element(rest)
    if kind != _INT8:
        raise InputError("a variable has no name")
    kind, values, _ = _element(rest)
    if kind not in _VALUES:
        raise InputError(f"a variable has values of kind {kind}")
    dtype = np.dtype(_VALUES[kind])
    if min(shape) < 0 or math.prod(shape) * dtype.itemsize != len(values):
        raise InputError(f"a variable of shape {shape} has {len(values)} bytes of {dtype}")
    return bytes(name).decode("latin-1"), np.frombuffer(values, dtype).reshape(shape, order="F")


def _element(data):
    """Kind and bytes of the element that `data` begins with, and what follows it."""
    if len(data) < 8:
        raise InputError("it ends early")
    kind, size = struct.unpack_from("<II", data)
    start, room = 8, len(data) - 8
    if kind >> 16:  # small: up to four bytes share the tag
        kind, size = kind & 0xFFFF, kind >> 16
        start, room = 4, 4
    if size > room:
        raise InputError("it ends early")
    return kind, data[start : start + size], data[8 if start == 4 else start + size + -size % 8 :]
