"""Evaluates the nodes whose inputs are all constants: shape chains, folded parameters, quantized weights.

A small set of operators, each with the size of its result known before it is made.
"""

import numpy as np

from ...errors import InputError
from ...layers import MAX_ELEMENTS
from .reader import Node

ROUNDINGS = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "DOWN": np.trunc,
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + x.dtype.type(0.5)),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - x.dtype.type(0.5)),
}
_CAST = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float32,
    11: np.float64,
}


def bipolar(x, scale):
    """BipolarQuant: +scale where x >= 0, else -scale."""
    return np.where(x >= 0, x.dtype.type(1), x.dtype.type(-1)) * scale


def limits(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    """Lowest and highest level of a `Quant` node."""
    if signed:
        return -(1 << (bits - 1)) + int(narrow), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1 - int(narrow)


def quant_fields(node: Node, arrays) -> tuple[int, bool, bool, str]:
    """Bits, signed, narrow and rounding of a `Quant` node, checked; `arrays` are its scale, zero point and width."""
    scale, _, width = arrays
    if width.size != 1 or not 1 <= float(width.flat[0]) <= 32 or float(width.flat[0]) % 1:
        raise InputError(f"{node}: its bit width is {width.ravel()[:4].tolist()}, not one whole number 1..32")
    if not (scale > 0).all():
        raise InputError(f"{node}: its scale is not positive; train again with a positive scale")
    rounding = str(node.attributes.get("rounding_mode", "ROUND")).upper()
    if rounding not in ROUNDINGS:
        raise InputError(f"{node}: it rounds by {rounding!r}; known are {', '.join(ROUNDINGS)}")
    return int(width.flat[0]), bool(node.attributes.get("signed", 1)), bool(node.attributes.get("narrow", 0)), rounding


def quant(node: Node, x, scale, zero, width):
    """Quant / IntQuant on constants, in the dtype of x (Brevitas: one signed bit is +-1)."""
    bits, signed, narrow, rounding = quant_fields(node, (scale, zero, width))
    y = x / scale + zero
    if bits == 1 and signed:
        y = np.where(y >= 0, x.dtype.type(1), x.dtype.type(-1))
    else:
        low, high = limits(bits, signed, narrow)
        y = ROUNDINGS[rounding](np.clip(y, low, high).astype(x.dtype))
    return (y - zero) * scale


def axes_of(node: Node, arrays, index: int = 1) -> list[int] | None:
    """Axes from the attribute (older opsets) or the input (newer ones)."""
    if len(arrays) > index and arrays[index] is not None:
        return [int(v) for v in np.asarray(arrays[index]).ravel()]
    value = node.attributes.get("axes")
    return None if value is None else [int(v) for v in value]


def target_shape(node: Node, shape, wanted) -> list[int]:
    """The shape that Reshape gives: 0 copies an axis, -1 takes what is left."""
    wanted = [int(v) for v in np.asarray(wanted).ravel()]
    if not node.attributes.get("allowzero", 0):
        wanted = [shape[i] if v == 0 and i < len(shape) else v for i, v in enumerate(wanted)]
    if len(wanted) > 8:
        raise InputError(f"{node}: it reshapes {list(shape)} to {len(wanted)} axes; at most 8 are supported")
    total = int(np.prod(shape, dtype=object))
    known = int(np.prod([v for v in wanted if v != -1], dtype=object))
    if wanted.count(-1) == 1 and known > 0 and total % known == 0:
        wanted[wanted.index(-1)] = total // known
    if any(v < 0 for v in wanted) or int(np.prod(wanted, dtype=object)) != total:
        raise InputError(f"{node}: it reshapes {list(shape)} to {wanted}, which has another number of elements")
    return wanted


def _unsqueeze(node, a):
    axes = axes_of(node, a) or []
    rank = a[0].ndim + len(axes)
    result = a[0]
    for axis in sorted(v % rank for v in axes):
        result = np.expand_dims(result, axis)
    return result


def _squeeze(node, a):
    axes = axes_of(node, a)
    return np.squeeze(a[0], None if axes is None else tuple(axes))


def _slice(node, a):
    starts, ends = (
        np.asarray(a[i] if len(a) > i else node.attributes[key]).ravel() for i, key in ((1, "starts"), (2, "ends"))
    )
    axes = axes_of(node, a, 3) or range(len(starts))
    steps = np.asarray(a[4]).ravel() if len(a) > 4 and a[4] is not None else [1] * len(starts)
    index = [slice(None)] * a[0].ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # An end before the first element, counting down, is None in Python.
        stop = None if step < 0 and end < -a[0].shape[axis] else int(end)
        index[axis] = slice(int(start), stop, int(step))
    return a[0][tuple(index)]


def _divide(node, a):
    if a[0].dtype.kind in "iu":
        if (a[1] == 0).any():
            raise ValueError("division by zero")
        return (np.sign(a[0]) * np.sign(a[1]) * (np.abs(a[0]) // np.abs(a[1]))).astype(a[0].dtype)
    return a[0] / a[1]


def _bounded(count):
    if count > MAX_ELEMENTS:
        raise ValueError(f"its result has {count} elements, and at most {MAX_ELEMENTS} are made")


def _elementwise(function):
    def evaluate(node, a):
        _bounded(int(np.prod(np.broadcast_shapes(*(v.shape for v in a)), dtype=object)))
        return function(*a)

    return evaluate


def _constant(node, a):
    for key in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if key in node.attributes:
            value = node.attributes[key]
            return np.asarray(value, np.float32 if "float" in key else None)
    raise ValueError("it holds no number")


def _constant_of_shape(node, a):
    shape = [int(v) for v in a[0].ravel()]
    _bounded(int(np.prod(shape, dtype=object)))
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32)))
    return np.full(shape, value.flat[0], value.dtype)


