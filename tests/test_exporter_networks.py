"""Exported networks in the qonnx executor, every layer against the golden model, and read back by our own importer."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model

from hwgen import data, golden, models
from hwgen.errors import InputError
from hwgen.exporters import qonnx
from hwgen.importers.onnx import from_model
from hwgen.importers.pixels import InputRange
from hwgen.layers import LAYERS, Flatten
from rtl_tests.helpers import networks as rtl_networks
from tests.helpers.executor import compare_layers, execute, imported_again
from tests.helpers.networks import random_images, random_network

KINDS = set(LAYERS) - {"Argmax"}


@pytest.mark.parametrize("name", models.names())
def test_zoo(name):
    network = models.load(name).network
    images = data.load(models.card(name)["sample"], limit=3).images
    if images.ndim == 3:
        images = images[..., None]
    images = np.concatenate([images, np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)])
    model = qonnx.to_model(network)
    assert compare_layers(network, model, images).total() == len(network.layers) - 1
    found = imported_again(network, model, images)
    pairs = zip(network.layers, network.tensors, strict=False)
    one_pixel = [layer for layer, source in pairs if isinstance(layer, Flatten) and source.shape[1:] == (1, 1)]
    assert len(one_pixel) == (name == "cnv_random"), "what an importer takes for nothing"
    layers = [layer for layer in network.layers if layer not in one_pixel]
    assert found.digest == replace(network, layers=layers).digest


def test_number_of_zoo_models():
    assert len(models.names()) >= 6


def test_random_networks():
    compared, networks = Counter(), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        network = random_network(rng)
        images = random_images(rng, network, 4)
        images[0], images[1] = 0, 255
        model = qonnx.to_model(network)
        compared += compare_layers(network, model, images)
        imported_again(network, model, images)
        networks += 1
    assert networks == 60 and set(compared) == KINDS and min(compared.values()) >= 20, compared


def test_random_networks_of_the_array():
    compared, refused = Counter(), []
    for seed in range(60):
        network = rtl_networks.random_network(seed)
        images = rtl_networks.images_for(np.random.default_rng(seed), network, 4)
        try:
            model = qonnx.to_model(network)
        except InputError as error:
            assert "(ScaleBias): value * multiplier + bias may reach" in str(error)
            refused.append(seed)
            continue
        compared += compare_layers(network, model, images)
        imported_again(network, model, images)
        compared["pixels of fewer bits"] += network.image_type.bits < 8
    assert len(refused) == 5, refused
    assert set(compared) == KINDS | {"pixels of fewer bits"} and min(compared.values()) >= 20, compared


TRANSFORMATIONS = {
    "cleanup": cleanup_model,
    "types": lambda model: model.transform(InferShapes()).transform(InferDataTypes()),
    "layouts": lambda model: model.transform(InferShapes()).transform(InferDataLayouts()),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_transformations_of_qonnx_change_nothing(name):
    unchanged = 0
    for seed in range(12):
        rng = np.random.default_rng(100 + seed)
        network = random_network(rng)
        images = random_images(rng, network, 3)
        changed = TRANSFORMATIONS[name](ModelWrapper(qonnx.to_model(network)))
        result = golden.run(network, images)
        # Inferred types let a Pad have its input's type, whatever value it pads with: the executor warns of that.
        tensors = execute(changed, images, warn=name != "types")
        assert (tensors[changed.graph.output[0].name] == result.logits).all(), seed
        found, _ = from_model(changed.model, InputRange())
        assert (golden.run(found, images, keep=False).logits == result.logits).all(), seed
        unchanged += 1
    assert unchanged == 12
