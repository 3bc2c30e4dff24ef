"""`Chain` turns a chain of real-valued operations into the integer layers of a `Network`.

Between two layers it holds the *integer tensor* that the hardware will hold and the *function* that gives the
source's real tensor from it. Elementwise operations only extend the function; a quantizer closes it into a
Threshold (or, before the first layer, a Lookup of pixels); a linear layer takes it where it is affine. Every method
names in its errors the place of the source that it was called for (`where`).
"""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..integers import BIPOLAR, MAX_ACTIVATION_BITS, PIXEL, IntegerType, Range, signed, unsigned
from ..layers import Argmax, Convolution, Dense, Flatten, Layer, Lookup, MaxPool, ScaleBias, SumPool, Tensor, Threshold
from ..network import Network
from .levels import integer_view, wide_floor
from .logits import ranking_layers
from .pixels import InputRange
from .realfold import Add, Cast, Divide, Function, Quantizer, Step, Whole, column, thresholds
from .rewrite import is_identity, merged, negated, scale_bias

MAX_THRESHOLDS = 1 << 24
_BLOCK = 1 << 22  # weights that are 64-bit integers at a time


@contextmanager
def _naming(where):
    """Errors about a layer's fields, shapes and ranges become one sentence that starts with the place in the source."""
    try:
        yield
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


