"""The operators that an image or an activation may pass through, each as one function of (walk, node)."""

import numpy as np

from ...errors import InputError
from ..realfold import Add, Clip, Divide, Multiply, Power, Quantizer, Rounded, column, onnx_batch_norm
from .constants import ROUNDINGS, axes_of, limits, quant_fields, target_shape
from .reader import Node
from .walk import Walk

# Elementwise.


def _add(walk: Walk, node: Node):
    index = walk.moving_input(node)
    walk.elementwise(node, Add(_column(walk, node, walk.constant(node, 1 - index, "constant"))))


def _subtract(walk: Walk, node: Node):
    index = walk.moving_input(node)
    constant = _column(walk, node, walk.constant(node, 1 - index, "constant"))
    if index == 0:
        walk.elementwise(node, Add(-constant))
    else:
        walk.elementwise(node, Multiply(column(-1, walk.graph.dtype)), Add(constant))


def _multiply(walk: Walk, node: Node):
    index = walk.moving_input(node)
    walk.elementwise(node, Multiply(_column(walk, node, walk.constant(node, 1 - index, "constant"))))


def _divide(walk: Walk, node: Node):
    if walk.moving_input(node) != 0:
        raise InputError(f"{node}: it divides a constant by the data, which is not monotone; use Mul or Div by a constant")
    walk.elementwise(node, Divide(_column(walk, node, walk.constant(node, 1, "divisor"))))


def _power(walk: Walk, node: Node):
    exponent = walk.constant(node, 1, "exponent") if walk.moving_input(node) == 0 else None
    if exponent is None or exponent.size != 1 or not np.isfinite(exponent).all():
        raise InputError(f"{node}: only a power with one constant exponent is supported; use one")
    if float(exponent.flat[0]) != 1:
        walk.elementwise(node, Power(float(exponent.flat[0])))


def _negate(walk: Walk, node: Node):
    walk.elementwise(node, Multiply(column(-1, walk.graph.dtype)))


def _relu(walk: Walk, node: Node):
    walk.elementwise(node, Clip(0.0, np.inf))


def _clip(walk: Walk, node: Node):
    edges = []
    for index, key, default in ((1, "min", -np.inf), (2, "max", np.inf)):
        if len(node.inputs) > index and node.inputs[index]:
            edge = walk.constant(node, index, f"{key}imum")
            if edge.size != 1:
                raise InputError(f"{node}: it clips each channel elsewhere; use one {key}imum")
            edges.append(float(edge.flat[0]))
        else:
            edges.append(float(node.attributes.get(key, default)))
    walk.elementwise(node, Clip(*edges))


def _batch_norm(walk: Walk, node: Node):
    walk.data_first(node)
    if "channels_last" in node.domain:
        walk.spatial(node, "NHWC")
    elif len(walk.layout.dims) == 4:
        walk.spatial(node)
    if node.attributes.get("training_mode", 0):
        raise InputError(f"{node}: it is in training mode; export the network in evaluation mode")
    dtype = walk.graph.dtype
    shape = (-1, *[1] * (0 if "channels_last" in node.domain else len(walk.layout.dims) - 2))
    parameters = [
        walk.vector(node, walk.constant(node, i, what).reshape(shape))
        for i, what in ((1, "scale"), (2, "bias"), (3, "mean"), (4, "variance"))
    ]
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    if not (parameters[3] + epsilon > 0).all():
        raise InputError(f"{node}: a variance is negative or zero; check the training and export again")
    walk.elementwise(node, *onnx_batch_norm(*parameters, epsilon, dtype))


def _column(walk, node, constant):
    return column(walk.vector(node, constant), walk.graph.dtype)


# Quantizers.


def _bipolar_quant(walk: Walk, node: Node):
    walk.data_first(node)
    scale = _column(walk, node, walk.constant(node, 1, "scale"))
    if not (scale > 0).all():
        raise InputError(f"{node}: its scale is not positive; train again with a positive scale")
    edge = np.zeros((1, 1), walk.graph.dtype)
    walk.chain.quantize(str(node), node.name, Quantizer(0, 1, 2 * scale, -scale, edges=edge))


