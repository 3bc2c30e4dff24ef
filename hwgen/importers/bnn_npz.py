"""Plain .npz networks: arrays under documented keys, for whoever has numbers and no ONNX exporter.

A file is what ``numpy.savez`` writes; no array needs pickle. `hwgen.training` exports the same keys and values as a
``.pt`` (`torch.save` of one flat dict; a value is a tensor, a text or a number; see `hwgen.importers.torch`).

File
----
format : the text ``"hwgen-bnn"``
version : 1
image_shape : three integers, (channels, height, width); an image is unsigned 8-bit pixels
input_scale, input_offset : the first layer reads input_scale * pixel + input_offset; scalar or (channels,);
    default 1 and 0. The options --input-range, --input-mean and --input-std override both.
name : text, default: the file's name
classes : (classes,) texts, one label per logit; default none
layer0.type, layer1.type, ... : texts, the layers in order, without a gap; each is one simple step from the table
    below. The last layer that sums is the one of the logits; the class is the largest, the lowest index on a tie.
layerN.name : text for messages, default ``layerN``
layerN.KEY : the parameters of layer N

Layer types and their keys (a key without a default is required; an unknown key is refused)
-------------------------------------------------------------------------------------------
Reals are evaluated in float64, in the order written here. "Per channel" is (channels,) or a scalar.

``convolution``
    weights : real, (output channels, input channels, kernel height, kernel width). They are used as
        sign(weights) with sign(0) = +1: latent weights are welcome, and a message says that they were binarised.
        A few whole numbers with 0 among them (ternary weights, weights of some bits, bits) are refused.
    alpha : per output channel, default 1: the sum is alpha[o] * sum(sign(weights[o]) * input) + bias[o]
    bias : per output channel, default 0
    stride : integer or (vertical, horizontal), default 1
    padding : integer, (vertical, horizontal) or (top, left, bottom, right), default 0
    border : value of a padded tap: 0 (default), -1 or +1, in the units of the layer's input
``dense``
    weights : real, (outputs, inputs), binarised like those of a convolution. Its input is flat.
    alpha, bias : as for a convolution
``batch_norm``
    mean, variance : (channels,)
    gamma, beta : per channel, default 1 and 0; gamma may be negative or zero
    epsilon : scalar, default 1e-5. y = (x - mean) * (gamma / sqrt(variance + epsilon)) + beta
``affine``
    scale, offset : per channel, default 1 and 0. y = x * scale + offset
``relu``
    no keys. y = max(x, 0)
``max_pool``
    window : integer or (vertical, horizontal)
    stride : the same, default: the window
    padding : as for a convolution, default 0; a padded position never wins
``average_pool``
    window : integer or (vertical, horizontal); default: the whole input (global)
    stride : the same, default: the window
``flatten``
    order : text, ``"CHW"`` (PyTorch: the pixel index runs fastest) or ``"HWC"`` (the channel index does)
``sign``
    zero : +1 (default) or -1, what sign(0) is. y is -1 or +1
``uniform``
    bits : 1..12
    scale : positive scalar, the step. y = scale * (code - zero_point), code = round(x / scale + zero_point) limited to
        0 .. 2^bits-1, or, where `signed` is 1, to -2^(bits-1) .. 2^(bits-1)-1
    zero_point : integer, default 0
    signed : 0 (default) or 1
    rounding : text, ``"half_up"`` (default: floor(v + 1/2)) or ``"half_even"``
``thresholds``
    thresholds : (channels or 1, count), ascending; count at most 4095. y = scale * #(x >= threshold) + offset
    scale, offset : scalars, default 1 and 0 (scale 2, offset -1 and one threshold give -1/+1)

Example: ``savez(path, **{"format": "hwgen-bnn", "version": 1, "image_shape": [1, 28, 28], "layer0.type": "flatten",
"layer0.order": "CHW", "layer1.type": "dense", "layer1.weights": w, ...})``
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import npz
from ..errors import InputError
from ..layers import MAX_DIMENSION, MAX_ELEMENTS
from ..network import MAX_LAYERS, Network
from .chain import Chain
from .fields import Fields
from .pixels import InputRange
from .realfold import Add, Clip, Multiply, Quantizer, Rounded, Step, column, plain_batch_norm

FORMAT = "hwgen-bnn"
VERSION = 1
MAX_BYTES = 1 << 30
MAX_MEMBERS = 20_000
MAX_LEVELS = 16  # whole numbers that are weights of up to four bits
_HEAD = {"format", "version", "image_shape", "input_scale", "input_offset", "name", "classes"}


def load(path: Path, input_range: InputRange) -> tuple[Network, tuple[str, ...]]:
    """The network of a plain .npz, or of one that `hwgen.storage` wrote, and messages about how it was read.

    Raises
    ------
    InputError : naming the key, the reason and the mend
    """
    with npz.open_archive(path) as (archive, members):
        native = "network.json" in members
        values = {} if native else _arrays(archive, members)
    if native:
        from .. import storage

        if input_range != InputRange():
            raise InputError(
                "the scaling of pixels is part of this network already; import the original file to change it"
            )
        return storage.load(path), ()
    return network_of(values, path.stem, input_range)


def _arrays(archive, members):
    """All arrays by key, once the zip's directory has shown that they fit in memory."""
    total = sum(info.file_size for info in members.values())
    if total > MAX_BYTES or len(members) > MAX_MEMBERS:
        raise InputError(
            f"the file unpacks to {len(members)} arrays of {total} bytes; at most {MAX_MEMBERS} of {MAX_BYTES} are read"
        )
    values = {}
    for name, info in members.items():
        key = npz.one_line(name.removesuffix(".npy"))
        try:
            values[key] = npz.parse(npz.content(archive, info))
        except ValueError as error:
            raise InputError(f"the key {key!r}: {error}; write it with numpy.savez") from None
    return values


