"""A `Network` as standard QONNX, integers all the way: raw pixels 0..255 in, integer logits out.

The input is float32 (1, channels, height, width), as in all of QONNX, and holds raw pixels: 0..255, or less where the
network's pixels have fewer bits. An 8-bit `Quant` of scale 1 and the input's datatype say so in the file. The output
holds the logits; the class is the index of the largest, the lowest one on a tie. Each layer's output is the tensor
that has the layer's name (see `labels`), and every tensor is annotated with its integer type.

ONNX computes these integers in float32, which holds all of them to 2^24. A layer that may go beyond is refused; a
ScaleBias is written as thresholds then, or, where it gives the logits, in float64.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from ..errors import InputError
from ..integers import BIPOLAR, MAX_ACTIVATION_BITS, IntegerType, Range, unsigned
from ..layers import Convolution, Dense, Flatten, Lookup, MaxPool, ScaleBias, SumPool, Tensor, Threshold
from ..network import Network
from ..outputs import write_file
from .graph import Graph, type_name

IMAGE = "image"
EXACT = 1 << 24  # float32 holds every integer up to here
MAX_FILE_BYTES = 1 << 28  # what our own importer reads


def save(network: Network, path: str | os.PathLike) -> onnx.ModelProto:
    """Write `network` to `path`, whole or not at all, the same bytes for the same network; the model.

    Raises
    ------
    InputError : a layer that `to_model` refuses, a file that cannot be written, or one there that is not from here
    """
    path = Path(path)
    if path.exists() and not _is_export(path):
        raise InputError(f"{path} exists and was not written by `hwgen export`; name another file with -o")
    model = to_model(network)
    write_file(path, model.SerializeToString(deterministic=True))
    return model


def to_model(network: Network) -> onnx.ModelProto:
    """The QONNX model of `network`.

    Raises
    ------
    InputError : naming the layer, the reason and the mend, where float32 cannot hold the layer's integers
    """
    _check_size(network)
    names = labels(network)
    graph = Graph(network.tensors[0], IMAGE, names)
    bits = network.image_type.bits
    _quant(graph, graph.helper_name(IMAGE, "quant"), network.tensors[0], bits, signed=0, rounding="ROUND")
    for index, (layer, label) in enumerate(zip(network.layers, names, strict=False)):
        try:
            _NODES[type(layer)](graph, label, layer, network.tensors[index], network.tensors[index + 1])
        except ValueError as error:
            raise InputError(f"{network.describe(index)}: {error}") from None
        if graph.double and index < len(names) - 1:
            raise InputError(
                f"{network.describe(index)}: its output may go beyond {EXACT}, up to which the float32 of ONNX holds "
                "all integers, and only logits may; take smaller constants"
            )
    graph.as_vector(names[-1], network.logits)
    text = f"The input holds raw pixels 0..{network.image_type.maximum}, not scaled; the output holds the logits."
    return graph.model(network.name if network.name and network.name.isprintable() else "network", text)


def labels(network: Network) -> tuple[str, ...]:
    """Name of each layer but the final Argmax in the graph: its own, or else kind and index.

    Of layers that share a name the last one keeps it: an importer names a Flatten after the layer that it is for.
    """
    own = [layer.name for layer in network.layers[:-1]]
    result: list[str] = []
    for index, name in enumerate(own):
        if not name or not name.isprintable() or name == IMAGE or name in own[index + 1 :]:
            name = f"{type(network.layers[index]).__name__}_{index}"
            while name in own:
                name += "_"
        result.append(name)
    return tuple(result)


def _is_export(path):
    try:
        if not path.is_file() or path.stat().st_size > 2 * MAX_FILE_BYTES:
            return False
        return onnx.load(str(path), load_external_data=False).producer_name == "hwgen"
    except (DecodeError, OSError, ValueError):
        return False


def _check_size(network):
    size = sum(4 * v.size for layer in network.layers for v in vars(layer).values() if isinstance(v, np.ndarray))
    if size > MAX_FILE_BYTES:
        raise InputError(
            f"the file would have over {size} bytes, four for each weight, and at most {MAX_FILE_BYTES} are read "
            "again; export a smaller network"
        )


def _check_exact(what, largest, mend="use fewer bits or inputs"):
    if largest >= EXACT:
        raise ValueError(
            f"{what} may reach {largest}, and the float32 of ONNX holds all integers only up to {EXACT}; {mend}"
        )


def _check_sums(result):
    # Each partial sum lies within the range, too: 0 does, and a term more only moves towards an end.
    _check_exact("a sum", max(-result.range.minimum, result.range.maximum))


# Each function below appends the nodes of one layer; the last one and its tensor have the layer's label.


def _convolution(graph: Graph, label: str, layer: Convolution, source: Tensor, result: Tensor):
    _check_sums(result)
    graph.as_image(label, source)
    padding = layer.padding
    if layer.padded and layer.border:
        top, left, bottom, right = padding
        channels, height, width = source.shape
        extent = Range(min(source.range.minimum, layer.border), max(source.range.maximum, layer.border))
        shape = (channels, height + top + bottom, width + left + right)
        pads = graph.constant(f"{label}.pads", (0, 0, top, left, 0, 0, bottom, right), dtype=np.int64)
        border = graph.constant(f"{label}.border", layer.border)
        type = BIPOLAR if source.type == BIPOLAR else None
        graph.node("Pad", graph.helper_name(label, "pad"), Tensor(shape, extent, type), pads, border, mode="constant")
        padding = (0, 0, 0, 0)
    weights = graph.weights(f"{label}.weights", layer.weights)
    graph.node(
        "Conv", label, result, weights,
        kernel_shape=layer.kernel, strides=layer.stride, pads=padding, dilations=(1, 1), group=1,
    )  # fmt: skip


def _dense(graph: Graph, label: str, layer: Dense, source: Tensor, result: Tensor):
    _check_sums(result)
    graph.as_vector(label, source)
    graph.node("MatMul", label, result, graph.weights(f"{label}.weights", layer.weights.T))


def _max_pool(graph: Graph, label: str, layer: MaxPool, source: Tensor, result: Tensor):
    graph.as_image(label, source)
    name = label
    if layer.minimum.size:
        _turn(graph, graph.helper_name(label, "turn"), layer.minimum, source)
        name = graph.helper_name(label, "largest")
    turned = _turned(result) if layer.minimum.size else result
    graph.node("MaxPool", name, turned, kernel_shape=layer.window, strides=layer.stride, pads=layer.padding)
    if layer.minimum.size:
        _turn(graph, label, layer.minimum, result)


def _sum_pool(graph: Graph, label: str, layer: SumPool, source: Tensor, result: Tensor):
    """A sum for each channel alone: an AveragePool would divide, and round."""
    _check_sums(result)
    graph.as_image(label, source)
    ones = graph.constant(f"{label}.ones", np.ones((source.shape[0], 1, *layer.window)), unsigned(1))
    graph.node(
        "Conv", label, result, ones,
        kernel_shape=layer.window, strides=layer.stride, pads=(0, 0, 0, 0), dilations=(1, 1), group=source.shape[0],
    )  # fmt: skip


def _threshold(graph: Graph, label: str, layer: Threshold, source: Tensor, result: Tensor):
    _multi_threshold(graph, label, layer.thresholds, source.range, result, layer.output)


def _scale_bias(graph: Graph, label: str, layer: ScaleBias, source: Tensor, result: Tensor):
    """A product, a sum and a Quant that rounds down; thresholds or float64 where float32 does not hold the product."""
    extent = max(-source.range.minimum, source.range.maximum)
    largest = max(abs(int(m)) * extent + abs(int(b)) for m, b in zip(layer.multiplier, layer.bias, strict=True))
    results = Range(-largest >> layer.shift, largest >> layer.shift)
    saturates = results.minimum < layer.output.minimum or layer.output.maximum < results.maximum
    if largest < EXACT:
        _affine(graph, label, layer, result)
        _quant(graph, label, result, layer.output.bits, signed=int(layer.output.kind == "signed"), rounding="FLOOR")
    elif layer.output.bits <= MAX_ACTIVATION_BITS:
        falls, thresholds = layer.staircase()
        if falls.any():
            _turn(graph, graph.helper_name(label, "turn"), falls, source)
            source = _turned(source)
        _multi_threshold(graph, label, thresholds, source.range, result, layer.output)
    elif largest < 1 << 53 and not saturates:
        graph.as_vector(label, source)
        graph.as_double(label, source)
        _affine(graph, label, layer, result)
        graph.node("Floor", label, result)
    else:
        _check_exact("value * multiplier + bias", largest, "take smaller constants, or an output of at most 12 bits")


def _lookup(graph: Graph, label: str, layer: Lookup, source: Tensor, result: Tensor):
    """Thresholds on the pixel where the table rises, and else the table itself."""
    output = layer.output
    if (np.diff(layer.table, axis=1) >= 0).all() and output.bits <= MAX_ACTIVATION_BITS:
        levels = output.minimum + output.step * np.arange(1, 1 << output.bits)
        first = np.stack([np.searchsorted(row, levels) for row in layer.table])  # beyond the last pixel: never
        _multi_threshold(graph, label, first, source.range, result, layer.output)
        return
    _check_exact("its table", int(np.abs(layer.table).max()), "take a table of fewer bits")
    rows, entries = layer.table.shape
    if rows > 1:
        starts = graph.per_channel(f"{label}.starts", entries * np.arange(rows))
        row = Tensor(source.shape, Range(0, layer.table.size - 1), None)
        graph.node("Add", graph.helper_name(label, "row"), row, starts)
    index = Tensor(source.shape, Range(0, layer.table.size - 1), None)
    graph.node("Cast", graph.helper_name(label, "index"), index, to=onnx.TensorProto.INT64)
    table = graph.constant(f"{label}.table", layer.table.reshape(-1), output)
    graph.node("Gather", label, result, table, first=False, axis=0)


def _flatten(graph: Graph, label: str, layer: Flatten, source: Tensor, result: Tensor):
    if layer.order == "HWC" and not graph.flat:
        rows = Tensor((*source.shape[1:], source.shape[0]), source.range, source.type)
        graph.node("Transpose", graph.helper_name(label, "rows"), rows, perm=(0, 2, 3, 1))
    graph.flat = True
    graph.node("Flatten", label, result, axis=1)


# Nodes that several layers take.


def _multi_threshold(graph, label, thresholds, range_, result, output: IntegerType):
    # A threshold beyond the values fires always or never, as it does at their ends.
    thresholds = np.clip(thresholds, max(range_.minimum, -EXACT), min(range_.maximum + 1, EXACT))
    extent = Range(int(thresholds.min()), int(thresholds.max()))
    graph.node(
        "MultiThreshold", label, result, graph.constant(f"{label}.thresholds", thresholds, extent),
        out_dtype=type_name(output), out_scale=float(output.step), out_bias=float(output.minimum),
        data_layout="NC" if graph.flat else "NCHW",
    )  # fmt: skip


def _affine(graph, label, layer, result):
    """(value * multiplier + bias) / 2^shift."""
    for op, what, values in (("Mul", "product", layer.multiplier), ("Add", "sum", layer.bias)):
        constants = graph.per_channel(f"{label}.{what}.constants", values / 2.0**layer.shift)
        graph.node(op, graph.helper_name(label, what), result, constants, whole=False)


def _quant(graph, label, result, bits, *, signed, rounding):
    fields = [graph.constant(f"{label}.{key}", value) for key, value in (("scale", 1), ("zero", 0), ("bits", bits))]
    graph.node("Quant", label, result, *fields, signed=signed, narrow=0, rounding_mode=rounding)


def _turn(graph, name, channels, source):
    """Negate the marked channels."""
    signs = graph.per_channel(f"{name}.signs", np.where(channels, -1, 1), BIPOLAR)
    graph.node("Mul", name, _turned(source), signs)


def _turned(tensor):
    """What `_turn` gives: bipolar values stay bipolar, other ones become integers of either sign."""
    if tensor.type == BIPOLAR:
        return tensor
    extent = max(-tensor.range.minimum, tensor.range.maximum)
    return replace(tensor, range=Range(-extent, extent), type=None)


_NODES = {
    Convolution: _convolution,
    Dense: _dense,
    MaxPool: _max_pool,
    SumPool: _sum_pool,
    Threshold: _threshold,
    ScaleBias: _scale_bias,
    Lookup: _lookup,
    Flatten: _flatten,
}
