"""Operators with weights, and those that lay out windows for them."""

import numpy as np

from ...errors import InputError
from ..realfold import Add, Multiply, column
from .reader import Node
from .walk import Walk, Windows
from .windows import pads_of, pair_of


def _convolution(walk: Walk, node: Node):
    walk.data_first(node)
    order = "NHWC" if "channels_last" in node.domain else "NCHW"
    walk.spatial(node, order)
    weights = walk.constant(node, 1, "weights")
    if weights.ndim != 4:
        raise InputError(
            f"{node}: its weights have {weights.ndim} axes, not 4; only convolutions of images are supported"
        )
    if order == "NHWC":
        weights = weights.transpose(0, 3, 1, 2)
    if _sums_channels(walk, node, weights):
        stride = pair_of(node, "strides", [1, 1])
        walk.chain.sum_pool(str(node), node.name, window=weights.shape[2:], stride=stride, average=False)
        walk.elementwise(node, Multiply(column(weights.flat[0], walk.chain.dtype)))
        walk.update(order)
        return
    if node.attributes.get("group", 1) != 1:
        raise InputError(
            f"{node}: it has {node.attributes['group']} groups (grouped or depthwise); only group 1 is supported"
        )
    if any(v != 1 for v in node.attributes.get("dilations", [1])):
        raise InputError(f"{node}: its dilations are {node.attributes['dilations']}; only 1 is supported")
    signs, alpha = walk.binary(node, 1, weights)
    stride = pair_of(node, "strides", [1, 1])
    padding = pads_of(walk, node, weights.shape[2:], stride, walk.chain.shape[1:])
    walk.chain.convolution(
        str(node),
        node.name,
        signs,
        stride=stride,
        padding=padding,
        alpha=alpha,
        bias=_bias(walk, node, 2, len(weights)),
    )
    walk.update(order)


def _sums_channels(walk, node, weights) -> bool:
    """Whether a convolution is a sum pool: each channel for itself, with one positive weight, nothing around it."""
    channels = walk.chain.shape[0]
    return (
        weights.shape[:2] == (channels, 1)
        and node.attributes.get("group", 1) == channels
        and weights.flat[0] > 0
        and bool((weights == weights.flat[0]).all())
        and not any(pads_of(walk, node, weights.shape[2:], pair_of(node, "strides", [1, 1]), walk.chain.shape[1:]))
        and all(v == 1 for v in node.attributes.get("dilations", [1]))
        and not any(node.inputs[2:])
        and walk.chain.shape == walk.chain.tensor.shape  # no Pad before it
    )


def _bias(walk, node, index, outputs):
    if len(node.inputs) <= index or not node.inputs[index]:
        return None
    bias = walk.constant(node, index, "bias")
    if bias.size not in (1, outputs) or not np.isfinite(bias).all():
        raise InputError(
            f"{node}: its bias of shape {list(bias.shape)} is not one finite value for each of {outputs} outputs"
        )
    return bias.reshape(-1)


def _matmul(walk: Walk, node: Node):
    walk.data_first(node)
    weights = walk.constant(node, 1, "weights")
    signs, alpha = walk.binary(node, 1, _two_axes(node, weights).T)
    _product(walk, node, signs, alpha)


def _xnor_popcount(walk: Walk, node: Node):
    """Bits stand for -1 and +1: #(equal bits) = sum(a * w) + #(w = -1), with a in {0, 1} and w in {-1, +1}."""
    walk.data_first(node)
    weights = _two_axes(node, walk.constant(node, 1, "weights")).T
    if not np.isin(weights, (0, 1)).all():
        raise InputError(f"{node}: its weights {node.inputs[1]!r} are not 0 and 1; export them as bits")
    tensor = walk.chain.tensor
    affine = walk.chain.function.affine
    bits = affine is not None and (affine[0] == 1).all() and not affine[1].any()
    if not (bits and (tensor.range.minimum, tensor.range.maximum) == (0, 1)):
        raise InputError(f"{node}: its input is not 0 or 1; put a MultiThreshold with one threshold before it")
    signs = np.where(weights > 0, 1, -1).astype(np.int8)
    _product(walk, node, signs, 1.0, (signs < 0).sum(axis=1))


def _two_axes(node, weights):
    if weights.ndim != 2:
        raise InputError(f"{node}: its weights have {weights.ndim} axes, not 2 (inputs, outputs); reshape them")
    return weights