def _quant(walk: Walk, node: Node):
    walk.data_first(node)
    fields = [walk.constant(node, i, what) for i, what in ((1, "scale"), (2, "zero point"), (3, "bit width"))]
    bits, signed, narrow, rounding = quant_fields(node, fields)
    scale, zero = (_column(walk, node, v) for v in fields[:2])
    if not (zero == np.rint(zero)).all():
        raise InputError(f"{node}: its zero point is not whole; use a whole zero point")
    if bits == 1 and signed:
        # The executor gives (+-1 - zero) * scale where x / scale + zero >= 0.
        level = Rounded(scale, zero, -1, 0, np.floor)
        quantizer = Quantizer(-1, 0, 2 * scale, scale - zero * scale, level)
    else:
        low, high = limits(bits, signed, narrow)
        quantizer = Quantizer(low, high, scale, -zero * scale, Rounded(scale, zero, low, high, ROUNDINGS[rounding]))
    walk.chain.quantize(str(node), node.name, quantizer)


def _sign(walk: Walk, node: Node):
    """ONNX Sign: -1, 0 or +1; two levels where 0 cannot happen is for `Chain` to see."""
    tiny = np.nextafter(walk.graph.dtype(0), walk.graph.dtype(1))
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    three = Quantizer(-1, 1, one, zero, edges=np.array([[0, tiny]], walk.graph.dtype))
    two = Quantizer(0, 1, 2 * one, -one, edges=np.zeros((1, 1), walk.graph.dtype))
    if walk.chain.reaches_zero(str(node)):
        walk.chain.messages.append(f"{node}: Sign gives 0 for 0, which happens here, so that its output has three values and two "
                                   "bits; a BipolarQuant has one")
        walk.chain.quantize(str(node), node.name, three)
    else:
        walk.chain.quantize(str(node), node.name, two)


def _multi_threshold(walk: Walk, node: Node):
    walk.data_first(node)
    edges = walk.constant(node, 1, "thresholds")
    rank = len(walk.layout.dims)
    order = str(node.attributes.get("data_layout", "")) or {2: "NC", 3: "NWC", 4: "NCHW"}.get(rank, "NC")
    axis = order.index("C") if "C" in order else 1
    if edges.ndim != 2 or not edges.shape[1] or axis >= rank:
        raise InputError(f"{node}: its thresholds of shape {list(edges.shape)} are not (channels, steps) of an input {walk.layout}")
    if edges.shape[1] > 4095:
        raise InputError(f"{node}: it has {edges.shape[1]} steps, and an activation has at most 4096 values; use 12 bits or fewer")
    if edges.shape[0] > 1:
        channels = np.arange(len(edges)).reshape(-1, *[1] * (rank - 1 - axis))
        edges = edges[walk.vector(node, channels)]
    scale, bias = (float(node.attributes.get(key, default)) for key, default in (("out_scale", 1.0), ("out_bias", 0.0)))
    if not np.isfinite([scale, bias]).all() or scale == 0:
        raise InputError(f"{node}: its out_scale {scale:g} and out_bias {bias:g} give no activation; use finite ones and a scale")
    edges = np.sort(edges.astype(walk.graph.dtype), axis=1)
    walk.chain.quantize(str(node), node.name, Quantizer(0, edges.shape[1], column(scale, walk.graph.dtype),
                                                        column(bias, walk.graph.dtype), edges=edges))


def _trunc(walk: Walk, node: Node):
    """Brevitas' truncating average pool ends in it: floor(round(x / scale + zero) / 2^t), both versions of the operator."""
    walk.data_first(node)
    values = [walk.constant(node, i, "parameter") for i in range(1, len(node.inputs))]
    if len(values) not in (4, 5) or any(v.size != 1 for v in values):
        raise InputError(f"{node}: it needs one scale, zero point and width for all channels; use a Trunc of five or six inputs")
    scale, zero = (float(v.flat[0]) for v in values[:2])
    rounding = str(node.attributes.get("rounding_mode", "FLOOR")).upper()
    if zero or scale <= 0 or rounding not in ROUNDINGS:
        raise InputError(f"{node}: scale {scale:g}, zero point {zero:g} and rounding {rounding!r} are not supported; use a "
                         "positive scale, zero point 0 and one of " + ", ".join(ROUNDINGS))
    dtype = walk.graph.dtype
    if len(values) == 4:
        factor, step, clamp = 2.0 ** (float(values[2].flat[0]) - float(values[3].flat[0])), scale, None
    else:
        step = float(values[3].flat[0])
        factor = 2.0 ** round(float(np.log2(step / scale)))
        clamp = limits(int(values[4].flat[0]), bool(node.attributes.get("signed", 1)), bool(node.attributes.get("narrow", 0)))

    def level(x):
        y = np.round(x / dtype(scale)) / dtype(factor)
        return ROUNDINGS[rounding](y if clamp is None else np.clip(y, *(dtype(v) for v in clamp)))

    low, high = clamp or walk.chain.extent(str(node), level)
    walk.chain.quantize(str(node), node.name, Quantizer(low, high, column(step, dtype), column(0, dtype), level))


