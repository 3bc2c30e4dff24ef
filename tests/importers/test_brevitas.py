"""Brevitas' own example networks (TFC, SFC, LFC, CNV), exported by Brevitas as it does today, against the executor."""

import numpy as np
import pytest
import torch

from hwgen import data
from hwgen.errors import InputError
from hwgen.exporters import qonnx
from hwgen.importers.onnx import from_model
from hwgen.importers.pixels import InputRange
from hwgen.layers import Lookup, Threshold

from .graphs import Options, compare_models
from .networks import bnn_pynq, exported, padded_with_average, randomise

MNIST, CIFAR = (1, 28, 28), (3, 32, 32)
NETWORKS = {  # image, activations
    **{f"{net}_{bits}": (MNIST, 4) for net in ("tfc", "sfc", "lfc") for bits in ("1w1a", "1w2a")},
    **{f"cnv_{bits}": (CIFAR, 9) for bits in ("1w1a", "1w2a")},
    "padded_1w2a": (CIFAR, 5),
}
TWO_BITS = ("tfc_2w2a", "sfc_2w2a", "cnv_2w2a")
# SFC and LFC are wider TFCs, and each export takes seconds.
SLOW = {"sfc_1w1a", "sfc_1w2a", "lfc_1w1a", "lfc_1w2a", "cnv_1w2a", "sfc_2w2a", "cnv_2w2a"}


def build(name, shape):
    torch.manual_seed(1)
    model = padded_with_average(2) if name == "padded_1w2a" else bnn_pynq(name)
    return randomise(model, shape, seed=2)


def marked(names):
    return [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in names]


@pytest.mark.parametrize("name", marked(NETWORKS))
def test_network(name, tmp_path):
    shape, activations = NETWORKS[name]
    graph = exported(build(name, shape), shape, tmp_path / "network.onnx")
    images = data.load("mnist-sample:test" if shape == MNIST else "cifar10-sample:test").images[:8]
    noise = np.random.default_rng(3).integers(0, 256, (4, *images.shape[1:]), np.uint8)
    network, messages, compared = compare_models(graph, graph, np.concatenate([images, noise]), Options())
    assert compared == activations == sum(isinstance(layer, Lookup | Threshold) for layer in network.layers)
    assert network.logits.shape == (10, 1, 1)
    assert any("0..1" in m for m in messages) and any("latent" in m for m in messages)
    assert from_model(qonnx.to_model(network), InputRange())[0].digest == network.digest, "exported, and read again"


@pytest.mark.parametrize("name", marked(TWO_BITS))
def test_two_bit_weights_are_refused(name, tmp_path):
    shape = CIFAR if name.startswith("cnv") else MNIST
    graph = exported(build(name, shape), shape, tmp_path / "network.onnx")
    with pytest.raises(InputError, match="quantized to 2 bits by .*, hold zeros, .*; train with 1-bit weights"):
        from_model(graph, InputRange())


def test_all_of_them():
    assert len(NETWORKS) == 9 and SLOW < {*NETWORKS, *TWO_BITS}
