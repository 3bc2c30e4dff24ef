"""The layers of a `Network`: frozen, integers only, each with its shape and range rules.

Shapes are (channels, height, width); a flat vector is (channels, 1, 1). What flows between layers is a `Tensor`:
a shape, the range of its values, and, where it is an activation (and not an accumulator), its `IntegerType`.
What each layer computes is written in docs/arithmetic.md and executed in `hwgen.golden`.
"""

from dataclasses import dataclass, field, fields

import numpy as np

from .integers import MAX_ACTIVATION_BITS, IntegerType, Range, signed, unsigned

MAX_DIMENSION = 1 << 16
MAX_ELEMENTS = 1 << 28
MAX_CONSTANT = 1 << 40


@dataclass(frozen=True)
class Tensor:
    """What flows between two layers: shape (channels, height, width), range, and type if it is an activation."""

    shape: tuple[int, int, int]
    range: Range
    type: IntegerType | None

    @classmethod
    def activation(cls, shape, type: IntegerType) -> "Tensor":
        return cls(tuple(shape), Range(type.minimum, type.maximum), type)


def _integer(name, value, least, most):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} is an integer, not {value!r}")
    value = int(value)
    if not least <= value <= most:
        raise ValueError(f"{name} is {least}..{most}, not {value}")
    return value


def _integers(name, values, count, least, most):
    """A tuple of `count` Python integers; NumPy scalars become `int` here, once."""
    try:
        values = tuple(values)
    except TypeError:
        raise ValueError(f"{name} is {count} integers, not {values!r}") from None
    if len(values) != count:
        raise ValueError(f"{name} is {count} integers, not {len(values)}")
    return tuple(_integer(name, v, least, most) for v in values)


def _array(name, values, dimensions, dtype):
    """A read-only integer array of `dimensions` axes; floats must be whole, nothing may be empty."""
    array = np.asarray(values)
    if array.dtype.kind not in "iubf":
        raise ValueError(f"{name} is an array of integers, not of {array.dtype}")
    if array.ndim != dimensions:
        raise ValueError(f"{name} has {dimensions} axes, not {array.ndim}")
    if array.size == 0 or array.size > MAX_ELEMENTS:
        raise ValueError(f"{name} has 1..{MAX_ELEMENTS} elements, not {array.size}")
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.rint(array)).all()):
        raise ValueError(f"{name} holds a value that is no integer")
    if (array.dtype.kind == "f" or array.dtype.itemsize > 4) and np.abs(array.astype(np.float64)).max() > MAX_CONSTANT:
        raise ValueError(f"{name} holds a value beyond +-2^40")
    array = array.astype(dtype)
    array.setflags(write=False)
    return array


def _weights(values, dimensions):
    values = np.asarray(values)
    array = _array("weights", values, dimensions, np.int8 if values.dtype == np.int8 else np.int64)
    wrong = array[(array != 1) & (array != -1)]
    if wrong.size:
        raise ValueError(f"weights are -1 or +1, not {int(wrong[0])}")
    array = array.astype(np.int8, copy=False)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """Base of all layers. `name` is free text for messages and reports (default: the kind)."""

    name: str = ""

    def __post_init__(self):
        if not isinstance(self.name, str) or len(self.name) > 200:
            raise ValueError("a layer's name is a string of at most 200 characters")
        self._check()

    def _set(self, **values):
        for key, value in values.items():
            object.__setattr__(self, key, value)

    def _check(self):
        """Validate and normalise the layer's own fields."""

    def apply(self, tensor: Tensor) -> Tensor:
        """The output tensor for an input tensor. Raises ValueError when the layer does not take it."""
        raise NotImplementedError

    def __repr__(self):
        def show(value):
            return f"<{'x'.join(map(str, value.shape))}>" if isinstance(value, np.ndarray) else str(value)

        return f"{type(self).__name__}({', '.join(f'{f.name}={show(getattr(self, f.name))}' for f in fields(self))})"