# Linear layers.


def _pads(walk: Walk, node: Node, kernel, stride, size) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of `pads` or `auto_pad`."""
    pads = [int(v) for v in node.attributes.get("pads", [0, 0, 0, 0])]
    auto = str(node.attributes.get("auto_pad", "NOTSET"))
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
        less = [t // 2 for t in totals]
        more = [t - v for t, v in zip(totals, less, strict=True)]
        pads = less + more if auto == "SAME_UPPER" else more + less
    elif auto == "VALID":
        pads = [0, 0, 0, 0]
    if len(pads) != 4 or min(pads) < 0:
        raise InputError(f"{node}: its pads are {pads}, not four numbers of 0 or more; crop the image beforehand")
    return pads[0], pads[1], pads[2], pads[3]


def _pair(node: Node, key: str, default=None) -> tuple[int, int]:
    value = node.attributes.get(key, default)
    if isinstance(value, int):
        value = [value, value]
    if not value or len(value) != 2 or any(not isinstance(v, int) or v < 1 for v in value):
        raise InputError(f"{node}: its {key} is {value}, not two positive numbers; only images (two axes) are supported")
    return value[0], value[1]


def _convolution(walk: Walk, node: Node):
    walk.data_first(node)
    order = "NHWC" if "channels_last" in node.domain else "NCHW"
    walk.spatial(node, order)
    weights = walk.constant(node, 1, "weights")
    if weights.ndim != 4:
        raise InputError(f"{node}: its weights have {weights.ndim} axes, not 4; only convolutions of images are supported")
    if order == "NHWC":
        weights = weights.transpose(0, 3, 1, 2)
    if node.attributes.get("group", 1) != 1:
        raise InputError(f"{node}: it has {node.attributes['group']} groups; grouped and depthwise convolutions are not supported, use group 1")
    if any(v != 1 for v in node.attributes.get("dilations", [1])):
        raise InputError(f"{node}: its dilations are {node.attributes['dilations']}; only 1 is supported")
    signs, alpha = walk.binary(node, 1, weights)
    stride = _pair(node, "strides", [1, 1])
    padding = _pads(walk, node, weights.shape[2:], stride, walk.chain.shape[1:])
    walk.chain.convolution(str(node), node.name, signs, stride=stride, padding=padding, alpha=alpha,
                           bias=_bias(walk, node, 2, len(weights)))
    walk.update(order)


def _bias(walk, node, index, outputs):
    if len(node.inputs) <= index or not node.inputs[index]:
        return None
    bias = walk.constant(node, index, "bias")
    if bias.size not in (1, outputs) or not np.isfinite(bias).all():
        raise InputError(f"{node}: its bias of shape {list(bias.shape)} is not one finite value for each of {outputs} outputs")
    return bias.reshape(-1)


def _matmul(walk: Walk, node: Node):
    walk.data_first(node)
    weights = walk.constant(node, 1, "weights")
    signs, alpha = walk.binary(node, 1, _two_axes(node, weights).T)
    _product(walk, node, signs, alpha)


def _xnor_popcount(walk: Walk, node: Node):
    """Bits 0 and 1 stand for -1 and +1: P = #(equal bits) = sum(a * w) + #(w = -1), with a in {0, 1} and w in {-1, +1}."""
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
            raise InputError(f"{node}: its weights take {signs.shape[1]} inputs, the Im2Col before it gives {height * width * channels}")
        signs = signs.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
        walk.chain.convolution(str(node), name, signs, stride=windows.stride, padding=windows.padding, alpha=alpha, bias=bias)
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
        walk.elementwise(node, Multiply(column(factor, walk.graph.dtype)))
    bias = _bias(walk, node, 2, len(signs))
    if bias is not None:
        walk.elementwise(node, Add(column(bias.astype(walk.graph.dtype) * walk.graph.dtype(node.attributes.get("beta", 1.0)),
                                          walk.graph.dtype)))


