"""Follows a graph from its image to its logits and tells a `Chain` what it meets."""

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..chain import Chain
from ..pixels import InputRange
from ..realfold import Step
from .constants import fold
from .layout import Layout
from .reader import Graph, Node

DOMAINS = (
    "",
    "ai.onnx",
    "qonnx.custom_op.general",
    "qonnx.custom_op.channels_last",
    "onnx.brevitas",
    "finn",
    "finn.custom_op.general",
)
# What may still happen to logits after Softmax, and to a class index.
_HARMLESS = {"Identity", "Dropout", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Transpose"}


@dataclass(frozen=True)
class Windows:
    """What Im2Col leaves for the MatMul after it."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]


class Walk:
    """State of one import.

    Attributes
    ----------
    chain : what the network is so far
    layout : of the tensor that the chain stands at
    windows : set between an Im2Col and its MatMul
    stage : ``"values"``, ``"probabilities"`` after a Softmax, ``"class"`` after TopK or ArgMax
    """

    def __init__(self, graph: Graph, input_range: InputRange):
        self.graph = graph
        self.constants = dict(graph.constants)
        self.stage = "values"
        self.windows: Windows | None = None
        self.wide: dict[str, str] = {}  # constants that a quantizer of two bits or more made, and how
        image_shape, self.layout, message = _image(graph)
        self.chain = Chain(image_shape, graph.dtype, input_range)
        if message:
            self.chain.messages.append(message)

    def run(self, handlers) -> Chain:
        """Handle every node with handlers[op](walk, node)."""
        live = {self.graph.input}
        for node in self.graph.nodes:
            read = [name for name in node.inputs if name]
            moving = [name for name in read if name not in self.constants]
            if not moving:
                self._fold(node)
                continue
            if node.op == "Shape":
                self.constants[node.outputs[0]] = np.asarray(self.layout_of(node, live).shape, np.int64)
                continue
            if len(moving) > 1:
                raise InputError(
                    f"{node}: it joins two branches of the network ({', '.join(map(repr, moving))}); residual and "
                    "branching networks are not supported, use a chain"
                )
            if moving[0] not in live:
                raise InputError(
                    f"{node}: it reads {moving[0]!r}, which an earlier node has taken (a branch); branching networks "
                    "are not supported, use a chain"
                )
            if node.domain not in DOMAINS or node.op not in handlers:
                operator = f"{node.domain}.{node.op}" if node.domain not in DOMAINS else node.op
                raise InputError(
                    f"{node}: the operator {operator} is not supported; replace it by supported ones (an activation by "
                    "BipolarQuant, Quant or MultiThreshold)"
                )
            if self.stage != "values" and node.op not in _HARMLESS | {"TopK", "ArgMax"}:
                raise InputError(f"{node}: it follows the network's result (its {self.stage}); remove it")
            if self.windows is not None and node.op != "MatMul":
                raise InputError(f"{node}: only a MatMul can follow an Im2Col")
            try:
                handlers[node.op](self, node)
            except InputError:
                raise
            except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
                # A malformed node has as many ways to be wrong as it has attributes: of another type, length or size.
                raise InputError(
                    f"{node}: its attributes or constants do not fit the operator ({str(error)[:120]})"
                ) from None
            live = {name for name in node.outputs if name}
        return self.chain

    def layout_of(self, node, live) -> Layout:
        if node.inputs[0] not in live:
            raise InputError(
                f"{node}: it takes the shape of {node.inputs[0]!r}, a tensor of earlier on; run shape inference "
                "with constant folding (onnx-simplifier) first"
            )
        return self.layout

    def _fold(self, node):
        arrays = [self.constants[name] if name else None for name in node.inputs]
        self.constants[node.outputs[0]] = fold(node, arrays)
        described = [self.wide[name] for name in node.inputs if name in self.wide]
        if node.op in ("Quant", "IntQuant") and arrays[3] is not None:
            bits = float(np.asarray(arrays[3]).flat[0])
            described = [f"quantized to {bits:g} bits by {node}"] if bits > 1 else []
        weights = arrays[0] if arrays else None
        if (
            node.op in ("Quant", "IntQuant", "BipolarQuant")
            and not described
            and weights is not None
            and weights.size > 1
        ):
            if (np.abs(weights) != np.abs(weights.flat[0])).any():
                self.chain.note_latent(weights)
        if described:
            self.wide[node.outputs[0]] = described[0]

    # What handlers use.

    def moving_input(self, node: Node) -> int:
        """Index of the input that is not constant."""
        return next(i for i, name in enumerate(node.inputs) if name and name not in self.constants)

    def constant(self, node: Node, index: int, what: str) -> np.ndarray:
        """A constant input, or InputError."""
        value = self.optional(node, index)
        if value is None:
            raise InputError(
                f"{node}: its {what} (input {index}) is missing or no constant; export it as an initializer"
            )
        return value

    def optional(self, node: Node, index: int) -> np.ndarray | None:
        """A constant input, or None where the node has none."""
        return self.constants.get(node.inputs[index]) if index < len(node.inputs) and node.inputs[index] else None

    def data_first(self, node: Node):
        """Check that the tensor comes in as input 0."""
        if self.moving_input(node) != 0:
            raise InputError(f"{node}: its first input is a constant and its data comes second; swap them")

    def vector(self, node: Node, constant: np.ndarray) -> np.ndarray:
        """A constant as one value or one per channel; a flattened tensor becomes a vector of features for that."""
        vector = self.layout.per_channel(constant, str(node))
        if vector is None:
            self.flatten(node)
            vector = self.layout.per_channel(constant, str(node))
            assert vector is not None
        return vector

    def elementwise(self, node: Node, *steps: Step):
        self.chain.elementwise(str(node), *steps)

    def flatten(self, node: Node):
        """Make the channels, rows and columns of the layout's last dimension the channels of a vector."""
        order = self.layout.flat_order
        if order is None or sum(1 for dim in self.layout.dims if set(dim) - {"N"}) > 1:
            raise InputError(
                f"{node}: it needs a flat input (N, features), but gets {self.layout}; put a Flatten of "
                "(N, C, H, W) or (N, H, W, C) before it"
            )
        position = next((i for i, dim in enumerate(self.layout.dims) if set(dim) - {"N"}), len(self.layout.dims) - 1)
        self.chain.flatten(str(node), node.name, order)
        sizes = self.sizes()
        dims = list(self.layout.dims)
        dims[position] = tuple(letter for letter in dims[position] if letter == "N") + (
            ("C",) if sizes["C"] > 1 else ()
        )
        self.layout = Layout(tuple(dims), sizes)

    def sizes(self) -> dict[str, int]:
        """Sizes of N, C, H and W now."""
        return {"N": self.layout.sizes["N"], **dict(zip("CHW", self.chain.shape, strict=True))}

    def spatial(self, node: Node, order: str = "NCHW"):
        """Check that the layout is `order`; features flattened into the channel axis become channels."""
        channel = order.index("C")
        if (
            len(self.layout.dims) == 4
            and set(self.layout.dims[channel]) & {"H", "W"}
            and not any(set(dim) - {"N"} for i, dim in enumerate(self.layout.dims) if i != channel)
        ):
            self.flatten(node)
        if not self.layout.is_order(order):
            raise InputError(
                f"{node}: it works on ({', '.join(order)}), but its input is {self.layout}; put a Transpose or "
                "Reshape before it"
            )

    def update(self, order: str):
        """After an operation on (N, C, H, W) in `order`: the same order, the new sizes."""
        self.layout = Layout.of(order, self.sizes())

    def binary(self, node: Node, index: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signs and magnitudes (one per output, axis 0) of real weights, or InputError where they are not binary."""
        if weights.dtype.kind not in "f":
            weights = weights.astype(np.float64)
        flat = np.abs(weights.reshape(len(weights), -1))
        if not weights.size or not np.isfinite(flat).all():
            raise InputError(f"{node}: its weights {node.inputs[index]!r} are empty or not finite; check the training")
        alpha = flat.max(axis=1)
        if (flat != alpha[:, None]).any() or not alpha.all():
            how = self.wide.get(node.inputs[index])
            held = "zeros" if (weights == 0).any() else f"{np.unique(weights).size} values"
            raise InputError(
                f"{node}: its weights {node.inputs[index]!r}{f', {how},' if how else ''} hold {held}, not -alpha or "
                "+alpha for each output; train with 1-bit weights, or put a BipolarQuant on them"
            )
        return np.where(weights > 0, 1, -1).astype(np.int8), alpha


def _image(graph: Graph) -> tuple[tuple[int, int, int], Layout, str]:
    """(channels, height, width) of the input, its layout, and a message where the shape was a guess."""
    shape = graph.input_shape
    batch = shape[0]
    if len(shape) == 4:
        order = graph.order or ("NHWC" if shape[3] in (1, 3) and shape[1] not in (1, 3) else "NCHW")
        sizes = dict(zip(order, shape, strict=True))
        return (sizes["C"], sizes["H"], sizes["W"]), Layout.of(order, sizes), ""
    if len(shape) == 3:
        sizes = {"N": batch, "C": 1, "H": shape[1], "W": shape[2]}
        return (1, shape[1], shape[2]), Layout.of("NHW", sizes), ""
    image = _image_of_features(graph, shape[1])
    layout = Layout.of("NCHW", {"N": batch, **dict(zip("CHW", image, strict=True))}).reshaped(shape)
    assert layout is not None
    text = f"input: {shape[1]} features are taken as an image of {'x'.join(map(str, image))} (channels, height, width)"
    return image, layout, text


def _image_of_features(graph: Graph, features: int) -> tuple[int, int, int]:
    """The image shape that a first Reshape gives a flat input; else a square of one or three channels, or a row."""
    for node in graph.nodes:
        if node.op != "Reshape" or graph.input not in node.inputs:
            continue
        target = next((graph.constants[name].ravel() for name in node.inputs if name in graph.constants), np.zeros(0))
        if target.size == 4 and (target[1:] > 0).all() and np.prod(target[1:], dtype=object) == features:
            return int(target[1]), int(target[2]), int(target[3])
    for channels in (1, 3):
        side = round((features / channels) ** 0.5)
        if channels * side * side == features:
            return channels, side, side
    return 1, 1, features