class Chain:
    """The layers so far, and the real tensor as a function of the last one's integers.

    Parameters
    ----------
    image_shape : (channels, height, width)
    dtype : np.float32 or np.float64, in which the source computes; `cast` changes it
    input_range : what the first operation reads for a pixel
    """

    def __init__(self, image_shape, dtype, input_range: InputRange):
        self.dtype = dtype
        self.messages: list[str] = []
        self.layers: list[Layer] = []
        self.image_shape = tuple(image_shape)
        self.image_type = input_range.raw or PIXEL
        self._tensors = [Tensor.activation(self.image_shape, self.image_type)]
        self.function = Function.affine_of(1.0, 0.0, dtype)
        self._input_range: InputRange | None = input_range
        self._latent: list[int] = []  # zeros in each tensor of latent weights
        self._border: tuple[tuple[int, int, int, int], np.ndarray] | None = None

    @property
    def tensor(self) -> Tensor:
        """The integer tensor that the next layer reads."""
        return self._tensors[-1]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the current tensor, a pending border included."""
        channels, height, width = self.tensor.shape
        if self._border is not None:
            top, left, bottom, right = self._border[0]
            height, width = height + top + bottom, width + left + right
        return channels, height, width

    @property
    def only_image(self) -> bool:
        """Whether nothing but elementwise operations has been seen."""
        return not self.layers and self._border is None

    @property
    def on_pixels(self) -> bool:
        """Whether a table of the current tensor's values is a layer: they are pixels, and no weights came before."""
        type = self.tensor.type
        weights = any(isinstance(layer, Convolution | Dense) for layer in self.layers)
        return not weights and type is not None and type.kind == "unsigned" and type.bits <= 8

    def note_latent(self, weights):
        """Real weights were binarised by their sign: one message in the end counts them."""
        self._latent.append(int((weights == 0).sum()))

    # Operations of the source, in the order of its graph.

    def elementwise(self, where: str, *steps: Step):
        """The next tensor is `steps` of this one; constants are (1 or channels, 1)."""
        for step in steps:
            constant = getattr(step, "constant", None)
            if constant is not None and len(constant) not in (1, self.shape[0]):
                raise InputError(f"{where}: it has {len(constant)} constants for {self.shape[0]} channels")
            if constant is not None and not np.isfinite(constant).all():
                raise InputError(
                    f"{where}: a constant is not finite; export the network again after checking its parameters"
                )
            if isinstance(step, Divide) and (constant == 0).any():
                raise InputError(f"{where}: it divides by zero")
        self.function = self.function.then(*steps)
        if self._border is not None:
            value = self._border[1]
            for step in steps:
                value = step(value)
            self._border = self._border[0], value

    def cast(self, where: str, dtype: type):
        """The source computes in `dtype` from here on."""
        if dtype != self.dtype:
            self.dtype = dtype
            self.elementwise(where, Cast(dtype))

    def pad(self, where: str, padding, value: float):
        """Surround the image by `value`; padding is (top, left, bottom, right)."""
        if not any(padding):
            return
        if self._border is not None:
            raise InputError(f"{where}: it pads a tensor that is padded already; pad once")
        top, left, bottom, right = (int(p) for p in padding)
        self._border = (top, left, bottom, right), column(value, self.dtype)

    def convolution(
        self,
        where: str,
        name: str,
        weights,
        *,
        stride,
        padding=(0, 0, 0, 0),
        alpha: "float | np.ndarray" = 1.0,
        bias=None,
        border=0.0,
    ):
        """Sums with `weights` of -1 and +1, (outputs, inputs, kernel height, kernel width), times `alpha`, plus `bias`.

        `alpha` and `bias` are per output or scalar; `border` is the real value of a tap in `padding`.
        """
        if self._border is not None:
            if any(padding) and (self._border[1] != border).any():
                raise InputError(f"{where}: its padding and the Pad before it differ in value; pad once")
            padding = tuple(a + b for a, b in zip(padding, self._border[0], strict=True))
            border, self._border = self._border[1], None
        self._settle_input()
        border_integer = 0
        if any(padding):
            border_integer = self._border_integer(where, border)
        weights, coefficient, offset = self._linear(where, weights, alpha)
        with _naming(where):
            layer = Convolution(weights=weights, stride=stride, padding=padding, border=border_integer, name=name)
            self._append(layer)
        self._start(coefficient, offset, bias)

    def dense(self, where: str, name: str, weights, *, alpha: "float | np.ndarray" = 1.0, bias=None):
        """Sums with `weights` of -1 and +1, (outputs, inputs), times `alpha` (per output or scalar), plus `bias`."""
        self._no_border(where)
        self._settle_input()
        weights, coefficient, offset = self._linear(where, weights, alpha)
        with _naming(where):
            self._append(Dense(weights=weights, name=name))
        self._start(coefficient, offset, bias)

    def max_pool(self, where: str, name: str, *, window, stride, padding=(0, 0, 0, 0)):
        """Largest real of each window: the smallest integer in channels where the function falls."""
        self._no_border(where)
        self._settle_input()
        direction = self.function.direction
        if direction is None:
            raise InputError(f"{where}: the power before it has no direction; move the pool before the Pow node")
        if tuple(window) == (1, 1) and tuple(stride) == (1, 1) and not any(padding):
            return
        falls = np.broadcast_to(direction < 0, (self.shape[0], 1))[:, 0]
        with _naming(where):
            self._append(MaxPool(window=window, stride=stride, padding=padding, minimum=falls, name=name))

    def sum_pool(self, where: str, name: str, *, window, stride, average: bool):
        """Sum or average of each window."""
        self._no_border(where)
        self._settle_input()
        area = int(window[0]) * int(window[1])
        if tuple(window) == (1, 1) and tuple(stride) == (1, 1):
            return
        affine = self.function.affine
        if affine is None:
            raise InputError(
                f"{where}: it averages values that were clipped and not quantized; quantize them before the pool"
            )
        with _naming(where):
            self._append(SumPool(window=window, stride=stride, name=name))
        self.function = Function(affine[0], affine[1] * area, self.dtype)
        if average:
            self.function = self.function.then(Divide(column(area, self.dtype)))

    def flatten(self, where: str, name: str, order: str):
        """(C, H, W) to (C*H*W, 1, 1); constants per channel become constants per feature."""
        self._no_border(where)
        self._settle_input()
        channels, height, width = self.shape
        if (height, width) == (1, 1):
            return
        index = np.arange(channels)
        index = np.repeat(index, height * width) if order == "CHW" else np.tile(index, height * width)
        with _naming(where):
            self._append(Flatten(order=order, name=name))
        self.function = self.function.take(index)

    def quantize(self, where: str, name: str, quantizer: Quantizer):
        """Close the function: the next tensor is scale * level + offset of the quantizer's levels."""
        self._settle_input(quantizer)
        if quantizer.high <= quantizer.low:
            raise InputError(f"{where}: its output is constant; remove it and what hangs on it")
        if self._border is not None:
            level = quantizer.levels(self._border[1])
            self._border = self._border[0], quantizer.scale * level.astype(self.dtype) + quantizer.offset
        wide = wide_floor(quantizer)
        if wide and self._settle(where, self._scale_bias(self.function.then(Whole(np.floor)), name, wide)):
            return
        type, first, scale, offset = integer_view(where, quantizer)
        if self.on_pixels:
            self._lookup(where, name, quantizer, type, first)
        else:
            self._threshold(where, name, quantizer, type, first)
        self.function = Function.affine_of(scale, offset, self.dtype)

    def reaches_zero(self, where: str) -> bool:
        """Whether some reachable integer has the real value 0 (of a monotone function), in any channel."""
        self._settle_input()
        with _naming(where):
            if self.tensor.range.maximum - self.tensor.range.minimum < 1 << 12 or self.only_image:
                x = np.arange(self.tensor.range.minimum, self.tensor.range.maximum + 1, self._reachable_step)
                return bool((self.function(x[None, :]) == 0).any())
            function, channels = self.function, self.shape[0]
            direction = function.direction
            if direction is None:
                raise InputError(f"{where}: the power before it neither rises nor falls; quantize before the Pow node")
            falls = np.broadcast_to(direction < 0, (channels, 1))[:, 0]
            sign = np.where(falls, -1, 1).reshape(-1, 1)
            most = max(-self.tensor.range.minimum, self.tensor.range.maximum)
            edge = Quantizer(0, 1, column(1, self.dtype), column(0, self.dtype), edges=np.zeros((1, 1), self.dtype))
            first = thresholds(function.negated(falls), edge, Range(-most, most), channels).thresholds
            return bool((function(first * sign) == 0).any())

    def extent(self, where: str, level) -> tuple[int, int]:
        """Lowest and highest level of `level(function(x))`, a monotone function that limits nothing itself."""
        self._settle_input()
        with _naming(where):
            ends = level(self.function(np.array([[self.tensor.range.minimum, self.tensor.range.maximum]])))
        return int(ends.min()), int(ends.max())

    def network(self, where: str, name: str, classes=()) -> Network:
        """The finished network, whose logits rank as the source's last tensor does."""
        self._no_border(where)
        self._settle_input()
        if self.shape[1:] != (1, 1):
            raise InputError(
                f"{where}: the network ends in a {self.shape} tensor (channels, height, width), and logits are "
                "one value per class; add a global pool or a flatten with a dense layer"
            )
        self._settle(where, self._scale_bias(self.function, "logits"))
        with _naming(where):
            flips, layers, messages = ranking_layers(self.tensor, self._reachable_step, self.function)
            if flips:
                self._flip(where, np.ones(self.shape[0], bool))
            for layer in layers:
                self._append(layer)
        self.messages += messages
        if self._latent:
            zeros = f", {sum(self._latent)} zeros to +1" if sum(self._latent) else ""
            self.messages.append(
                f"weights: the real (latent) weights of {len(self._latent)} layers are binarised by sign{zeros}"
            )
        return Network(
            image_shape=self.image_shape,
            image_type=self.image_type,
            layers=(*self.layers, Argmax()),
            name=name,
            classes=classes,
        )

    # Parts of the operations.

    def _append(self, layer):
        tensor = layer.apply(self.tensor)
        self.layers.append(layer)
        self._tensors.append(tensor)

    def _start(self, coefficient, offset, bias):
        self.function = Function.affine_of(coefficient, offset, self.dtype)
        if bias is not None and np.any(bias):
            self.function = self.function.then(Add(column(bias, self.dtype)))

    def _no_border(self, where):
        if self._border is not None:
            raise InputError(
                f"{where}: a Pad stands before it, and only a convolution can be padded by a Pad; remove the Pad"
            )

    def _settle_input(self, quantizer: Quantizer | None = None):
        """Decide once, when the first quantizer or layer is known, what the source reads for a pixel."""
        if self._input_range is not None:
            steps, message = self._input_range.steps(self.function.steps, quantizer, self.dtype, self.image_shape[0])
            self.function = replace(self.function, steps=(*steps, *self.function.steps))
            self.messages.append(message)
            self._input_range = None

    def _affine_input(self, where):
        if self.tensor.type is None:
            raise InputError(
                f"{where}: its input is a sum that was not quantized; put a quantizer (BipolarQuant, Quant or "
                "MultiThreshold) between the two layers"
            )
        affine = self.function.affine
        if affine is None:
            raise InputError(f"{where}: its input was clipped, rounded or raised to a power; put a quantizer before it")
        a, b = affine
        if not (np.abs(a) == np.abs(a.flat[0])).all() or not a.flat[0]:
            raise InputError(
                f"{where}: the channels of its input have different scales, and an integer sum needs one; use one "
                "scale (standard deviation) for all channels, or quantize its input"
            )
        return a, b

    def _linear(self, where, weights, alpha):
        """Weights, and coefficient and offset of the function of their sums."""
        a, b = self._affine_input(where)
        weights = np.asarray(weights, np.int8)
        inputs = self.tensor.shape[0]
        if weights.shape[1] != inputs:
            raise InputError(f"{where}: its weights take {weights.shape[1]} inputs, its input has {inputs}")
        alpha = column(alpha, np.float64)
        offset = alpha * _weighted(weights, np.broadcast_to(b, (inputs, 1)))
        if (a < 0).any():
            turned = np.where(np.broadcast_to(a < 0, (inputs, 1)), -1, 1).astype(np.int8)
            weights = weights * turned.reshape(1, inputs, *[1] * (weights.ndim - 2))
        return weights, alpha * abs(float(a.flat[0])), offset

    def _border_integer(self, where, value):
        """The integer that stands for a padded tap of real `value`; the image is re-coded where none does."""
        a, b = self._affine_input(where)
        integer = (np.asarray(value, np.float64) - b) / a
        if (integer == integer.flat[0]).all() and float(integer.flat[0]) in (-1.0, 0.0, 1.0):
            return int(integer.flat[0])
        if not np.any(value) and not self.layers and self._centre_pixels(where):
            return 0
        shown = float(np.asarray(value).flat[0])
        raise InputError(
            f"{where}: it pads with {shown:g}, which is {float(integer.flat[0]):g} in its input's integers, and "
            "a border is 0, -1 or +1 there; pad with the value of an integer, or quantize with zero point 0"
        )

    def _centre_pixels(self, where) -> bool:
        """Re-code the image so that real 0 is integer 0: 2p/255 - 1 becomes the signed integer 2p - 255."""
        affine = self.function.affine
        assert affine is not None
        zero = affine[1] / affine[0]
        pixels = np.arange(self.tensor.range.maximum + 1)
        for multiple in range(1, 9):
            shift = np.rint(zero * multiple)
            # float32 constants such as 1/255 leave rounding noise; an eighth of 2^-16 of the range is below it.
            if (np.abs(zero * multiple - shift) <= 255 * multiple * 2.0**-19).all():
                table = multiple * pixels + shift.astype(np.int64)
                extent = Range(int(table.min()), int(table.max()))
                if extent.bits > MAX_ACTIVATION_BITS:
                    return False
                type = signed(max(extent.bits, 2)) if extent.minimum < 0 else unsigned(extent.maximum.bit_length())
                with _naming(where):
                    self._append(Lookup(table=table, output=type, name="pixels"))
                self.function = Function.affine_of(affine[0] / multiple, 0.0, self.dtype)
                return True
        return False

    def _lookup(self, where, name, quantizer, type: IntegerType, first: int):
        assert self.tensor.type is not None
        pixels = np.arange(1 << self.tensor.type.bits)[None, :]
        with _naming(where):
            table = first + type.step * (quantizer.levels(self.function(pixels)) - quantizer.low)
            if (table == table[0]).all():
                table = table[:1]
            if type == self.tensor.type and (table == pixels).all():
                return
            if (table == table[0, 0]).all():
                self.messages.append(f"{where}: every pixel gives {table[0, 0]}; check --input-range")
            self._append(Lookup(table=table, output=type, name=name))

    def _threshold(self, where, name, quantizer, type: IntegerType, first: int):
        direction = self.function.direction
        channels = self.shape[0]
        if direction is None:
            raise InputError(f"{where}: the power before it neither rises nor falls; quantize before the Pow node")
        falls = np.broadcast_to(direction < 0, (channels, 1))[:, 0]
        if falls.any():
            self._flip(where, falls)
        with _naming(where):
            count = channels * (quantizer.high - quantizer.low)
            if count > MAX_THRESHOLDS:
                raise ValueError(f"it takes {count} thresholds, and at most {MAX_THRESHOLDS} are made; use fewer bits")
            stairs = thresholds(self.function, quantizer, self.tensor.range, channels)
            always = np.full((channels, (first - type.minimum) // type.step), self.tensor.range.minimum)
            layer = Threshold(thresholds=np.concatenate([always, stairs.thresholds], axis=1), output=type, name=name)
            if stairs.near_ties:
                self.messages.append(
                    f"{where}: {stairs.near_ties} sums lie within a rounding error of a threshold; they are "
                    f"decided as {np.dtype(self.dtype).name} arithmetic decides them"
                )
            if is_identity(layer, self.tensor.type):
                return
            before = self.layers[-1] if self.layers else None
            if isinstance(before, Threshold):
                layer = merged(before, layer, self._tensors[-2].range)
                self.layers.pop()
                self._tensors.pop()
            self._append(layer)

    def _scale_bias(self, function, name, output=None):
        return scale_bias(function, self.tensor.range, self.shape[0], name, output)

    def _settle(self, where, layer) -> bool:
        """Append a layer that gives what the function gives, if there is one."""
        if layer is None:
            return False
        with _naming(where):
            self._append(layer)
        self.function = Function.affine_of(1.0, 0.0, self.dtype)
        return True

    def _flip(self, where, channels):
        """Negate the integers of some channels: by rows of weights, or else by a layer of its own."""
        self.function = self.function.negated(channels)
        layers = negated(self.layers, self._tensors, channels)
        with _naming(where):
            if layers is None:
                extent = max(-self.tensor.range.minimum, self.tensor.range.maximum)
                signs, output = np.where(channels, -1, 1), signed(extent.bit_length() + 1)
                self._append(ScaleBias(multiplier=signs, bias=signs * 0, shift=0, output=output))
                return
            self.layers, self._tensors = [], self._tensors[:1]
            for layer in layers:
                self._append(layer)

    @property
    def _reachable_step(self) -> int:
        """2 where sums of bipolar products are all odd or all even, else 1."""
        for layer, tensor in zip(reversed(self.layers), reversed(self._tensors[:-1]), strict=True):
            if isinstance(layer, Convolution | Dense):
                zeros = isinstance(layer, Convolution) and layer.padded and layer.border == 0
                return 2 if tensor.type == BIPOLAR and not zeros else 1
            if not isinstance(layer, MaxPool | Flatten):
                break
        return 1


def _weighted(weights, values):
    """Sums of weights * values, (outputs, 1), for values of inputs, (inputs, 1); some rows of weights at a time."""
    rows = max(1, _BLOCK // weights[0].size)
    blocks = (weights[i : i + rows] for i in range(0, len(weights), rows))
    return np.concatenate([b.reshape(len(b), len(values), -1).sum(axis=2, dtype=np.int64) @ values for b in blocks])