def _im2col(walk: Walk, node: Node):
    from .walk import Windows

    walk.spatial(node, "NHWC")
    kernel, stride = _pair(node, "kernel_size"), _pair(node, "stride")
    pads = [int(v) for v in node.attributes.get("pad_amount", [0, 0, 0, 0])]
    if len(pads) != 4 or min(pads) < 0 or node.attributes.get("depthwise", 0) or node.attributes.get("dilations", [1, 1]) != [1, 1]:
        raise InputError(f"{node}: only windows with four pads of 0 or more, without dilation and of all channels, are supported")
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
    begin, end = dict(zip(axes, pads, strict=False)), dict(zip(axes, pads[len(axes):], strict=True))
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


# Pools.


def _max_pool(walk: Walk, node: Node):
    order = "NHWC" if node.op == "MaxPoolNHWC" or "channels_last" in node.domain else "NCHW"
    walk.spatial(node, order)
    window, stride, padding = _pool_fields(walk, node)
    walk.chain.max_pool(str(node), node.name, window=window, stride=stride, padding=padding)
    walk.update(order)


def _pool_fields(walk, node):
    """Window, stride and padding; ceil_mode's part windows are padding at the bottom and the right."""
    if any(v != 1 for v in node.attributes.get("dilations", [1])) or len([name for name in node.outputs if name]) > 1:
        raise InputError(f"{node}: dilated pools and pools with indices are not supported; use dilation 1 and one output")
    window, stride = _pair(node, "kernel_shape"), _pair(node, "strides", [1, 1])
    size = walk.chain.shape[1:]
    padding = list(_pads(walk, node, window, stride, size))
    if node.attributes.get("ceil_mode", 0):
        for axis in (0, 1):
            whole = size[axis] + padding[axis] + padding[2 + axis]
            outputs = -(-(whole - window[axis]) // stride[axis]) + 1
            if (outputs - 1) * stride[axis] >= size[axis] + padding[axis]:
                outputs -= 1  # a window that would start beyond the image is left out (ONNX Runtime, PyTorch)
            padding[2 + axis] += max((outputs - 1) * stride[axis] + window[axis] - whole, 0)
    return window, stride, tuple(padding)


def _average_pool(walk: Walk, node: Node):
    walk.data_first(node)
    walk.spatial(node)
    window, stride, padding = _pool_fields(walk, node)
    if any(padding):
        raise InputError(f"{node}: it averages with padding {list(padding)}; padded averages are not supported, use no padding and ceil_mode 0")
    walk.chain.sum_pool(str(node), node.name, window=window, stride=stride, average=True)
    walk.update("NCHW")


def _quant_average_pool(walk: Walk, node: Node):
    """FINN: the sum of a window of integers, shifted right."""
    order = str(node.attributes.get("data_layout", "NCHW"))
    walk.spatial(node, order if order in ("NCHW", "NHWC") else "NCHW")
    window, stride = _pair(node, "kernel"), _pair(node, "stride", 1)
    bits, out = int(node.attributes.get("ibits", 0)), int(node.attributes.get("obits", 0))
    if not 1 <= bits <= 12 or not 1 <= out <= 12:
        raise InputError(f"{node}: its ibits {bits} and obits {out} are not 1..12")
    shift = max((((1 << bits) - 1) * window[0] * window[1]).bit_length() - out, 0)
    walk.chain.sum_pool(str(node), node.name, window=window, stride=stride, average=False)
    dtype = walk.graph.dtype

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
        raise InputError(f"{node}: it reduces axes {axes} of {walk.layout}; only rows and columns together can be reduced")
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


# Shapes.


def _flatten(walk: Walk, node: Node):
    shape = walk.layout.shape
    axis = int(node.attributes.get("axis", 1))
    axis += len(shape) if axis < 0 else 0
    _to_shape(walk, node, [int(np.prod(shape[:axis], dtype=object)), int(np.prod(shape[axis:], dtype=object))])


def _reshape(walk: Walk, node: Node):
    walk.data_first(node)
    wanted = node.attributes.get("shape") if len(node.inputs) < 2 else walk.constant(node, 1, "shape")
    _to_shape(walk, node, target_shape(node, walk.layout.shape, [] if wanted is None else wanted))


def _to_shape(walk, node, shape):
    layout = walk.layout.reshaped(shape)
    if layout is None:
        raise InputError(f"{node}: it reshapes {walk.layout} of {list(walk.layout.shape)} to {shape}, which cuts an axis in parts; "
                         "only joining axes and adding axes of size one is supported")
    walk.layout = layout


def _transpose(walk: Walk, node: Node):
    rank = len(walk.layout.dims)
    perm = node.attributes.get("perm", list(range(rank))[::-1])
    if sorted(perm) != list(range(rank)):
        raise InputError(f"{node}: perm {perm} does not order the {rank} axes of its input")
    walk.layout = walk.layout.permuted(perm)


def _squeeze(walk: Walk, node: Node):
    layout = walk.layout.squeezed(axes_of(node, [None, walk.optional(node, 1)]))
    if layout is None:
        raise InputError(f"{node}: it squeezes an axis of {walk.layout} that has more than one element")
    walk.layout = layout


def _unsqueeze(walk: Walk, node: Node):
    axes = axes_of(node, [None, walk.optional(node, 1)])
    if not axes:
        raise InputError(f"{node}: its axes are missing or no constant; export with constant folding")
    walk.layout = walk.layout.unsqueezed(axes)


def _nothing(walk: Walk, node: Node):
    """Identity, and Dropout in evaluation."""


def _cast(walk: Walk, node: Node):
    if walk.stage != "class" and node.attributes.get("to") not in (1, 10, 11):
        raise InputError(f"{node}: it casts to ONNX type {node.attributes.get('to')}, which rounds; use a Quant node")


# Results.


def _softmax(walk: Walk, node: Node):
    walk.chain.messages.append(f"{node}: dropped, since it does not change which class is largest")
    walk.stage = "probabilities"


def _top(walk: Walk, node: Node):
    rank = len(walk.layout.dims)
    axis = int(node.attributes.get("axis", -1 if node.op == "TopK" else 0)) % rank
    if any(set(dim) - {"N"} for i, dim in enumerate(walk.layout.dims) if i != axis):
        raise InputError(f"{node}: it ranks along axis {axis} of {walk.layout}, which is not the one of the classes; use that")
    if not node.attributes.get("largest", 1) or node.attributes.get("select_last_index", 0):
        raise InputError(f"{node}: it takes the smallest value or the last index; use the largest and the first")
    if node.op == "TopK":
        count = walk.optional(node, 1)
        count = int(node.attributes.get("k", 1)) if count is None else int(count.flat[0])
        if count > 1:
            walk.chain.messages.append(f"{node}: of the {count} best classes only the first is given")
    walk.stage = "class"


OPERATORS = {
    "Add": _add, "Sub": _subtract, "Mul": _multiply, "Div": _divide, "Pow": _power, "Neg": _negate,
    "Relu": _relu, "Clip": _clip, "BatchNormalization": _batch_norm,
    "BipolarQuant": _bipolar_quant, "Quant": _quant, "IntQuant": _quant, "Sign": _sign,
    "MultiThreshold": _multi_threshold, "Trunc": _trunc,
    "Conv": _convolution, "MatMul": _matmul, "Gemm": _gemm, "XnorPopcountMatMul": _xnor_popcount, "Im2Col": _im2col, "Pad": _pad,
    "MaxPool": _max_pool, "MaxPoolNHWC": _max_pool, "AveragePool": _average_pool, "QuantAvgPool2d": _quant_average_pool,
    "GlobalAveragePool": _global_pool, "GlobalMaxPool": _global_pool,
    "ReduceMean": _reduce, "ReduceSum": _reduce, "ReduceMax": _reduce,
    "Flatten": _flatten, "Reshape": _reshape, "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze,
    "Identity": _nothing, "Dropout": _nothing, "Cast": _cast,
    "Softmax": _softmax, "LogSoftmax": _softmax, "TopK": _top, "ArgMax": _top,
}
