"""What a network holds, as a table and as plain facts."""

from ..layers import Convolution, Dense, Flatten, MaxPool, ScaleBias, SumPool, Threshold
from ..network import Network
from .table import Table


def network_facts(network: Network) -> dict:
    """Everything that `layer_table` shows and more, ready for `json.dumps`."""
    return {
        "name": network.name,
        "digest": network.digest,
        "image_shape": list(network.image_shape),
        "image_type": str(network.image_type),
        "classes": network.logits.shape[0],
        "labels": list(network.classes),
        "macs": sum(network.macs(i) for i in range(len(network.layers))),
        "weight_bits": network.weight_bits,
        "layers": [_layer_facts(network, i) for i in range(len(network.layers))],
    }


def layer_table(network: Network) -> Table:
    """One row a layer."""
    rows = []
    for facts in network_facts(network)["layers"]:
        shape = "x".join(map(str, facts["shape"]))
        values = facts["type"] or f"{facts['range'][0]}..{facts['range'][1]}"
        head = [facts["index"], facts["kind"], facts["name"], facts["what"], shape, values]
        rows.append([*head, facts["macs"] or None, facts["weight_bits"] or None])
    whole = network_facts(network)
    image = f"{'x'.join(map(str, network.image_shape))} {network.image_type}"
    return Table(
        columns=["#", "layer", "name", "with", "gives CxHxW", "values", "MACs", "weight bits"],
        rows=rows,
        notes=[
            "",
            f"{network.name}: image {image}, {whole['classes']} classes, "
            f"{whole['macs']:,} MACs, {whole['weight_bits']:,} weight bits",
            f"digest {network.digest}",
        ],
    )


def _layer_facts(network, index):
    layer, tensor = network.layers[index], network.tensors[index + 1]
    return {
        "index": index,
        "kind": type(layer).__name__,
        "name": layer.name,
        "what": _what(layer),
        "shape": list(tensor.shape),
        "type": str(tensor.type) if tensor.type else None,
        "range": [tensor.range.minimum, tensor.range.maximum],
        "bits": tensor.type.bits if tensor.type else tensor.range.bits,
        "macs": network.macs(index),
        "weight_bits": layer.weights.size if isinstance(layer, (Convolution, Dense)) else 0,
    }


def _what(layer) -> str:
    """A layer's own figures in a few characters."""
    match layer:
        case Convolution():
            border = [f"border {layer.border:+d}"] if layer.padded and layer.border else []
            return ", ".join([*_window(layer.kernel, layer.stride, layer.padding), *border])
        case MaxPool():
            smallest = [f"smallest in {int(layer.minimum.sum())} channels"] if layer.minimum.size else []
            return ", ".join([*_window(layer.window, layer.stride, layer.padding), *smallest])
        case SumPool():
            return ", ".join(_window(layer.window, layer.stride, (0, 0, 0, 0)))
        case Threshold():
            return f"{layer.thresholds.shape[1]} per channel"
        case ScaleBias():
            return f"shift {layer.shift}"
        case Flatten():
            return layer.order
    return ""


def _window(size, stride, padding) -> list[str]:
    parts = [f"{size[0]}x{size[1]}"]
    if stride != (1, 1):
        parts.append(f"stride {stride[0]}x{stride[1]}")
    if any(padding):
        parts.append(f"pad {padding[0]}" if len(set(padding)) == 1 else f"pad {','.join(map(str, padding))}")
    return parts
