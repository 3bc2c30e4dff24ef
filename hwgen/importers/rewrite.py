"""Small rewritings: rows negated, thresholds merged, identities found, a product that is rounded down recognised."""

from dataclasses import replace

import numpy as np

from ..integers import MAX_RESULT_BITS, IntegerType, Range, signed
from ..layers import MAX_CONSTANT, Convolution, Dense, Flatten, Layer, MaxPool, ScaleBias, SumPool, Tensor, Threshold
from .realfold import Cast, Divide, Function, Whole


def negated(layers: list[Layer], tensors: list[Tensor], channels: np.ndarray) -> list[Layer] | None:
    """The layers with the last tensor negated in the marked channels, by rows of weights; None where that cannot be.

    Parameters
    ----------
    tensors : tensors[i] is the input of layers[i]
    channels : boolean, one per channel of the last tensor
    """
    result, mask = list(layers), channels
    for index in reversed(range(len(layers))):
        layer = layers[index]
        if isinstance(layer, Convolution | Dense):
            signs = np.where(mask, -1, 1).reshape(-1, *[1] * (layer.weights.ndim - 1))
            result[index] = replace(layer, weights=layer.weights * signs)
            return result
        if isinstance(layer, MaxPool):
            minimum = layer.minimum if layer.minimum.size else np.zeros(len(mask), bool)
            result[index] = replace(layer, minimum=minimum ^ mask)
        elif isinstance(layer, Flatten):
            _, height, width = tensors[index].shape
            pixels = mask.reshape(-1, height * width) if layer.order == "CHW" else mask.reshape(height * width, -1).T
            if (pixels != pixels[:, :1]).any():
                return None  # a row of weights makes all pixels of its channel
            mask = pixels[:, 0]
        elif not isinstance(layer, SumPool):
            return None
    return None


def is_identity(layer: Threshold, type: IntegerType | None) -> bool:
    """Whether a Threshold maps each value of `type` to itself."""
    if type is None or type != layer.output or layer.thresholds.shape[1] != (1 << type.bits) - 1:
        return False
    values = type.minimum + type.step * np.arange(1, 1 << type.bits)
    return bool(((layer.thresholds > values - type.step) & (layer.thresholds <= values)).all())


def merged(before: Threshold, after: Threshold, source: Range) -> Threshold:
    """One Threshold for two in a row; `source` is the range of what the first one reads."""
    # The first one's value reaches T where its code reaches k: at its k-th threshold, always, or never.
    code = -((before.output.minimum - after.thresholds) // before.output.step)
    ends = [np.full((len(before.thresholds), 1), end) for end in (source.minimum, source.maximum + 1)]
    edges = np.concatenate([ends[0], before.thresholds, ends[1]], axis=1)
    return replace(after, thresholds=np.take_along_axis(edges, np.clip(code, 0, edges.shape[1] - 1), axis=1))


def scale_bias(
    function: Function, source: Range, channels: int, name: str, output: IntegerType | None = None
) -> ScaleBias | None:
    """An affine function that is then rounded down, as a layer; None for any other, and where the source rounds before.

    Parameters
    ----------
    source : the range of what the function reads
    output : to which the layer saturates; default: a type that holds all that it gives
    """
    *steps, last = function.steps or (None,)
    affine = replace(function, steps=tuple(steps)).affine
    if last != Whole(np.floor) or affine is None or any(isinstance(s, Divide) and not s.is_exact for s in steps):
        return None
    multiplier, bias = (np.broadcast_to(value[:, 0], channels) for value in affine)
    for shift in range(41):
        both = np.stack([multiplier, bias]) * 2.0**shift
        if (both == np.rint(both)).all():
            break
    else:
        return None
    largest = (np.abs(both[0]) * max(-source.minimum, source.maximum) + np.abs(both[1])).max()
    if np.abs(both).max() > MAX_CONSTANT or largest >= 2.0 ** _exact_bits(function):
        return None
    bits = (int(largest) >> shift).bit_length() + 1
    if output is None and bits > MAX_RESULT_BITS:
        return None
    return ScaleBias(multiplier=both[0], bias=both[1], shift=shift, output=output or signed(max(bits, 2)), name=name)


def _exact_bits(function) -> int:
    """Bits of the integers that a function, wherever it casts, computes with exactly."""
    dtypes = [step.dtype for step in function.steps if isinstance(step, Cast)]
    sums = (np.abs(function.coefficient) == 1).all() and not function.offset.any()
    if not (sums and function.steps and isinstance(function.steps[0], Cast)):
        dtypes.append(function.dtype)
    return min(np.finfo(dtype).nmant for dtype in dtypes) + 1
