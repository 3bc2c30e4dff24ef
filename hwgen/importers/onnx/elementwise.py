"""Operators that change each value alone, by constants for the tensor or for each channel."""

import numpy as np

from ...errors import InputError
from ..realfold import Add, Clip, Divide, Multiply, Power, Whole, column, onnx_batch_norm
from .reader import Node
from .walk import Walk


def column_of(walk, node, constant):
    return column(walk.vector(node, constant), walk.chain.dtype)


def _add(walk: Walk, node: Node):
    index = walk.moving_input(node)
    walk.elementwise(node, Add(column_of(walk, node, walk.constant(node, 1 - index, "constant"))))


def _subtract(walk: Walk, node: Node):
    index = walk.moving_input(node)
    constant = column_of(walk, node, walk.constant(node, 1 - index, "constant"))
    if index == 0:
        walk.elementwise(node, Add(-constant))
    else:
        walk.elementwise(node, Multiply(column(-1, walk.chain.dtype)), Add(constant))


def _multiply(walk: Walk, node: Node):
    index = walk.moving_input(node)
    walk.elementwise(node, Multiply(column_of(walk, node, walk.constant(node, 1 - index, "constant"))))


def _divide(walk: Walk, node: Node):
    if walk.moving_input(node) != 0:
        raise InputError(
            f"{node}: it divides a constant by the data, which is not monotone; use Mul or Div by a constant"
        )
    walk.elementwise(node, Divide(column_of(walk, node, walk.constant(node, 1, "divisor"))))


def _power(walk: Walk, node: Node):
    exponent = walk.constant(node, 1, "exponent") if walk.moving_input(node) == 0 else None
    if exponent is None or exponent.size != 1 or not np.isfinite(exponent).all():
        raise InputError(f"{node}: only a power with one constant exponent is supported; use one")
    if float(exponent.flat[0]) != 1:
        walk.elementwise(node, Power(float(exponent.flat[0])))


def _negate(walk: Walk, node: Node):
    walk.elementwise(node, Multiply(column(-1, walk.chain.dtype)))


def _relu(walk: Walk, node: Node):
    walk.elementwise(node, Clip(0.0, np.inf))


def _floor(walk: Walk, node: Node):
    walk.elementwise(node, Whole(np.floor))


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
    if not edges[0] <= edges[1]:
        raise InputError(f"{node}: it clips to {edges[0]:g}..{edges[1]:g}, which is empty")
    walk.elementwise(node, Clip(*edges))


def _batch_norm(walk: Walk, node: Node):
    walk.data_first(node)
    if "channels_last" in node.domain:
        walk.spatial(node, "NHWC")
    elif len(walk.layout.dims) == 4:
        walk.spatial(node)
    if node.attributes.get("training_mode", 0):
        raise InputError(f"{node}: it is in training mode; export the network in evaluation mode")
    dtype = walk.chain.dtype
    shape = (-1, *[1] * (0 if "channels_last" in node.domain else len(walk.layout.dims) - 2))
    gamma, beta, mean, variance = (
        walk.vector(node, walk.constant(node, i, what).reshape(shape))
        for i, what in ((1, "scale"), (2, "bias"), (3, "mean"), (4, "variance"))
    )
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    if not (variance + epsilon > 0).all():
        raise InputError(f"{node}: a variance is negative or zero; check the training and export again")
    walk.elementwise(node, *onnx_batch_norm(gamma, beta, mean, variance, epsilon, dtype))


OPERATORS = {
    "Add": _add,
    "Sub": _subtract,
    "Mul": _multiply,
    "Div": _divide,
    "Pow": _power,
    "Neg": _negate,
    "Relu": _relu,
    "Floor": _floor,
    "Clip": _clip,
    "BatchNormalization": _batch_norm,
}
