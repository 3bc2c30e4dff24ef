"""Runs exported models in the qonnx executor and compares every layer with the golden model."""

import warnings
from collections import Counter

import numpy as np
import onnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.change_batchsize import ChangeBatchSize
from qonnx.transformation.infer_shapes import InferShapes

from hwgen import golden
from hwgen.exporters import qonnx
from hwgen.importers.onnx import from_model
from hwgen.importers.pixels import InputRange
from hwgen.network import Network


def execute(model: onnx.ModelProto | ModelWrapper, images: np.ndarray, *, warn: bool = True) -> dict[str, np.ndarray]:
    """Every tensor of the model for raw images (N, height, width, channels), from the qonnx executor.

    `warn`: fail where it warns of a value that a tensor's annotated type does not have.
    """
    wrapper = model if isinstance(model, ModelWrapper) else ModelWrapper(model, make_deepcopy=True)
    wrapper = wrapper.transform(ChangeBatchSize(len(images))).transform(InferShapes())
    pixels = np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if warn else "ignore")
        return execute_onnx(wrapper, {wrapper.graph.input[0].name: pixels}, return_full_exec_context=True)


def compare_layers(network: Network, model: onnx.ModelProto, images: np.ndarray) -> Counter:
    """Assert that the executor gives the golden model's integers in every layer; the kinds of layers compared."""
    tensors = execute(model, images)
    result = golden.run(network, images)
    names = qonnx.labels(network)
    assert len(set(names)) == len(names) == len(network.layers) - 1
    compared = Counter()
    for layer, name, expected in zip(network.layers[:-1], names, result.outputs[:-1], strict=True):
        found = tensors[name].reshape(expected.shape)
        assert (found == expected).all(), f"{name}: {layer}"
        compared[type(layer).__name__] += 1
    logits = tensors[model.graph.output[0].name]
    assert logits.shape == result.logits.shape and (logits == result.logits).all()
    assert (logits.argmax(axis=1) == result.classes).all()
    return compared


def imported_again(network: Network, model: onnx.ModelProto, images: np.ndarray) -> Network:
    """The network that our importer reads from `model`, after its logits and classes were found equal."""
    found, messages = from_model(model, InputRange())
    assert f"raw pixels 0..255, as its input is declared as {network.image_type.bits}-bit integers" in messages[0]
    assert (found.image_shape, found.image_type) == (network.image_shape, network.image_type)
    ours, theirs = golden.run(network, images, keep=False), golden.run(found, images, keep=False)
    assert (ours.logits == theirs.logits).all() and (ours.classes == theirs.classes).all()
    return found