def network_of(values: Mapping[str, object], name: str, input_range: InputRange) -> tuple[Network, tuple[str, ...]]:
    """The network of a mapping from the keys above to arrays, texts and numbers; errors as in `load`."""
    fields = Fields({key: np.asarray(value) for key, value in values.items()}, "the file", "")
    if fields.text("format", "") != FORMAT:
        raise InputError(
            f"it has no key 'format' that says {FORMAT!r}; hwgen.importers.bnn_npz documents the keys of a plain .npz"
        )
    if fields.integer("version", 1, 1 << 30) != VERSION:
        raise InputError(
            f"its version is {fields.integer('version', 1, 1 << 30)}, and this program reads {VERSION}; update hwgen"
        )
    shape = fields.integers("image_shape", 3, 1, MAX_DIMENSION)
    if np.prod(shape, dtype=object) > MAX_ELEMENTS:
        raise InputError(f"image_shape {shape} has more than {MAX_ELEMENTS} elements")
    given: tuple[Step, ...] = (
        Multiply(fields.channels("input_scale", shape[0], 1.0)),
        Add(fields.channels("input_offset", shape[0], 0.0)),
    )
    chain = Chain(shape, np.float64, replace(input_range, given=given))
    layers = _layers(fields)
    for index, layer in enumerate(layers):
        kind = layer.text("type")
        if kind not in _LAYERS:
            raise InputError(f"layer{index}.type is {kind!r}; it is one of {', '.join(_LAYERS)}")
        layer.where = f"layer{index} ({kind})"
        _LAYERS[kind](chain, layer, layer.text("name", f"layer{index}"))
        layer.refuse_unknown()
    fields.refuse_unknown(_HEAD)
    labels = tuple(str(label) for label in fields.array("classes", np.zeros(0, "U1")).ravel())
    network = chain.network("the last layer", fields.text("name", name), labels)
    return network, tuple(chain.messages)


def _layers(fields: Fields) -> list[Fields]:
    """The keys ``layerN.KEY`` by layer; N runs from 0 without a gap."""
    found: dict[int, dict[str, np.ndarray]] = {}
    for key in list(fields.values):
        head, dot, rest = key.partition(".")
        number = head.removeprefix("layer")
        if dot and head.startswith("layer") and number.isdecimal() and len(number) <= 6 and str(int(number)) == number:
            found.setdefault(int(number), {})[rest] = fields.values.pop(key)
    if len(found) > MAX_LAYERS:
        raise InputError(f"the file has {len(found)} layers, and at most {MAX_LAYERS} are read")
    if sorted(found) != list(range(len(found))) or not found:
        gap = next(i for i in range(len(found) + 1) if i not in found)
        raise InputError(f"the file has no keys of layer{gap}; number the layers from 0 without a gap")
    return [Fields(found[i], f"layer{i}", f"layer{i}.") for i in range(len(found))]


def _weights(chain: Chain, layer: Fields, axes: int):
    """Signs, alpha and bias; latent weights are binarised, and a message says so."""
    weights = layer.numbers("weights")
    if weights.ndim != axes or weights.size > MAX_ELEMENTS:
        raise InputError(f"{layer.where}: weights have the shape {weights.shape}; they have {axes} axes")
    if not (np.abs(weights) == 1).all():
        _refuse_levels(layer, weights)
        chain.note_latent(weights)
    outputs = len(weights)
    alpha, bias = layer.channels("alpha", outputs, 1.0), layer.channels("bias", outputs, 0.0)
    return np.where(weights >= 0, np.int8(1), np.int8(-1)), alpha, bias


def _refuse_levels(layer: Fields, weights: np.ndarray):
    """Quantized weights are no latent ones: their sign is another network. Latent weights are never so few numbers."""
    if (weights == np.rint(weights)).all() and (weights == 0).any():
        levels = np.unique(weights)
        if levels.size <= MAX_LEVELS:
            shown = ", ".join(f"{level:g}" for level in levels)
            raise InputError(
                f"{layer.where}: weights are {shown}, not only -1 and +1; train with 1-bit weights, and store these"
            )


