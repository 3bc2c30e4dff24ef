"""Operators that turn reals into integer levels."""

import numpy as np

from ...errors import InputError
from ..realfold import Quantizer, Rounded, column
from .constants import ROUNDINGS, limits, quant_fields
from .elementwise import column_of
from .reader import Node
from .walk import Walk


def _bipolar_quant(walk: Walk, node: Node):
    walk.data_first(node)
    scale = column_of(walk, node, walk.constant(node, 1, "scale"))
    if not (scale > 0).all():
        raise InputError(f"{node}: its scale is not positive; train again with a positive scale")
    edge = np.zeros((1, 1), walk.chain.dtype)
    walk.chain.quantize(str(node), node.name, Quantizer(0, 1, 2 * scale, -scale, edges=edge))


def _quant(walk: Walk, node: Node):
    walk.data_first(node)
    fields = [walk.constant(node, i, what) for i, what in ((1, "scale"), (2, "zero point"), (3, "bit width"))]
    bits, signed, narrow, rounding = quant_fields(node, fields)
    scale, zero = (column_of(walk, node, v) for v in fields[:2])
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
    tiny = np.nextafter(walk.chain.dtype(0), walk.chain.dtype(1))
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    three = Quantizer(-1, 1, one, zero, edges=np.array([[0, tiny]], walk.chain.dtype))
    two = Quantizer(0, 1, 2 * one, -one, edges=np.zeros((1, 1), walk.chain.dtype))
    if walk.chain.reaches_zero(str(node)):
        walk.chain.messages.append(
            f"{node}: Sign gives 0 for 0, which happens here, so that its output has three values and two "
            "bits; a BipolarQuant has one"
        )
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
        raise InputError(
            f"{node}: its thresholds of shape {list(edges.shape)} are not (channels, steps) of an input {walk.layout}"
        )
    if edges.shape[1] > 4095:
        raise InputError(
            f"{node}: it has {edges.shape[1]} steps, and an activation has at most 4096 values; use 12 bits or fewer"
        )
    if edges.shape[0] > 1:
        channels = np.arange(len(edges)).reshape(-1, *[1] * (rank - 1 - axis))
        edges = edges[walk.vector(node, channels)]
    scale, bias = (float(node.attributes.get(key, default)) for key, default in (("out_scale", 1.0), ("out_bias", 0.0)))
    if not np.isfinite([scale, bias]).all() or scale == 0:
        raise InputError(
            f"{node}: its out_scale {scale:g} and out_bias {bias:g} give no activation; use finite ones and a scale"
        )
    edges = np.sort(edges.astype(walk.chain.dtype), axis=1)
    walk.chain.quantize(
        str(node),
        node.name,
        Quantizer(0, edges.shape[1], column(scale, walk.chain.dtype), column(bias, walk.chain.dtype), edges=edges),
    )


def _gather(walk: Walk, node: Node):
    """A table of whole numbers, with pixels as its indices."""
    if walk.moving_input(node) != 1 or not walk.chain.on_pixels:
        raise InputError(
            f"{node}: only a constant table that pixels index can be gathered from, before the first layer; remove it"
        )
    table = walk.constant(node, 0, "table")
    if table.ndim != 1 or not table.size or not (np.isfinite(table).all() and (table == np.rint(table)).all()):
        raise InputError(f"{node}: its table of shape {list(table.shape)} is not one row of whole numbers; use that")

    def level(x):
        index = x.astype(np.int64)
        if index.size and not -table.size <= index.min() <= index.max() < table.size:
            raise ValueError(f"a pixel gives index {index.max()}, and its table has {table.size} entries")
        return table[index].astype(x.dtype)

    low, high, step = int(table.min()), int(table.max()), 1
    if (low, high) == (-1, 1) and table.all():
        table, low, step = (table + 1) / 2, 0, 2  # bipolar
    scale, offset = column(step, walk.chain.dtype), column(1 - step, walk.chain.dtype)
    walk.chain.quantize(str(node), node.name, Quantizer(low, high, scale, offset, level))


def _trunc(walk: Walk, node: Node):
    """The end of Brevitas' truncating average pool, floor(round(x / scale) / 2^t), in both versions of the operator."""
    walk.data_first(node)
    values = [walk.constant(node, i, "parameter") for i in range(1, len(node.inputs))]
    if len(values) not in (4, 5) or any(v.size != 1 for v in values):
        raise InputError(
            f"{node}: it needs one scale, zero point and width for all channels; use a Trunc of five or six inputs"
        )
    scale, zero = (float(v.flat[0]) for v in values[:2])
    rounding = str(node.attributes.get("rounding_mode", "FLOOR")).upper()
    if zero or scale <= 0 or rounding not in ROUNDINGS:
        raise InputError(
            f"{node}: scale {scale:g}, zero point {zero:g} and rounding {rounding!r} are not supported; use a "
            "positive scale, zero point 0 and one of " + ", ".join(ROUNDINGS)
        )
    dtype = walk.chain.dtype
    widths = [float(values[i].flat[0]) for i in ((2, 3) if len(values) == 4 else (2, 4))]
    if any(not 1 <= width <= 32 or width % 1 for width in widths):
        raise InputError(f"{node}: its bit widths are {widths}, not whole numbers 1..32")
    if len(values) == 4:
        factor, step, clamp = 2.0 ** (widths[0] - widths[1]), scale, None
    else:
        step = float(values[3].flat[0])
        if not 2.0**-40 <= step / scale <= 2.0**40:
            raise InputError(f"{node}: its output scale {step:g} does not fit its input scale {scale:g}")
        factor = 2.0 ** round(float(np.log2(step / scale)))
        signed, narrow = (bool(node.attributes.get(key, default)) for key, default in (("signed", 1), ("narrow", 0)))
        clamp = limits(int(widths[1]), signed, narrow)

    def level(x):
        y = np.round(x / dtype(scale)) / dtype(factor)
        return ROUNDINGS[rounding](y if clamp is None else np.clip(y, *(dtype(v) for v in clamp)))

    low, high = clamp or walk.chain.extent(str(node), level)
    walk.chain.quantize(str(node), node.name, Quantizer(low, high, column(step, dtype), column(0, dtype), level))


OPERATORS = {
    "BipolarQuant": _bipolar_quant,
    "Quant": _quant,
    "IntQuant": _quant,
    "Sign": _sign,
    "MultiThreshold": _multi_threshold,
    "Gather": _gather,
    "Trunc": _trunc,
}
