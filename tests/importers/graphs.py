"""Small ONNX graphs with random parameters, and the comparison of their import with the qonnx executor."""

import warnings
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from hwgen import data, golden
from hwgen.importers.onnx import from_model
from hwgen.importers.pixels import InputRange
from hwgen.layers import Convolution, Dense, Lookup, Threshold
from hwgen.network import Network

QONNX = "qonnx.custom_op.general"
CUSTOM = {
    "Quant",
    "IntQuant",
    "BipolarQuant",
    "MultiThreshold",
    "XnorPopcountMatMul",
    "Im2Col",
    "MaxPoolNHWC",
    "Trunc",
    "QuantAvgPool2d",
}


class GraphBuilder:
    """A chain of nodes; the same seed gives the same parameters for any batch size.

    `channels` follows the width of the current tensor, `fan_in` the size of the last sum: callers keep them right.
    """

    def __init__(self, shape, *, batch=1, seed=0, opset=11):
        self.random = np.random.default_rng(seed)
        self.batch = batch
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, np.ndarray] = {}
        self.values: list[onnx.ValueInfoProto] = []
        self.datatypes: dict[str, str] = {}  # FINN's annotations
        self.current = "image"
        self.shape = (batch, *shape)
        self.channels = shape[0]
        self.fan_in = 1.0
        self.opset = opset
        self.output_type = TensorProto.FLOAT

    def constant(self, value, dtype=np.float32) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers[name] = np.asarray(value, dtype)
        return name

    def node(self, op, *inputs, first=True, outputs=1, domain=None, shape=None, **attributes):
        """Append `op` on the current tensor and constants (arrays, or names of tensors).

        `shape`: of the result without the batch, where the executor cannot infer it (its channels-last operators).
        """
        names = [i if isinstance(i, str) else self.constant(i, np.asarray(i).dtype) for i in inputs]
        names = [self.current, *names] if first else [*names, self.current]
        results = [f"t{len(self.nodes)}" + (f"_{k}" if k else "") for k in range(outputs)]
        domain = (QONNX if op in CUSTOM else "") if domain is None else domain
        self.nodes.append(helper.make_node(op, names, results, name=f"n{len(self.nodes)}", domain=domain, **attributes))
        self.current = results[-1]
        if shape is not None:
            self.values.append(helper.make_tensor_value_info(self.current, TensorProto.FLOAT, (self.batch, *shape)))
        return self

    def side(self, op, *inputs, domain=None, **attributes) -> str:
        """A node on constants alone; its result's name."""
        names = [i if isinstance(i, str) else self.constant(i, np.asarray(i).dtype) for i in inputs]
        result = f"t{len(self.nodes)}"
        domain = (QONNX if op in CUSTOM else "") if domain is None else domain
        self.nodes.append(
            helper.make_node(op, names, [result], name=f"n{len(self.nodes)}", domain=domain, **attributes)
        )
        return result

    # What tests use often.

    def signs(self, *shape) -> np.ndarray:
        return self.random.choice(np.array([-1, 1], np.float32), shape)

    def conv(self, outputs, kernel=3, *, pads=0, strides=(1, 1), weights=None, bias=None, **attributes):
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        pads = [pads] * 4 if isinstance(pads, int) else list(pads)
        if weights is None:
            weights = self.signs(outputs, self.channels, *kernel)
        self.node(
            "Conv",
            weights,
            *([] if bias is None else [np.float32(bias)]),
            kernel_shape=list(kernel),
            pads=pads,
            strides=list(strides),
            **attributes,
        )
        self.fan_in = self.channels * kernel[0] * kernel[1]
        self.channels = outputs
        return self

    def dense(self, inputs, outputs, weights=None):
        self.node("MatMul", self.signs(inputs, outputs) if weights is None else weights)
        self.fan_in, self.channels = inputs, outputs
        return self

    def batch_norm(self, scale=1.0, *, zero=1, negative=True, epsilon=1e-5):
        """Statistics like those of sums of `fan_in` terms of size `scale`; some gammas negative, `zero` of them 0."""
        spread = scale * self.fan_in**0.5
        gamma = self.random.uniform(0.3, 2, self.channels)
        if negative:
            gamma *= self.random.choice([-1, 1], self.channels)
        gamma[: zero if self.channels > 2 else 0] = 0
        parameters = [
            gamma,
            self.random.normal(0, 0.7, self.channels),
            self.random.normal(0, spread * 0.6, self.channels),
            spread**2 * self.random.uniform(0.3, 2, self.channels),
        ]
        return self.node("BatchNormalization", *(np.float32(p) for p in parameters), epsilon=epsilon)

    def bipolar(self, scale=1.0):
        return self.node("BipolarQuant", np.float32(scale))

    def quant(self, bits, scale=0.5, zero=0.0, *, signed=0, narrow=0, rounding="ROUND", op="Quant"):
        return self.node(
            op,
            np.float32(scale),
            np.float32(zero),
            np.float32(bits),
            signed=signed,
            narrow=narrow,
            rounding_mode=rounding,
        )

    def relu(self):
        return self.node("Relu")

    def max_pool(self, window=2, stride=None, pads=0, **attributes):
        return self.node(
            "MaxPool", kernel_shape=[window] * 2, strides=[stride or window] * 2, pads=[pads] * 4, **attributes
        )

    def average_pool(self, window=2, stride=None):
        return self.node("AveragePool", kernel_shape=[window] * 2, strides=[stride or window] * 2)

    def reshape(self, *shape):
        return self.node("Reshape", np.asarray(shape, np.int64))

    def flat(self):
        return self.node("Flatten")

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "chain",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(self.current, self.output_type, None)],
            [numpy_helper.from_array(value, name) for name, value in self.initializers.items()],
            value_info=self.values,
        )
        for name, datatype in self.datatypes.items():
            note = graph.quantization_annotation.add(tensor_name=name)
            note.quant_parameter_tensor_names.add(key="finn_datatype", value=datatype)
        imports = [
            helper.make_opsetid("", self.opset),
            helper.make_opsetid(QONNX, 1),
            helper.make_opsetid("qonnx.custom_op.channels_last", self.opset),
        ]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)