def _convolution(chain: Chain, layer: Fields, name: str):
    weights, alpha, bias = _weights(chain, layer, 4)
    stride = layer.integers("stride", 2, 1, MAX_DIMENSION, 1)
    chain.convolution(
        layer.where,
        name,
        weights,
        stride=stride,
        padding=layer.padding(),
        alpha=alpha,
        bias=bias,
        border=float(layer.integer("border", -1, 1, 0)),
    )


def _dense(chain: Chain, layer: Fields, name: str):
    weights, alpha, bias = _weights(chain, layer, 2)
    chain.dense(layer.where, name, weights, alpha=alpha, bias=bias)


def _batch_norm(chain: Chain, layer: Fields, name: str):
    channels = chain.shape[0]
    mean, variance = layer.channels("mean", channels), layer.channels("variance", channels)
    epsilon = layer.real("epsilon", 1e-5)
    if not (variance + epsilon > 0).all():
        raise InputError(f"{layer.where}: {layer.prefix}variance is negative or zero; check the training")
    gamma, beta = layer.channels("gamma", channels, 1.0), layer.channels("beta", channels, 0.0)
    chain.elementwise(layer.where, *plain_batch_norm(gamma, beta, mean, variance, epsilon, np.float64))


def _affine(chain: Chain, layer: Fields, name: str):
    channels = chain.shape[0]
    chain.elementwise(
        layer.where, Multiply(layer.channels("scale", channels, 1.0)), Add(layer.channels("offset", channels, 0.0))
    )


def _relu(chain: Chain, layer: Fields, name: str):
    chain.elementwise(layer.where, Clip(0.0, np.inf))


def _max_pool(chain: Chain, layer: Fields, name: str):
    window = layer.integers("window", 2, 1, MAX_DIMENSION)
    chain.max_pool(
        layer.where,
        name,
        window=window,
        stride=layer.integers("stride", 2, 1, MAX_DIMENSION, window),
        padding=layer.padding(),
    )


def _average_pool(chain: Chain, layer: Fields, name: str):
    window = layer.integers("window", 2, 1, MAX_DIMENSION, chain.shape[1:])
    stride = layer.integers("stride", 2, 1, MAX_DIMENSION, window)
    chain.sum_pool(layer.where, name, window=window, stride=stride, average=True)


def _flatten(chain: Chain, layer: Fields, name: str):
    order = layer.text("order")
    if order not in ("CHW", "HWC"):
        raise InputError(f"{layer.where}: {layer.prefix}order is {order!r}; it is 'CHW' or 'HWC'")
    chain.flatten(layer.where, name, order)


def _sign(chain: Chain, layer: Fields, name: str):
    zero = layer.integer("zero", -1, 1, 1)
    if not zero:
        raise InputError(f"{layer.where}: {layer.prefix}zero is 0, and a sign has two values; take -1 or +1")
    # The smallest number above 0 is the edge where 0 itself gives -1.
    edge = 0.0 if zero > 0 else np.nextafter(0.0, 1.0)
    chain.quantize(
        layer.where,
        name,
        Quantizer(0, 1, column(2, np.float64), column(-1, np.float64), edges=column(edge, np.float64)),
    )


def _uniform(chain: Chain, layer: Fields, name: str):
    bits = layer.integer("bits", 1, 12)
    scale = layer.real("scale")
    zero = layer.integer("zero_point", -(1 << 20), 1 << 20, 0)
    rounding = layer.text("rounding", "half_up")
    if scale <= 0:
        raise InputError(f"{layer.where}: {layer.prefix}scale is {scale:g}; it is above 0")
    if rounding not in ("half_up", "half_even"):
        raise InputError(f"{layer.where}: {layer.prefix}rounding is {rounding!r}; it is 'half_up' or 'half_even'")
    low = -(1 << (bits - 1)) if layer.integer("signed", 0, 1, 0) else 0
    high = low + (1 << bits) - 1
    step, point = column(scale, np.float64), column(zero, np.float64)
    level = Rounded(step, point, low, high, _half_up if rounding == "half_up" else np.rint)
    chain.quantize(layer.where, name, Quantizer(low, high, step, -step * zero, level))


def _half_up(x):
    return np.floor(x + 0.5)


def _thresholds(chain: Chain, layer: Fields, name: str):
    edges = layer.reals("thresholds")
    if (
        edges.ndim != 2
        or edges.shape[0] not in (1, chain.shape[0])
        or edges.shape[1] > 4095
        or (np.diff(edges) < 0).any()
    ):
        raise InputError(
            f"{layer.where}: {layer.prefix}thresholds have the shape {edges.shape}; they are (channels or 1, 1..4095), "
            "ascending"
        )
    scale, offset = layer.real("scale", 1.0), layer.real("offset", 0.0)
    if not scale:
        raise InputError(f"{layer.where}: {layer.prefix}scale is 0; it is another number")
    chain.quantize(
        layer.where,
        name,
        Quantizer(0, edges.shape[1], column(scale, np.float64), column(offset, np.float64), edges=edges),
    )


_LAYERS = {
    "convolution": _convolution,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "affine": _affine,
    "relu": _relu,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "flatten": _flatten,
    "sign": _sign,
    "uniform": _uniform,
    "thresholds": _thresholds,
}