def _expand(node, a):
    shape = np.broadcast_shapes(a[0].shape, tuple(int(v) for v in a[1].ravel()))
    _bounded(int(np.prod(shape, dtype=object)))
    return np.broadcast_to(a[0], shape)


def _flatten(node, a):
    axis = int(node.attributes.get("axis", 1))
    return a[0].reshape(int(np.prod(a[0].shape[:axis], dtype=np.int64)), -1)


FOLDED = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Identity": lambda node, a: a[0],
    "Cast": lambda node, a: a[0].astype(_CAST[node.attributes["to"]]),
    "Shape": lambda node, a: np.asarray(a[0].shape, np.int64),
    "Gather": lambda node, a: np.take(a[0], a[1], axis=int(node.attributes.get("axis", 0))),
    "Concat": lambda node, a: np.concatenate(a, axis=int(node.attributes["axis"])),
    "Reshape": lambda node, a: a[0].reshape(target_shape(node, a[0].shape, a[1])),
    "Flatten": _flatten,
    "Transpose": lambda node, a: np.transpose(a[0], node.attributes.get("perm")),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Expand": _expand,
    "Add": _elementwise(np.add),
    "Sub": _elementwise(np.subtract),
    "Mul": _elementwise(np.multiply),
    "Div": _elementwise(lambda x, y: _divide(None, (x, y))),
    "Pow": _elementwise(lambda x, y: np.power(x, y).astype(x.dtype)),
    "Sqrt": lambda node, a: np.sqrt(a[0]),
    "Reciprocal": lambda node, a: 1 / a[0],
    "Neg": lambda node, a: -a[0],
    "Abs": lambda node, a: np.abs(a[0]),
    "Floor": lambda node, a: np.floor(a[0]),
    "Sign": lambda node, a: np.sign(a[0]),
    "Clip": lambda node, a: np.clip(a[0], *(list(a[1:]) + [None, None])[:2]),
    "BipolarQuant": lambda node, a: bipolar(a[0], a[1]),
    "Quant": lambda node, a: quant(node, *a),
    "IntQuant": lambda node, a: quant(node, *a),
}


_OPTIONAL = {"Clip", "Slice", "Squeeze", "Unsqueeze"}  # operators that may leave out inputs after the first


def fold(node: Node, arrays: list[np.ndarray | None]) -> np.ndarray:
    """The first output of `node` for constant inputs (None: one that it leaves out).

    Raises
    ------
    InputError : an operator that is not folded, wrong inputs, or a result that is too large or not a number
    """
    if node.op not in FOLDED:
        raise InputError(
            f"{node}: it computes a constant, and {node.op} is not among the operators that are folded; "
            "run onnx-simplifier, or export with constant folding"
        )
    required = arrays[:1] if node.op in _OPTIONAL else arrays
    missing = next((i for i, array in enumerate(required) if array is None), None)
    if missing is not None:
        raise InputError(f"{node}: its input {missing} is left out, and {node.op} needs it; export the network again")
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(FOLDED[node.op](node, arrays))
    except InputError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        raise InputError(f"{node}: its constant inputs do not fit ({str(error)[:120]}); the file is damaged") from None
    if result.dtype.kind == "f" and np.isnan(result).any():
        raise InputError(f"{node}: it computes a value that is not a number (NaN); check the training and export again")
    return result
