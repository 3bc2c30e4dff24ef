"""Networks of BNN-PYNQ, exported by Brevitas as it does today, against the executor."""

import numpy as np
import pytest
import torch

from hwgen import data

from .graphs import Options, compare_models
from .networks import cnv, exported, padded_with_average, randomise, tfc

NETWORKS = {
    "tfc_1w1a": (lambda: tfc(1), (1, 28, 28), 4),
    "tfc_1w2a": (lambda: tfc(2), (1, 28, 28), 4),
    "cnv_1w1a": (lambda: cnv(1, 8), (3, 32, 32), 9),
    "cnv_1w2a": (lambda: cnv(2, 8), (3, 32, 32), 9),
    "padded_1w2a": (lambda: padded_with_average(2), (3, 32, 32), 5),
}


# The exporter takes some ten seconds each time; the two that repeat the form of others are marked slow.
CASES = [pytest.param(name, marks=[pytest.mark.slow] if name in ("tfc_1w1a", "cnv_1w2a") else []) for name in NETWORKS]


@pytest.mark.parametrize("name", CASES)
def test_network(name, tmp_path):
    build, shape, activations = NETWORKS[name]
    torch.manual_seed(1)
    model = randomise(build(), shape, seed=2)
    graph = exported(model, shape, tmp_path / "network.onnx")
    images = data.load("mnist-sample:test" if shape[0] == 1 else "cifar10-sample:test").images[:8]
    noise = np.random.default_rng(3).integers(0, 256, (4, *images.shape[1:]), np.uint8)
    network, messages, compared = compare_models(graph, graph, np.concatenate([images, noise]), Options())
    assert compared == activations
    assert network.logits.shape == (10, 1, 1)
    assert any("0..1" in m for m in messages) and any("latent" in m for m in messages)
