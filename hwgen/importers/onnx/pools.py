"""Operators that take the largest, the sum or the average of windows."""

import numpy as np

from ...errors import InputError
from ..realfold import Quantizer, column
from .constants import axes_of
from .reader import Node
from .walk import Walk
from .windows import pair_of, pool_fields


def _max_pool(walk: Walk, node: Node):
    order = "NHWC" if node.op == "MaxPoolNHWC" or "channels_last" in node.domain else "NCHW"
    walk.spatial(node, order)
    window, stride, padding = pool_fields(walk, node)
    walk.chain.max_pool(str(node), node.name, window=window, stride=stride, padding=padding)
    walk.update(order)


def _average_pool(walk: Walk, node: Node):
    walk.data_first(node)
    walk.spatial(node)
    window, stride, padding = pool_fields(walk, node)
    if any(padding):
        raise InputError(
            f"{node}: it averages with padding {list(padding)}, which is not supported; use no padding and ceil_mode 0"
        )
    walk.chain.sum_pool(str(node), node.name, window=window, stride=stride, average=True)
    walk.update("NCHW")


def _quant_average_pool(walk: Walk, node: Node):
    """FINN: the sum of a window of integers, shifted right."""
    order = str(node.attributes.get("data_layout", "NCHW"))
    walk.spatial(node, order if order in ("NCHW", "NHWC") else "NCHW")
    window, stride = pair_of(node, "kernel"), pair_of(node, "stride", 1)
    bits, out = int(node.attributes.get("ibits", 0)), int(node.attributes.get("obits", 0))
    if not 1 <= bits <= 12 or not 1 <= out <= 12:
        raise InputError(f"{node}: its ibits {bits} and obits {out} are not 1..12")
    shift = max((((1 << bits) - 1) * window[0] * window[1]).bit_length() - out, 0)
    walk.chain.sum_pool(str(node), node.name, window=window, stride=stride, average=False)
    dtype = walk.chain.dtype

    def level(x):
        return np.floor(np.round(x) / dtype(2.0**shift))

    low, high = walk.chain.extent(str(node), level)
    walk.chain.quantize(str(node), node.name, Quantizer(low, high, column(1, dtype), column(0, dtype), level))
    walk.update(order)


def _global_pool(walk: Walk, node: Node):
    walk.spatial(node)
    _whole_image(walk, node, node.op)
    walk.update("NCHW")


def _reduce(walk: Walk, node: Node):
    """ReduceMean, ReduceSum and ReduceMax over rows and columns."""
    walk.data_first(node)
    rank = len(walk.layout.dims)
    axes = axes_of(node, [None, walk.optional(node, 1)])
    axes = sorted(v % rank for v in (range(rank) if axes is None else axes))
    reduced = {letter for axis in axes for letter in walk.layout.dims[axis]}
    kept = {letter for letter in walk.layout.letters if letter not in reduced}
    if reduced - {"H", "W"} or kept & {"H", "W"}:
        raise InputError(
            f"{node}: it reduces axes {axes} of {walk.layout}; only rows and columns together can be reduced"
        )
    order = next((o for o in ("NCHW", "NHWC") if walk.layout.is_order(o)), None)
    if order is None:
        raise InputError(f"{node}: it reduces {walk.layout}; only (N, C, H, W) and (N, H, W, C) can be reduced")
    _whole_image(walk, node, node.op)
    if not node.attributes.get("keepdims", 1):
        order = "".join(letter for axis, letter in enumerate(order) if axis not in axes)
    walk.update(order)


def _whole_image(walk, node, op):
    size = walk.chain.shape[1:]
    if op in ("GlobalMaxPool", "ReduceMax"):
        walk.chain.max_pool(str(node), node.name, window=size, stride=size)
    else:
        walk.chain.sum_pool(str(node), node.name, window=size, stride=size, average=op != "ReduceSum")


OPERATORS = {
    "MaxPool": _max_pool,
    "MaxPoolNHWC": _max_pool,
    "AveragePool": _average_pool,
    "QuantAvgPool2d": _quant_average_pool,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "ReduceMean": _reduce,
    "ReduceSum": _reduce,
    "ReduceMax": _reduce,
}
