"""Golden model: what a `Network` computes, in NumPy, exactly, for every layer.

Everything that hwgen makes is compared with this module, value by value. The arithmetic is that of the docstrings in
`hwgen.layers`; only its order is chosen for speed. Sums of products run as floating-point matrix products, which are
exact here: every partial sum, in whatever order the library adds, is an integer of magnitude at most
fan-in * largest activation, and a float32 (float64) holds each integer up to 2^24 (2^53).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .errors import InputError
from .integers import Range
from .layers import Argmax, Convolution, Dense, Flatten, Layer, Lookup, MaxPool, ScaleBias, SumPool, Tensor, Threshold
from .network import Network

BATCH_BYTES = 1 << 28  # memory that the layers of one batch may take
BLOCK_BYTES = (
    1 << 23
)  # unrolled windows handed to one matrix product; smaller ones cost more synchronisation of threads
FEW_THRESHOLDS = 15  # up to here one comparison per threshold is faster than a search

_FLOAT32_EXACT = 1 << 24
_FLOAT64_EXACT = 1 << 53


@dataclass(frozen=True)
class Result:
    """What a network gives for N images.

    Attributes
    ----------
    outputs : one array per layer, (N, channels, height, width), of the smallest signed dtype that holds the layer's
        range; empty without `keep`. Widen them before doing arithmetic on them.
    logits : int64, (N, classes): what the final Argmax reads
    classes : int64, (N,): index of the largest logit, the lowest one on a tie
    """

    outputs: tuple[np.ndarray, ...]
    logits: np.ndarray
    classes: np.ndarray


def run(
    network: Network,
    images: np.ndarray,
    *,
    keep: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Evaluate `network` on a batch of images.

    Parameters
    ----------
    images : uint8, raw pixels, (N, height, width, channels), or (N, height, width) for one channel
    keep : keep every layer's output; without it only logits and classes stay, and memory stays small for any N
    progress : called with (images done, N) after each internal batch

    Raises
    ------
    InputError : images of another size or dtype, none at all, or a pixel beyond the network's pixel type
    """
    pixels = check_images(network, images)
    size = _batch_size(network)
    batches: list[list[np.ndarray]] = []
    for start in range(0, len(pixels), size):
        values = pixels[start : start + size].astype(dtype_of(network.tensors[0].range))
        outputs = []
        for layer, tensor in zip(network.layers, network.tensors, strict=False):
            values = _COMPUTE[type(layer)](layer, tensor, values)
            outputs.append(values)
        batches.append(outputs if keep else outputs[-2:])
        if progress:
            progress(min(start + size, len(pixels)), len(pixels))
    whole = [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in zip(*batches, strict=True)]
    return Result(
        outputs=tuple(output.transpose(0, 3, 1, 2) for output in whole) if keep else (),
        logits=whole[-2].reshape(len(pixels), -1).astype(np.int64),
        classes=whole[-1].reshape(-1).astype(np.int64),
    )