def _product(walk: Walk, node: Node, signs, alpha, bias=None):
    """A matrix product over the last axis: a dense layer, or a convolution where rows and columns stay."""
    name = node.name
    if walk.windows is not None:
        (height, width), windows = walk.windows.kernel, walk.windows
        walk.windows = None
        channels = walk.chain.shape[0]
        if signs.shape[1] != height * width * channels:
            raise InputError(
                f"{node}: its weights take {signs.shape[1]} inputs, and its Im2Col gives {height * width * channels}"
            )
        signs = signs.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
        walk.chain.convolution(
            str(node), name, signs, stride=windows.stride, padding=windows.padding, alpha=alpha, bias=bias
        )
        walk.update("NHWC")
    elif len(walk.layout.dims) == 4 and any(set(dim) - {"N"} for dim in walk.layout.dims[:-1]):
        walk.spatial(node, "NHWC")
        walk.chain.convolution(str(node), name, signs[:, :, None, None], stride=(1, 1), alpha=alpha, bias=bias)
        walk.update("NHWC")
    else:
        rank = len(walk.layout.dims)
        walk.flatten(node)
        if any(set(dim) - {"N"} for dim in walk.layout.dims[:-1]):
            raise InputError(f"{node}: it multiplies along the last axis of {walk.layout}; put a Flatten before it")
        walk.chain.dense(str(node), name, signs, alpha=alpha, bias=bias)
        walk.update("N" + "HW"[: rank - 2] + "C")


def _gemm(walk: Walk, node: Node):
    walk.data_first(node)
    if node.attributes.get("transA", 0):
        raise InputError(f"{node}: it transposes its data (transA); export it with transA 0")
    weights = _two_axes(node, walk.constant(node, 1, "weights"))
    signs, alpha = walk.binary(node, 1, weights if node.attributes.get("transB", 0) else weights.T)
    _product(walk, node, signs, alpha)
    factor = float(node.attributes.get("alpha", 1.0))
    if factor != 1:
        walk.elementwise(node, Multiply(column(factor, walk.chain.dtype)))
    bias = _bias(walk, node, 2, len(signs))
    if bias is not None:
        walk.elementwise(
            node,
            Add(
                column(
                    bias.astype(walk.chain.dtype) * walk.chain.dtype(node.attributes.get("beta", 1.0)), walk.chain.dtype
                )
            ),
        )


def _im2col(walk: Walk, node: Node):
    walk.spatial(node, "NHWC")
    kernel, stride = pair_of(node, "kernel_size"), pair_of(node, "stride")
    pads = [int(v) for v in node.attributes.get("pad_amount", [0, 0, 0, 0])]
    if (
        len(pads) != 4
        or min(pads) < 0
        or node.attributes.get("depthwise", 0)
        or node.attributes.get("dilations", [1, 1]) != [1, 1]
    ):
        raise InputError(
            f"{node}: only windows with four pads of 0 or more, without dilation and of all channels, are supported"
        )
    if any(pads) and float(node.attributes.get("pad_value", 0)):
        raise InputError(f"{node}: it pads with {node.attributes['pad_value']}; use 0")
    walk.windows = Windows(kernel, stride, (pads[0], pads[1], pads[2], pads[3]))


def _pad(walk: Walk, node: Node):
    walk.data_first(node)
    if str(node.attributes.get("mode", "constant")) != "constant":
        raise InputError(f"{node}: it pads by {node.attributes['mode']!r}; only a constant border is supported")
    pads = node.attributes.get("pads")
    pads = walk.constant(node, 1, "pads") if pads is None else np.asarray(pads)
    given = walk.optional(node, 2)
    value = float(given.flat[0]) if given is not None and given.size else float(node.attributes.get("value", 0.0))
    rank = len(walk.layout.dims)
    axes = walk.optional(node, 3)
    axes = list(range(rank)) if axes is None else [int(v) % rank for v in axes.ravel()]
    pads = [int(v) for v in pads.ravel()]
    if len(pads) != 2 * len(axes) or not np.isfinite(value):
        raise InputError(f"{node}: its pads {pads[:8]} or its value {value} do not fit a tensor {walk.layout}")
    begin, end = dict(zip(axes, pads, strict=False)), dict(zip(axes, pads[len(axes) :], strict=True))
    order = "NCHW" if walk.layout.is_order("NCHW") else "NHWC"
    if any(pads):
        walk.spatial(node, order)
    rows, columns = order.index("H"), order.index("W")
    if min(pads, default=0) < 0 or any(begin[a] or end[a] for a in axes if a not in (rows, columns)):
        raise InputError(f"{node}: its pads {pads} crop, or pad other axes than rows and columns; pad only those")
    padding = begin.get(rows, 0), begin.get(columns, 0), end.get(rows, 0), end.get(columns, 0)
    if any(padding):
        walk.chain.pad(str(node), padding, value)
        walk.update(order)


OPERATORS = {
    "Conv": _convolution,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "XnorPopcountMatMul": _xnor_popcount,
    "Im2Col": _im2col,
    "Pad": _pad,
}
