"""Small rewritings of layers that exist already: rows negated, thresholds merged, identities found."""

from dataclasses import replace

import numpy as np

from ..integers import IntegerType, Range
from ..layers import Convolution, Dense, Flatten, Layer, MaxPool, SumPool, Tensor, Threshold


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
