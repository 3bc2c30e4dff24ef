"""Torch's integer evaluation, the importer and the golden model: the same integers at every layer."""

import numpy as np
import pytest
import torch

from hwgen import golden, importers
from hwgen.layers import Argmax, Convolution, Dense, MaxPool, Threshold
from hwgen.training.build import build
from hwgen.training.evaluate import evaluate
from hwgen.training.export import save, to_dictionary, to_network
from hwgen.training.loop import Trainer
from hwgen.training.norms import BatchNorm


def assert_layers_equal(model, network, images):
    """Every accumulator, pooled sum, activation and class of torch is golden's, for every image; how many layers."""
    ours, theirs = golden.run(network, images), evaluate(model, images)
    weights = {
        name: module.binary_weight for name, module in model.named_children() if hasattr(module, "binary_weight")
    }
    compared, turned = [], None
    for (name, expected), layer, output in zip(theirs.outputs.items(), network.layers, ours.outputs, strict=False):
        got = output.astype(np.int64).reshape(expected.shape)
        if isinstance(layer, (Convolution, Dense)):
            # A pass may turn a row of weights round where gamma is negative: its sums are then the negative ones.
            own = weights[name].detach().numpy().reshape(layer.weights.shape)
            turned = np.array([1 if np.array_equal(a, b) else -1 for a, b in zip(own, layer.weights, strict=True)])
            assert np.array_equal(own * turned.reshape(-1, *[1] * (own.ndim - 1)), layer.weights), name
        if isinstance(layer, (Convolution, Dense, MaxPool)) and turned is not None:
            got = got * turned.reshape(-1, *[1] * (got.ndim - 2))
        assert np.array_equal(got, expected), f"{name} differs at {(got != expected).sum()} of {got.size} values"
        compared.append(type(layer))
    assert np.array_equal(ours.classes, theirs.classes)
    assert len(theirs.outputs) == len(network.layers) - 1 and isinstance(network.layers[-1], Argmax)
    return compared


def built(recipe):
    return build(recipe.topology, recipe.method)


def randomise(model, generator):
    """Batch norms such as hard training may leave: negative and zero gamma, sums exactly on their threshold."""
    for module in model:
        if not isinstance(module, BatchNorm):
            continue
        count = module.num_features
        deviation = torch.rand(count, generator=generator) * 8 + 0.5
        module.running_mean = torch.randint(-9, 10, (count,), generator=generator).float()
        module.running_var = deviation**2
        module.weight.data = torch.randn(count, generator=generator)
        module.bias.data = torch.randn(count, generator=generator) / 2
        module.weight.data[0] = 0
        module.bias.data[1:3] = 0  # the threshold is the mean, an integer: a sum equals it often
        module.weight.data[1], module.weight.data[2] = 1.5, -1.5


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_networks_agree_at_every_layer(small_recipe, digits, bits, seed):
    torch.manual_seed(seed)
    model = built(small_recipe(method={"activation_bits": bits}))
    randomise(model, torch.Generator().manual_seed(seed))
    images = np.random.default_rng(seed).integers(0, 256, (40, 12, 12), np.uint8)
    images[:20] = digits[0][:: len(digits[0]) // 20][:20]
    images[0], images[1] = 0, 255
    network = to_network(model, (1, 12, 12), "random")
    compared = assert_layers_equal(model, network, images)
    assert compared.count(Threshold) == 3 and compared.count(MaxPool) == 2 and len(compared) == 10


@pytest.mark.parametrize("bits", [1, 3])
def test_trained_networks_agree_at_every_layer(small_recipe, digits, bits):
    images, labels = digits
    trainer = Trainer(small_recipe(method={"activation_bits": bits}, frozen=1), images, labels)
    while not trainer.finished:
        trainer.train_epoch()
    network = to_network(trainer.model, (1, 12, 12), "trained")
    assert len(assert_layers_equal(trainer.model, network, images)) == 10
    held = trainer.validation_indices
    assert (golden.run(network, images[held]).classes == labels[held]).mean() >= 0.8
    assert network.name == "trained" and network.layers[0].name == "conv0"


def test_the_comparison_sees_a_difference(small_recipe, digits):
    torch.manual_seed(1)
    model = built(small_recipe())
    randomise(model, torch.Generator().manual_seed(1))
    network = to_network(model, (1, 12, 12), "random")
    model.get_submodule("conv1_norm").get_parameter("bias").data[5] += 2
    with pytest.raises(AssertionError, match="conv1_activation differs"):
        assert_layers_equal(model, network, digits[0][:20])


def test_both_files_give_the_same_network(small_recipe, tmp_path):
    torch.manual_seed(4)
    model = built(small_recipe(method={"activation_bits": 2}))
    randomise(model, torch.Generator().manual_seed(4))
    for name in ("x.npz", "x.pt"):
        save(tmp_path / name, model, (1, 12, 12), "x")
    digests = {importers.load(tmp_path / name).network.digest for name in ("x.npz", "x.pt")}
    assert digests == {to_network(model, (1, 12, 12), "x").digest}
    with pytest.raises(ValueError, match="saved as .npz or .pt, not '.onnx'"):
        save(tmp_path / "x.onnx", model, (1, 12, 12), "x")


def test_dictionary_refuses_unknown_modules():
    with pytest.raises(TypeError, match="0: the exchange format has no layer for a ReLU"):
        to_dictionary(torch.nn.Sequential(torch.nn.ReLU()), (1, 2, 2), "x")