def images_for(shape, count, seed) -> np.ndarray:
    """(count, height, width, channels) uint8: random pixels, images of one colour, and crops of real images."""
    channels, height, width = shape
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, height, width, channels), np.uint8)
    images[0], images[1] = 0, 255
    real = data.load("cifar10-sample:test" if channels == 3 else "mnist-sample:test").images
    if height <= real.shape[1] and width <= real.shape[2]:
        top, left = (real.shape[1] - height) // 2, (real.shape[2] - width) // 2
        crops = real[: count // 2, top : top + height, left : left + width, : 1 if channels != 3 else 3]
        images[2 : 2 + len(crops)] = np.broadcast_to(crops, (len(crops), height, width, channels))[: count - 2]
    return images


def execute(model: onnx.ModelProto, parts: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Every node's first result by name, from the qonnx executor, for the batches `parts` in one array."""
    names = [node.output[0] for node in model.graph.node]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapper = ModelWrapper(model).transform(InferShapes())
        runs = [execute_onnx(wrapper, {wrapper.graph.input[0].name: part}, True) for part in parts]
    results = {name: np.concatenate([run[name] for run in runs]) for name in names if np.ndim(runs[0][name])}
    for value in model.graph.output:
        results[value.name] = np.concatenate([run[value.name] for run in runs])
    return results


@dataclass
class Options:
    """How a comparison differs from the usual one.

    Attributes
    ----------
    pixels : what the graph reads for a pixel; `mean` and `std` further, one per channel
    input_range : the importer's option
    count, seed : of the images
    nhwc : the graph's image and activations are (N, H, W, C)
    exact_sums : compare the sums of linear layers too: the graph's own integers, or their negatives in a channel that
        was turned
    lookups : compare them (a graph that pads before its first quantizer has other shapes there)
    per_channel : the graph's activations have a scale per channel
    one_by_one : run the executor on one image at a time; its Im2Col mixes up the images of a batch
    """

    pixels: str = "0..1"
    mean: tuple | None = None
    std: tuple | None = None
    input_range: str = "auto"
    count: int = 24
    seed: int = 0
    nhwc: bool = False
    exact_sums: bool = False
    lookups: bool = True
    per_channel: bool = False
    one_by_one: bool = False


def compare(build, shape, **options) -> tuple[Network, tuple[str, ...], int]:
    """`compare_models` of build(batch), which gives a `GraphBuilder`, and of random and real images of `shape`."""
    chosen = Options(**options)
    model = build(1 if chosen.one_by_one else chosen.count).model()
    return compare_models(build(1).model(), model, images_for(shape, chosen.count, chosen.seed), chosen)


def compare_models(model, executed, images, options: Options) -> tuple[Network, tuple[str, ...], int]:
    """Import `model`, run `executed` (the same for a batch) in the qonnx executor on the same images, and compare.

    Every Threshold and Lookup that has the name of a node is compared with the node's output: the reals are one
    positive multiple of the integers (plus one offset). The classes are always compared.

    Returns the network, the messages and the number of tensors compared.
    """
    network, messages = from_model(model, InputRange(options.input_range, options.mean, options.std))
    result = golden.run(network, images)
    tensors = run_images(executed, images, options)
    outputs = {node.name: node.output[0] for node in executed.graph.node}
    compared = 0
    for layer, integers in zip(network.layers, result.outputs, strict=True):
        if layer.name not in outputs or not isinstance(layer, Threshold | Lookup | Convolution | Dense):
            continue
        if (
            isinstance(layer, Lookup)
            and not options.lookups
            or isinstance(layer, Convolution | Dense)
            and not options.exact_sums
        ):
            continue
        real = tensors[outputs[layer.name]].astype(np.float64)
        integers = integers.astype(np.int64)
        if real.ndim == 4 and (options.nhwc or real.shape != integers.shape):
            real = real.transpose(0, 3, 1, 2)
        real = real.reshape(integers.shape)
        if isinstance(layer, Threshold | Lookup):
            for channel in range(integers.shape[1]) if options.per_channel else [slice(None)]:
                assert_one_scale(real[:, channel], integers[:, channel], layer.name)
        else:
            turned = np.where((real == integers).all(axis=(0, 2, 3)), 1, -1).reshape(1, -1, 1, 1)
            assert (real == integers * turned).all(), layer.name
        compared += 1
    final = tensors[executed.graph.output[0].name].reshape(len(images), -1)
    classes = final[:, 0] if final.dtype == np.int64 else final.argmax(axis=1)
    wrong = np.flatnonzero(classes != result.classes)
    assert wrong.size == 0, f"classes differ for images {wrong.tolist()} (seed {options.seed})"
    assert len(classes) == len(images)
    return network, messages, compared


def run_images(model, images, options: Options) -> dict[str, np.ndarray]:
    """Every tensor of the graph for all images (N, height, width, channels), in batches of the graph's size."""
    tensor = images.transpose(0, 3, 1, 2).astype(np.float32)
    if options.pixels != "0..255":
        tensor = tensor / np.float32(255)
    if options.pixels == "-1..1":
        tensor = (tensor - np.float32(0.5)) / np.float32(0.5)
    if options.mean is not None:
        tensor = (tensor - np.float32(options.mean).reshape(1, -1, 1, 1)) / np.float32(options.std).reshape(1, -1, 1, 1)
    if options.nhwc:
        tensor = tensor.transpose(0, 2, 3, 1)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    parts = np.split(np.ascontiguousarray(tensor.reshape(len(images), *shape[1:])), len(images) // shape[0])
    return execute(model, parts)


def assert_one_scale(real, integers, name):
    """real == scale * integers + offset with one scale > 0: each integer has one real, at equal distances."""
    values = np.unique(integers)
    reals = np.array([real[integers == v][0] for v in values])
    for value, number in zip(values, reals, strict=True):
        assert (real[integers == value] == number).all(), f"{name}: the integer {value} stands for several reals"
    if len(values) > 1:
        scale = (reals[-1] - reals[0]) / (values[-1] - values[0])
        assert scale > 0, name
        steps = (reals - reals[0]) / scale
        assert (np.rint(steps) == values - values[0]).all() and np.abs(steps - np.rint(steps)).max() < 0.01, name
        offset = 2 * (reals[0] / scale - values[0])
        assert abs(offset - np.rint(offset)) < 0.01, f"{name}: the integers are off by {offset / 2}"
