"""Reads an ONNX file into plain Python, safely: no external data, no pickle, bounded sizes, a proven order of nodes."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper

from ... import npz
from ...errors import InputError
from ...integers import PIXEL, IntegerType, unsigned
from ...layers import MAX_DIMENSION, MAX_ELEMENTS

MAX_FILE_BYTES = 1 << 28
MAX_NODES = 100_000
_INPUT_TYPES: dict[int, type] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.UINT8: np.float32,
}
_PIXEL_TYPES = {"BINARY": unsigned(1), **{f"UINT{bits}": unsigned(bits) for bits in range(1, 9)}}


@dataclass(frozen=True)
class Node:
    """One operator. `attributes` holds ints, floats, texts, lists of them and arrays."""

    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict

    def __str__(self):
        """How messages name a node: ``node 'Conv_3' (Conv)``."""
        return f"node {self.name!r} ({self.op})"


@dataclass(frozen=True)
class Graph:
    """A checked graph.

    Attributes
    ----------
    nodes : those that the outputs depend on, each after the nodes that it reads
    constants : initializers by name
    input, input_shape : name and shape of the image; a free batch axis is 1
    dtype : np.float32 or np.float64, what the graph computes in
    pixel_type : unsigned integers of at most 8 bits, where the input is declared so (ONNX type, or QONNX annotation)
    order : ``"NCHW"`` or ``"NHWC"``, where a QONNX annotation of the input says so
    outputs : names
    name : the graph's own
    """

    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray]
    input: str
    input_shape: tuple[int, ...]
    dtype: type
    pixel_type: IntegerType | None
    order: str | None
    outputs: tuple[str, ...]
    name: str


def read(path: Path) -> Graph:
    """The graph of an ONNX file.

    Raises
    ------
    InputError : no such file, too large, no ONNX, external data, a cycle, a dangling input, dimensions out of bounds
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise InputError(f"the file has {size} bytes, and at most {MAX_FILE_BYTES} are read; export the network alone")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, ValueError, RecursionError, UnicodeDecodeError):
        raise InputError("this is no ONNX model, or a damaged one; export it again") from None
    return graph_of(model)


def graph_of(model: onnx.ModelProto) -> Graph:
    """The graph of a model in memory; errors as in `read`."""
    proto = model.graph
    if not proto.node:
        raise InputError("the file holds no ONNX graph, or an empty one; export the network again")
    if len(proto.node) > MAX_NODES:
        raise InputError(f"the graph has {len(proto.node)} nodes, and at most {MAX_NODES} are read")
    if proto.sparse_initializer:
        raise InputError("the graph has sparse initializers; export the weights as dense tensors")
    constants = {tensor.name: _array(tensor, f"initializer {tensor.name!r}") for tensor in proto.initializer}
    nodes = [_node(node, index) for index, node in enumerate(proto.node)]
    inputs = [value for value in proto.input if value.name not in constants]
    outputs = tuple(value.name for value in proto.output)
    if not outputs:
        raise InputError("the graph has no output; export the network again")
    ordered = _ordered(nodes, constants, {value.name for value in inputs}, outputs)
    used = {name for node in ordered for name in node.inputs}
    inputs = [value for value in inputs if value.name in used] or inputs
    if len(inputs) != 1:
        names = ", ".join(repr(value.name) for value in inputs) or "none"
        raise InputError(
            f"a network has one input, the image; this graph has {names}; export it with its parameters as initializers"
        )
    shape, kind = _input(inputs[0])
    notes = {
        entry.key: entry.value
        for note in proto.quantization_annotation
        if note.tensor_name == inputs[0].name
        for entry in note.quant_parameter_tensor_names
    }
    order = "".join(letter for letter in notes.get("tensor_layout", "") if letter.isalpha())
    return Graph(
        nodes=ordered,
        constants=constants,
        input=inputs[0].name,
        input_shape=shape,
        dtype=_INPUT_TYPES[kind],
        pixel_type=PIXEL if kind == TensorProto.UINT8 else _PIXEL_TYPES.get(notes.get("finn_datatype", "")),
        order=order if order in ("NCHW", "NHWC") and len(shape) == 4 else None,
        outputs=outputs,
        name=proto.name,
    )


def _array(tensor: TensorProto, where: str) -> np.ndarray:
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise InputError(f"{where} lies in another file; save the model with its weights inside")
    if any(not 0 <= n <= MAX_ELEMENTS for n in tensor.dims) or np.prod(tensor.dims, dtype=object) > MAX_ELEMENTS:
        raise InputError(f"{where} has the shape {list(tensor.dims)[:8]}, and at most {MAX_ELEMENTS} elements are read")
    if tensor.data_type in (TensorProto.STRING, TensorProto.UNDEFINED):
        raise InputError(f"{where} holds no numbers")
    stored = tensor.ByteSize()
    # A packed 4-bit integer is the smallest element there is: a shape beyond the stored bytes is refused unallocated.
    if np.prod(tensor.dims, dtype=object) > 8 * stored:
        raise InputError(f"{where} has the shape {list(tensor.dims)} and only {stored} bytes; the file is damaged")
    try:
        array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, NotImplementedError):
        raise InputError(
            f"{where} does not hold what its shape {list(tensor.dims)} says; the file is damaged"
        ) from None
    if array.dtype.kind not in "iufb":
        raise InputError(f"{where} holds {array.dtype}, not real numbers")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise InputError(f"{where} holds a value that is not a number (NaN); check the training and export again")
    return array


