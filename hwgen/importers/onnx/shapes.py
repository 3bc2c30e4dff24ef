"""Operators that only re-arrange, and those that name the result."""

import numpy as np

from ...errors import InputError
from ..realfold import Whole
from .constants import axes_of, target_shape
from .reader import Node
from .walk import Walk

_FLOATS = {1: np.float32, 11: np.float64}


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
        raise InputError(
            f"{node}: it reshapes {walk.layout} of {list(walk.layout.shape)} to {shape}, which cuts an axis in parts; "
            "only joining axes and adding axes of size one is supported"
        )
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
    readers = [other for other in walk.graph.nodes if node.outputs[0] in other.inputs]
    if node.attributes.get("to") in (6, 7) and readers and all(other.op == "Gather" for other in readers):
        walk.elementwise(node, Whole(np.trunc))
        return
    if walk.stage == "class":
        return
    if node.attributes.get("to") not in _FLOATS:
        raise InputError(f"{node}: it casts to ONNX type {node.attributes.get('to')}, which rounds; use a Quant node")
    walk.chain.cast(str(node), _FLOATS[node.attributes["to"]])


def _softmax(walk: Walk, node: Node):
    walk.chain.messages.append(f"{node}: dropped, since it does not change which class is largest")
    walk.stage = "probabilities"


def _top(walk: Walk, node: Node):
    rank = len(walk.layout.dims)
    axis = int(node.attributes.get("axis", -1 if node.op == "TopK" else 0)) % rank
    if any(set(dim) - {"N"} for i, dim in enumerate(walk.layout.dims) if i != axis):
        raise InputError(
            f"{node}: it ranks along axis {axis} of {walk.layout}, which is not the one of the classes; use that"
        )
    if not node.attributes.get("largest", 1) or node.attributes.get("select_last_index", 0):
        raise InputError(f"{node}: it takes the smallest value or the last index; use the largest and the first")
    if node.op == "TopK":
        count = walk.optional(node, 1)
        count = int(node.attributes.get("k", 1)) if count is None else int(count.flat[0])
        if count > 1:
            walk.chain.messages.append(f"{node}: of the {count} best classes only the first is given")
    walk.stage = "class"


OPERATORS = {
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Identity": _nothing,
    "Dropout": _nothing,
    "Cast": _cast,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "TopK": _top,
    "ArgMax": _top,
}