def linear_range(weights, tensor, border=None):
    """Exact bounds of sum w*a over all inputs of the range; a padded tap may instead give w*border."""
    low, high = tensor.range.minimum, tensor.range.maximum
    if border is not None:
        low, high = min(low, border), max(high, border)
    plus = (weights.reshape(len(weights), -1) > 0).sum(axis=1, dtype=np.int64)
    minus = weights[0].size - plus
    return Range(int((plus * low - minus * high).min()), int((plus * high - minus * low).max()))


def _needs_activation(tensor):
    if tensor.type is None:
        raise ValueError("its input is an accumulator; put a Threshold or ScaleBias before it")
    if tensor.type.bits > MAX_ACTIVATION_BITS:
        raise ValueError(f"its input has {tensor.type.bits} bits; the array takes 1..{MAX_ACTIVATION_BITS}")


def _windows(size, window, stride, padding) -> tuple[int, int]:
    """Output (height, width) of sliding `window` over `size` with (top, left, bottom, right) padding."""
    padded = (size[0] + padding[0] + padding[2], size[1] + padding[1] + padding[3])
    if window[0] > padded[0] or window[1] > padded[1]:
        raise ValueError(f"a {window[0]}x{window[1]} window is larger than its {padded[0]}x{padded[1]} padded input")
    return (padded[0] - window[0]) // stride[0] + 1, (padded[1] - window[1]) // stride[1] + 1


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Convolution(Layer):
    """acc[o,y,x] = sum w[o,c,ky,kx] * a[c, y*stride[0]+ky-top, x*stride[1]+kx-left].

    Parameters
    ----------
    weights : -1 or +1, (output channels, input channels, kernel height, kernel width)
    stride : (vertical, horizontal)
    padding : (top, left, bottom, right), taps outside the image
    border : value of a padded tap: 0, -1 or +1. A zero border on bipolar activations contributes nothing.
    """

    weights: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    border: int = 0

    def _check(self):
        self._set(
            weights=_weights(self.weights, 4),
            stride=_integers("stride", self.stride, 2, 1, MAX_DIMENSION),
            padding=_integers("padding", self.padding, 4, 0, 255),
            border=_integer("border", self.border, -1, 1),
        )

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weights.shape[2], self.weights.shape[3]

    @property
    def padded(self) -> bool:
        return any(self.padding)

    def apply(self, tensor):
        _needs_activation(tensor)
        if tensor.shape[0] != self.weights.shape[1]:
            raise ValueError(
                f"its weights take {self.weights.shape[1]} input channels, its input has {tensor.shape[0]}"
            )
        size = _windows(tensor.shape[1:], self.kernel, self.stride, self.padding)
        border = self.border if self.padded else None
        return Tensor((self.weights.shape[0], *size), linear_range(self.weights, tensor, border), None)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dense(Layer):
    """acc[o] = sum w[o,i] * a[i]; `weights` -1 or +1, (outputs, inputs). Takes a flat vector."""

    weights: np.ndarray

    def _check(self):
        self._set(weights=_weights(self.weights, 2))

    def apply(self, tensor):
        _needs_activation(tensor)
        if tensor.shape[1:] != (1, 1):
            raise ValueError(f"it takes a flat vector, its input is {tensor.shape}; put a Flatten before it")
        if tensor.shape[0] != self.weights.shape[1]:
            raise ValueError(f"its weights take {self.weights.shape[1]} inputs, its input has {tensor.shape[0]}")
        return Tensor((self.weights.shape[0], 1, 1), linear_range(self.weights, tensor), None)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MaxPool(Layer):
    """Largest value of each window; positions outside the image never win.

    Parameters
    ----------
    window, stride : (vertical, horizontal)
    padding : (top, left, bottom, right), each less than the window
    minimum : per channel, take the smallest value instead (a channel whose sign a pass has flipped); empty: none
    """

    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    minimum: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def _check(self):
        minimum = np.asarray(self.minimum)
        if minimum.ndim != 1 or (minimum.size and minimum.dtype.kind not in "biu"):
            raise ValueError("minimum is one boolean per channel")
        minimum = minimum.astype(bool)
        minimum.setflags(write=False)
        self._set(
            window=_integers("window", self.window, 2, 1, MAX_DIMENSION),
            stride=_integers("stride", self.stride, 2, 1, MAX_DIMENSION),
            padding=_integers("padding", self.padding, 4, 0, 255),
            minimum=minimum if minimum.any() else minimum[:0],
        )
        if any(p >= self.window[i % 2] for i, p in enumerate(self.padding)):
            raise ValueError(f"padding {self.padding} is not less than the window {self.window}")

    def apply(self, tensor):
        if self.minimum.size and self.minimum.size != tensor.shape[0]:
            raise ValueError(f"minimum has {self.minimum.size} channels, its input {tensor.shape[0]}")
        size = _windows(tensor.shape[1:], self.window, self.stride, self.padding)
        return Tensor((tensor.shape[0], *size), tensor.range, tensor.type)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SumPool(Layer):
    """Sum of each window (an average without its division, which folds into what follows).

    Parameters
    ----------
    window, stride : (vertical, horizontal); a window of the input's size pools globally
    """

    window: tuple[int, int]
    stride: tuple[int, int]

    def _check(self):
        self._set(
            window=_integers("window", self.window, 2, 1, MAX_DIMENSION),
            stride=_integers("stride", self.stride, 2, 1, MAX_DIMENSION),
        )

    def apply(self, tensor):
        size = _windows(tensor.shape[1:], self.window, self.stride, (0, 0, 0, 0))
        area = self.window[0] * self.window[1]
        total = Range(tensor.range.minimum * area, tensor.range.maximum * area)
        type = tensor.type
        if type is not None and area > 1:
            bits = max(total.maximum.bit_length(), 1)
            type = unsigned(bits) if total.minimum >= 0 else signed(max(total.bits, 2))
        return Tensor((tensor.shape[0], *size), total, type)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Threshold(Layer):
    """out = output.minimum + output.step * (number of thresholds T[c,k] with value >= T[c,k]).

    Parameters
    ----------
    thresholds : (channels, count), ascending along each row; count is at most 2^bits - 1 of the output type
    output : the activation's type; a bipolar output has one threshold
    """

    thresholds: np.ndarray
    output: IntegerType

    def _check(self):
        self._set(thresholds=_array("thresholds", self.thresholds, 2, np.int64))
        if (np.diff(self.thresholds, axis=1) < 0).any():
            raise ValueError("thresholds ascend along each channel's row")
        if self.output.bits > MAX_ACTIVATION_BITS:
            raise ValueError(f"a Threshold's output has 1..{MAX_ACTIVATION_BITS} bits, not {self.output.bits}")
        most = (1 << self.output.bits) - 1
        if self.thresholds.shape[1] > most:
            raise ValueError(f"{self.output} has at most {most} thresholds, not {self.thresholds.shape[1]}")

    def apply(self, tensor):
        if tensor.shape[0] != len(self.thresholds):
            raise ValueError(f"it has thresholds of {len(self.thresholds)} channels, its input has {tensor.shape[0]}")
        return Tensor.activation(tensor.shape, self.output)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ScaleBias(Layer):
    """out = saturate(floor((value * multiplier[c] + bias[c]) / 2^shift)), YodaNN's unit.

    Parameters
    ----------
    multiplier, bias : (channels,)
    shift : 0..40
    output : type to which the result saturates (up to 32 bits for logits)
    """

    multiplier: np.ndarray
    bias: np.ndarray
    shift: int
    output: IntegerType

    def _check(self):
        self._set(
            multiplier=_array("multiplier", self.multiplier, 1, np.int64),
            bias=_array("bias", self.bias, 1, np.int64),
            shift=_integer("shift", self.shift, 0, 40),
        )
        if self.multiplier.shape != self.bias.shape:
            raise ValueError(f"multiplier has {len(self.multiplier)} channels, bias {len(self.bias)}")
        if self.output.kind == "bipolar":
            raise ValueError("a ScaleBias gives unsigned or signed integers; use a Threshold for bipolar ones")

    def apply(self, tensor):
        if tensor.shape[0] != len(self.multiplier):
            raise ValueError(f"it has {len(self.multiplier)} channels, its input {tensor.shape[0]}")
        extreme = max(abs(tensor.range.minimum), abs(tensor.range.maximum))
        if int(np.abs(self.multiplier).max()) * extreme + int(np.abs(self.bias).max()) >= 1 << 62:
            raise ValueError("value * multiplier + bias does not fit in 63 bits; take smaller constants")
        return Tensor.activation(tensor.shape, self.output)

    def staircase(self) -> tuple[np.ndarray, np.ndarray]:
        """The same as (falls, thresholds), one boolean and one row of 2^bits - 1 thresholds per channel.

        out = output.minimum + (number of thresholds <= value), of the negated value in a channel that falls.
        """
        levels = np.arange(self.output.minimum + 1, self.output.maximum + 1, dtype=np.int64)
        needed = (levels << self.shift) - self.bias[:, None]  # floor(x / 2^s) >= k exactly where x >= k * 2^s
        size = np.abs(self.multiplier)[:, None]
        constant = np.where(needed <= 0, -MAX_CONSTANT, MAX_CONSTANT)
        return self.multiplier < 0, np.where(size == 0, constant, -(-needed // np.maximum(size, 1)))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Lookup(Layer):
    """out = table[c, value]: the pixel map before the first layer (scaling, mean/std, quantizer, in one table).

    Parameters
    ----------
    table : values of the output type, (channels or 1, 2^bits of the unsigned input)
    output : the activation's type
    """

    table: np.ndarray
    output: IntegerType

    def _check(self):
        self._set(table=_array("table", self.table, 2, np.int64))
        values = np.unique(self.table)
        wrong = [int(v) for v in values if not self.output.has(int(v))] if values.size <= 4096 else [int(values[0])]
        if wrong:
            raise ValueError(f"table value {wrong[0]} is no value of {self.output}")

    def apply(self, tensor):
        if tensor.type is None or tensor.type.kind != "unsigned" or tensor.type.bits > 8:
            raise ValueError("it takes unsigned pixels of at most 8 bits")
        if self.table.shape[1] != 1 << tensor.type.bits:
            raise ValueError(f"a {tensor.type} input needs {1 << tensor.type.bits} entries, not {self.table.shape[1]}")
        if len(self.table) not in (1, tensor.shape[0]):
            raise ValueError(f"it has {len(self.table)} channels, its input {tensor.shape[0]}")
        return Tensor.activation(tensor.shape, self.output)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Flatten(Layer):
    """Turns (C, H, W) into (C*H*W, 1, 1).

    Parameters
    ----------
    order : ``"CHW"``: the pixel index runs fastest (PyTorch); ``"HWC"``: the channel index does (TensorFlow, FINN)
    """

    order: str

    def _check(self):
        if self.order not in ("CHW", "HWC"):
            raise ValueError(f"order is 'CHW' or 'HWC', not {self.order!r}")

    def apply(self, tensor):
        channels, height, width = tensor.shape
        return Tensor((channels * height * width, 1, 1), tensor.range, tensor.type)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Argmax(Layer):
    """Index of the largest value of a flat vector; ties go to the lowest index."""

    def apply(self, tensor):
        if tensor.shape[1:] != (1, 1):
            raise ValueError(f"it takes a flat vector, its input is {tensor.shape}")
        return Tensor((1, 1, 1), Range(0, tensor.shape[0] - 1), None)


LAYERS = {
    cls.__name__: cls for cls in (Convolution, Dense, MaxPool, SumPool, Threshold, ScaleBias, Lookup, Flatten, Argmax)
}