def _node(proto: onnx.NodeProto, index: int) -> Node:
    name = proto.name or (proto.output[0] if proto.output else "") or str(index)
    op = npz.one_line(proto.op_type)
    where = f"node {name[:100]!r} ({op})"
    attributes = {}
    for attribute in proto.attribute:
        if attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
            raise InputError(
                f"{where}: it holds a graph of its own (control flow); export the network without branches and loops"
            )
        if attribute.type == onnx.AttributeProto.TENSOR:
            attributes[attribute.name] = _array(attribute.t, f"{where}: attribute {attribute.name!r}")
            continue
        try:
            value = onnx.helper.get_attribute_value(attribute)
        except ValueError:
            raise InputError(f"{where}: attribute {attribute.name!r} cannot be read; the file is damaged") from None
        if isinstance(value, float) and np.isnan(value):
            raise InputError(f"{where}: attribute {attribute.name!r} is not a number (NaN); export the network again")
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, int | float | str | Sequence):
            raise InputError(f"{where}: attribute {attribute.name!r} is no number, text or list; the file is damaged")
        attributes[attribute.name] = list(value) if not isinstance(value, int | float | str) else value
    return Node(name[:100], op, npz.one_line(proto.domain), tuple(proto.input), tuple(proto.output), attributes)


def _ordered(nodes, constants, inputs, outputs) -> tuple[Node, ...]:
    """The nodes that `outputs` depend on, in an order in which each comes after what it reads (Kahn, 1962)."""
    producer: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in filter(None, node.outputs):
            if name in producer or name in constants or name in inputs:
                raise InputError(f"{node}: it writes {name!r}, which is written already; the file is damaged")
            producer[name] = index
    live: set[int] = set()
    pending = [(name, "the graph's output list") for name in outputs]
    while pending:
        name, reader = pending.pop()
        if name not in producer:
            if name not in constants and name not in inputs:
                raise InputError(f"{reader}: it reads {name!r}, which nothing gives; the file is damaged")
            continue
        if producer[name] not in live:
            live.add(producer[name])
            node = nodes[producer[name]]
            pending += [(read, str(node)) for read in node.inputs if read]
    missing = {i: len({producer[n] for n in nodes[i].inputs if n in producer}) for i in live}
    readers: dict[int, set[int]] = {}
    for i in live:
        for n in nodes[i].inputs:
            if n in producer:
                readers.setdefault(producer[n], set()).add(i)
    ready = deque(sorted(i for i in live if not missing[i]))
    order = []
    while ready:
        i = ready.popleft()
        order.append(nodes[i])
        for reader in sorted(readers.get(i, ())):
            missing[reader] -= 1
            if not missing[reader]:
                ready.append(reader)
    if len(order) < len(live):
        stuck = nodes[min(i for i in live if missing[i])]
        raise InputError(f"{stuck}: it waits for its own result (a cycle); the network must be a chain")
    return tuple(order)


def _input(value) -> tuple[tuple[int, ...], int]:
    where = f"input {value.name!r}"
    tensor = value.type.tensor_type
    if tensor.elem_type not in _INPUT_TYPES:
        known = {number: name for name, number in TensorProto.DataType.items()}
        kind = known.get(tensor.elem_type, "an unknown type")
        raise InputError(f"{where}: it holds {kind}; an image is FLOAT or UINT8")
    if not tensor.HasField("shape") or not 2 <= len(tensor.shape.dim) <= 4:
        raise InputError(
            f"{where}: it has {len(tensor.shape.dim)} axes; an image has four, (N, C, H, W), or two, (N, features)"
        )
    shape = [d.dim_value for d in tensor.shape.dim]
    if shape[0] <= 0:
        shape[0] = 1
    for axis, size in enumerate(shape):
        if not 1 <= size <= MAX_DIMENSION:
            said = size if size else tensor.shape.dim[axis].dim_param or "open"
            raise InputError(
                f"{where}: axis {axis} is {said}, not a number 1..{MAX_DIMENSION}; export with a fixed image size"
            )
    if np.prod(shape, dtype=object) > MAX_ELEMENTS:
        raise InputError(f"{where}: the shape {shape} has more than {MAX_ELEMENTS} elements")
    return tuple(shape), tensor.elem_type
