"""`Graph` puts a chain of ONNX nodes together: names, constants, and shape and type of every tensor."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..integers import BIPOLAR, IntegerType, Range
from ..layers import Tensor

QONNX = "qonnx.custom_op.general"
CUSTOM = {"BipolarQuant", "MultiThreshold", "Quant"}
OPSET = 11  # the one that the tools around QONNX prefer
IR_VERSION = 8


class Graph:
    """A chain of nodes under construction, for a batch of one image.

    Parameters
    ----------
    image : the input, named `image_name`
    names : of nodes and tensors to come, which no other one takes

    Attributes
    ----------
    current : name of the tensor that the next node reads
    flat : whether that tensor is (N, channels) and not (N, channels, height, width)
    double : whether it is float64
    """

    def __init__(self, image: Tensor, image_name: str, names: tuple[str, ...]):
        self.current = image_name
        self.flat = False
        self.double = False
        self._taken = {image_name, *names}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._values = [helper.make_tensor_value_info(image_name, TensorProto.FLOAT, (1, *image.shape))]
        self._notes: list[onnx.TensorAnnotation] = []
        self._note(image_name, finn_datatype=type_name(image.type or image.range), tensor_layout=list("NCHW"))

    def constant(self, name: str, values, type: IntegerType | Range | None = None, dtype: type | None = None) -> str:
        """An initializer; its name. `type`: what integers it holds, if it does; `dtype`: if not the tensors' own."""
        name = self._unique(name)
        dtype = dtype or (np.float64 if self.double else np.float32)
        self._constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        if type is not None:
            self._note(name, finn_datatype=type_name(type))
        return name

    def weights(self, name: str, values) -> str:
        """Weights of -1 and +1 behind a BipolarQuant; the name of its result."""
        raw = self.constant(f"{name}.values", values, BIPOLAR)
        result = self._unique(name)
        self._append("BipolarQuant", result, [raw, self.constant(f"{name}.scale", 1)], np.shape(values), BIPOLAR)
        return result

    def node(
        self, op: str, name: str, tensor: Tensor, *constants: str, first: bool = True, whole: bool = True, **attributes
    ) -> None:
        """Append `op` on the current tensor and on constants; `name` is that of the node and of what it gives.

        Parameters
        ----------
        tensor : what it gives; its shape without rows and columns if the chain is flat
        first : the current tensor comes first, and else last
        whole : it gives whole numbers
        """
        inputs = [self.current, *constants] if first else [*constants, self.current]
        shape = (1, tensor.shape[0]) if self.flat else (1, *tensor.shape)
        self._append(op, name, inputs, shape, (tensor.type or tensor.range) if whole else None, **attributes)
        self.current = name

    def helper_name(self, label: str, what: str) -> str:
        """Name of a node that stands before the one named `label`."""
        return self._unique(f"{label}.{what}")

    def per_channel(self, name: str, values, type: IntegerType | Range | None = None) -> str:
        """A constant with one value for each channel of the current tensor."""
        return self.constant(name, np.reshape(values, (1, -1) if self.flat else (1, -1, 1, 1)), type)

    def as_vector(self, label: str, tensor: Tensor) -> None:
        """Make the current tensor, one pixel, (N, channels)."""
        if not self.flat:
            self.flat = True
            self.node("Flatten", self.helper_name(label, "vector"), tensor, axis=1)

    def as_image(self, label: str, tensor: Tensor) -> None:
        """Make the current tensor (N, channels, height, width)."""
        if self.flat:
            self.flat = False
            shape = self.constant(f"{label}.shape", (0, *tensor.shape), dtype=np.int64)
            self.node("Reshape", self.helper_name(label, "image"), tensor, shape)

    def as_double(self, label: str, tensor: Tensor) -> None:
        """Make the current tensor float64, and those that follow."""
        self.double = True
        self.node("Cast", self.helper_name(label, "double"), tensor, to=TensorProto.DOUBLE)

    def model(self, name: str, text: str) -> onnx.ModelProto:
        """The model that gives the current tensor; `text` says what its input is."""
        values = {value.name: value for value in self._values}
        image, result = self._values[0], values.pop(self.current)
        del values[image.name]
        graph = helper.make_graph(
            self._nodes, name, [image], [result], self._constants, text, value_info=list(values.values())
        )
        graph.quantization_annotation.extend(self._notes)
        imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="hwgen")

    def _append(self, op, name, inputs, shape, type, **attributes):
        domain = QONNX if op in CUSTOM else ""
        self._nodes.append(helper.make_node(op, inputs, [name], name=name, domain=domain, **attributes))
        kind = attributes.get("to", TensorProto.DOUBLE if self.double else TensorProto.FLOAT)
        self._values.append(helper.make_tensor_value_info(name, kind, shape))
        if type is not None:
            self._note(name, finn_datatype=type_name(type))

    def _note(self, tensor, **entries):
        note = onnx.TensorAnnotation(tensor_name=tensor)
        for key, value in entries.items():
            note.quant_parameter_tensor_names.add(key=key, value=str(value))
        self._notes.append(note)

    def _unique(self, name):
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def type_name(type: IntegerType | Range) -> str:
    """What QONNX calls an integer type, or the smallest one that holds a range."""
    if type == BIPOLAR:
        return "BIPOLAR"
    if type.minimum < 0:
        return f"INT{type.bits}"
    bits = max(type.maximum.bit_length(), 1)
    return f"UINT{bits}" if bits > 1 else "BINARY"
