"""A batch of CIFAR-10's Python version: a pickle, read without calling what a pickle may name.

Python 2 wrote them: a dict with a NumPy array of pixels under ``data`` and a list of integers under ``labels``; what
Python 3 writes of the same (protocols 2 to 4) is read too. A pickle can name any function to be called, and state any
size. Here every instruction is judged first, and the names that an array needs stand for a class that only keeps what
would have been passed.
"""

import io
import math
import pickle
import pickletools

import numpy as np

from .. import npz
from ..errors import InputError

# What dicts, lists, tuples, integers, strings and arrays are written with. All others call, import or allocate.
_INSTRUCTIONS = frozenset(
    """PROTO FRAME STOP MARK BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET NONE NEWTRUE NEWFALSE BININT BININT1 BININT2
    LONG1 SHORT_BINSTRING BINSTRING SHORT_BINUNICODE BINUNICODE SHORT_BINBYTES BINBYTES EMPTY_DICT SETITEM SETITEMS
    EMPTY_LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 GLOBAL STACK_GLOBAL REDUCE BUILD""".split()
)
_NAMES = (
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),  # NumPy 2
    ("_codecs", "encode"),  # bytes, in protocol 2 of Python 3
)
# A batch has 30,098 instructions as Python 2 wrote it, and up to 90,152 from Python 3.
_MAX_INSTRUCTIONS = 1 << 17


def parse(data: bytes, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The uint8 array of `shape` and its labels, one for each row. InputError: the pickle holds anything else."""
    batch = _unpickled(data)
    if not isinstance(batch, dict):
        raise InputError("its pickle is no dict")
    batch = {_bytes(key): value for key, value in batch.items()}
    labels = batch.get(b"labels")
    if not isinstance(labels, list) or len(labels) != shape[0]:
        raise InputError(f"its `labels` are no list of {shape[0]}")
    if not all(type(label) is int and 0 <= label <= 255 for label in labels):
        raise InputError("its `labels` are no small integers")
    return _array(batch.get(b"data"), shape), np.array(labels, np.uint8)


class _Kept:
    """Stands for what a pickle names: its arguments and its state."""

    def __init__(self, *arguments):
        self.arguments = arguments
        self.state = None

    def __setstate__(self, state):
        self.state = state


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _NAMES:
            raise InputError(f"its pickle names {npz.one_line(f'{module}.{name}')}, which no batch needs")
        return _Kept


def _unpickled(data):
    try:
        for number, (instruction, argument, _) in enumerate(pickletools.genops(data)):
            if instruction.name not in _INSTRUCTIONS:
                raise InputError(f"its pickle has an instruction {instruction.name}, which no batch needs")
            # A memo place is only a number, but the unpickler reserves memory for all below it.
            place = argument if instruction.name == "LONG_BINPUT" and isinstance(argument, int) else 0
            if max(number, place) > _MAX_INSTRUCTIONS:
                raise InputError(f"its pickle has more than {_MAX_INSTRUCTIONS} instructions or memo places")
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except InputError:
        raise
    except Exception as error:  # an unpickler raises of every kind on instructions that do not fit each other
        raise InputError(f"its pickle is damaged ({npz.one_line(error)})") from None


def _array(kept, shape):
    """What `numpy.ndarray.__setstate__` would make of its state: version, shape, dtype, order, bytes."""
    state = kept.state if isinstance(kept, _Kept) else None
    if not isinstance(state, tuple) or len(state) != 5:
        raise InputError("its `data` are no array")
    _, stated, dtype, fortran, values = state
    if stated != shape or not isinstance(dtype, _Kept) or _bytes(*dtype.arguments[:1]) != b"u1":
        raise InputError(f"its `data` are no {shape[0]} x {shape[1]} array of bytes")
    values = _bytes(values)
    if not isinstance(values, bytes) or len(values) != math.prod(shape):
        raise InputError(f"its `data` are not {math.prod(shape)} bytes")
    return np.frombuffer(values, np.uint8).reshape(shape, order="F" if fortran else "C")


def _bytes(value=None):
    """Bytes as they are, and from the text that stands for them."""
    if isinstance(value, _Kept) and value.arguments[1:] == ("latin1",):
        value = value.arguments[0]
    return value.encode("latin-1", "replace") if isinstance(value, str) else value