def evaluate(layer: Layer, tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """One layer alone: `values` (N, channels, height, width), integers within `tensor.range`, to its output.

    Raises
    ------
    ValueError : the layer does not take `tensor`, or `values` does not fit it
    """
    layer.apply(tensor)
    if values.ndim != 4 or values.shape[1:] != tensor.shape or values.dtype.kind not in "iu":
        raise ValueError(f"values are integers of shape (N, {', '.join(map(str, tensor.shape))}), not {values.shape}")
    if values.size and not (tensor.range.minimum <= values.min() and values.max() <= tensor.range.maximum):
        raise ValueError(f"values are within {tensor.range}, not [{values.min()}, {values.max()}]")
    inside = np.ascontiguousarray(values.transpose(0, 2, 3, 1), dtype_of(tensor.range))
    return _COMPUTE[type(layer)](layer, tensor, inside).transpose(0, 3, 1, 2)


def check_images(network: Network, images: np.ndarray) -> np.ndarray:
    """`images` as (N, height, width, channels), checked against the network's input; InputError otherwise."""
    channels, height, width = network.image_shape
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = getattr(images, "dtype", type(images).__name__)
        raise InputError(f"images are raw pixels of dtype uint8, not {kind}; convert them without scaling")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[1:] != (height, width, channels):
        size = "x".join(map(str, images.shape[1:])) or "single values"
        raise InputError(
            f"the images are {size}, but the network takes {height}x{width}x{channels} (height, width, channels)"
        )
    if len(images) == 0:
        raise InputError("there are no images; give at least one")
    if int(images.max()) > network.image_type.maximum:
        raise InputError(
            f"a pixel is {int(images.max())}, but the network takes {network.image_type.bits}-bit pixels, "
            f"0..{network.image_type.maximum}"
        )
    return images


def dtype_of(values: Range) -> np.dtype:
    """Smallest signed dtype that holds the range and one more: a threshold just above it never fires."""
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        info = np.iinfo(dtype)
        if info.min <= values.minimum and values.maximum < info.max:
            return np.dtype(dtype)
    raise ValueError(f"{values} does not fit in 64 bits")


def _batch_size(network):
    image = sum(np.prod(t.shape, dtype=object) * dtype_of(t.range).itemsize for t in network.tensors)
    widest = max(np.prod(t.shape, dtype=object) for t in network.tensors) * 8
    return max(1, BATCH_BYTES // int(image + widest))


# Each function below takes a layer, its input tensor, and that input as (N, height, width, channels): with channels
# last, a pixel's channels are one contiguous run, and a window's rows become a matrix by plain copies.


def _convolution(layer, tensor, values):
    values = _pad(values, layer.padding, layer.border)
    kernel_height, kernel_width = layer.kernel
    matrix = layer.weights.transpose(2, 3, 1, 0).reshape(-1, len(layer.weights))
    height, width = layer.apply(tensor).shape[1:]
    down, along = layer.stride

    def unroll(images, first, rows, block):
        for y in range(kernel_height):
            top = first * down + y
            band = images[:, top : top + (rows - 1) * down + 1 : down]
            for x in range(kernel_width):
                block[:, :, :, y, x] = band[:, :, x : x + (width - 1) * along + 1 : along]

    window = (kernel_height, kernel_width, tensor.shape[0])
    return _products(layer, tensor, values, matrix, (height, width), window, unroll)


def _dense(layer, tensor, values):
    def unroll(images, first, rows, block):
        block[...] = images

    return _products(layer, tensor, values, layer.weights.T, (1, 1), (tensor.shape[0],), unroll)


def _products(layer, tensor, values, matrix, size, window, unroll):
    """Sums of products of every window with `matrix` (fan-in, outputs), block by block.

    Two images share one product where float32 leaves room: image a + 2^k * image b gives acc_a + 2^k * acc_b, whose
    parts come apart exactly because |acc_a| < 2^(k-1).
    """
    accumulator = layer.apply(tensor).range
    dtype = dtype_of(accumulator)
    largest = max(abs(tensor.range.minimum), abs(tensor.range.maximum), 1)
    bound = len(matrix) * largest
    shift = (2 * bound).bit_length()
    paired = len(values) > 1 and bound * ((1 << shift) + 1) < _FLOAT32_EXACT
    float_type = np.float32 if bound < _FLOAT32_EXACT else np.float64
    if bound >= _FLOAT64_EXACT:
        raise ValueError(f"a sum may reach {bound}, beyond 2^53")
    half = (len(values) + 1) // 2 if paired else len(values)
    images = values[:half].astype(float_type)
    if paired:
        images[: len(values) - half] += values[half:] * np.float32(1 << shift)

    height, width = size
    outputs = matrix.shape[1]
    matrix = np.ascontiguousarray(matrix, float_type)
    result = np.empty((len(values), height, width, outputs), dtype)
    rows = max(1, BLOCK_BYTES // (width * matrix.shape[0] * images.itemsize))
    count, rows = min(max(1, rows // height), half), min(rows, height)
    block = np.empty((count, rows, width, *window), float_type)
    for start in range(0, half, count):
        batch = images[start : start + count]
        for first in range(0, height, rows):
            part = block[: len(batch), : min(rows, height - first)]
            unroll(batch, first, part.shape[1], part)
            sums = (part.reshape(-1, len(matrix)) @ matrix).reshape(*part.shape[:3], outputs)
            where = slice(first, first + part.shape[1])
            if not paired:
                result[start : start + len(batch), where] = sums
                continue
            integers = sums.astype(np.int32)
            high = (integers + (1 << (shift - 1))) >> shift
            result[start : start + len(batch), where] = integers - (high << shift)
            second = result[half + start : half + start + len(batch), where]
            second[...] = high[: len(second)]
    return result


def _pad(values, padding, border):
    top, left, bottom, right = padding
    if not any(padding):
        return values
    return np.pad(values, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=border)


def _pool(values, window, stride, operation, dtype):
    """`operation` over each window: down the rows first, then along them."""
    for axis in (1, 2):
        step = stride[axis - 1]
        extent = (values.shape[axis] - window[axis - 1]) // step * step + 1
        taps = [
            values[:, y : y + extent : step] if axis == 1 else values[:, :, y : y + extent : step]
            for y in range(window[axis - 1])
        ]
        total = taps[0].astype(dtype)
        for tap in taps[1:]:
            operation(total, tap, out=total)
        values = total
    return values


def _max_pool(layer, tensor, values):
    def pool(part, operation, outside):
        return _pool(_pad(part, layer.padding, outside), layer.window, layer.stride, operation, values.dtype)

    result = pool(values, np.maximum, tensor.range.minimum)
    if layer.minimum.size:
        result[..., layer.minimum] = pool(values[..., layer.minimum], np.minimum, tensor.range.maximum)
    return result


def _sum_pool(layer, tensor, values):
    return _pool(values, layer.window, layer.stride, np.add, dtype_of(layer.apply(tensor).range))


def _threshold(layer, tensor, values):
    # Beyond the range of the values a threshold fires always or never, as it does at the range's ends.
    thresholds = np.clip(layer.thresholds, tensor.range.minimum, tensor.range.maximum + 1).astype(values.dtype)
    dtype = dtype_of(Range(layer.output.minimum, layer.output.maximum))
    if thresholds.shape[1] <= FEW_THRESHOLDS:
        count = (values >= thresholds[:, 0]).astype(dtype)
        for k in range(1, thresholds.shape[1]):
            count += values >= thresholds[:, k]
    else:
        count = np.empty(values.shape, dtype)
        for c, row in enumerate(thresholds):
            count[..., c] = np.searchsorted(row, values[..., c], side="right")
    if layer.output.step != 1:
        count *= dtype.type(layer.output.step)
    if layer.output.minimum:
        count += dtype.type(layer.output.minimum)
    return count


def _scale_bias(layer, tensor, values):
    scaled = values.astype(np.int64)
    scaled *= layer.multiplier
    scaled += layer.bias
    scaled >>= layer.shift  # NumPy shifts arithmetically: this is the floor
    np.clip(scaled, layer.output.minimum, layer.output.maximum, out=scaled)
    return scaled.astype(dtype_of(Range(layer.output.minimum, layer.output.maximum)))


def _lookup(layer, tensor, values):
    table = layer.table.astype(dtype_of(Range(layer.output.minimum, layer.output.maximum)))
    if len(table) == 1:
        return table[0][values]
    return table[np.arange(len(table)), values]


def _flatten(layer, tensor, values):
    if layer.order == "CHW":
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values).reshape(len(values), 1, 1, -1)


def _argmax(layer, tensor, values):
    return np.argmax(values, axis=3, keepdims=True)


_COMPUTE = {
    Convolution: _convolution,
    Dense: _dense,
    MaxPool: _max_pool,
    SumPool: _sum_pool,
    Threshold: _threshold,
    ScaleBias: _scale_bias,
    Lookup: _lookup,
    Flatten: _flatten,
    Argmax: _argmax,
}
