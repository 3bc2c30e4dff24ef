"""Every method: it learns, goes on from a checkpoint bit for bit, and torch, golden and exported QONNX agree on all."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from hwgen import golden
from hwgen.errors import InputError
from hwgen.exporters import qonnx
from hwgen.topology import READY, ResNet
from hwgen.training.build import build
from hwgen.training.export import to_network
from hwgen.training.loop import Trainer
from hwgen.training.method import Method
from hwgen.training.run import publish
from tests.helpers.executor import compare_layers
from tests.helpers.networks import WEIGHT_BITS
from tests.training.test_export import assert_layers_equal

METHODS = {
    "BinaryConnect": {"weights": "sign", "activation_bits": 8},
    "BinaryConnect, stochastic": {"weights": "stochastic", "activation_bits": 4},
    "BNN": {},
    "BNN with shift norm": {"norm": "shift"},
    "XNOR-Net": {"weights": "scaled"},
    "learned step": {"activation_bits": 2, "step": "learned"},
    "learned step, shift norm, scaled": {
        "activation_bits": 3, "step": "learned", "norm": "shift", "weights": "scaled",
    },
    "1-bit pixels": {"input_bits": 1},
}  # fmt: skip


def trained(recipe, digits):
    trainer = Trainer(recipe, *digits, device="cpu")
    while not trainer.finished:
        trainer.train_epoch()
    return trainer


@pytest.mark.parametrize("name", METHODS)
def test_method(name, small_recipe, digits, tmp_path):
    loss = {"loss": "squared_hinge"} if name.startswith("BinaryConnect") else {}
    recipe = small_recipe(method=METHODS[name], epochs=6, **loss)
    trainer = trained(recipe, digits)
    assert trainer.curve[-1]["loss"] < trainer.curve[0]["loss"] * 0.7, trainer.curve
    network = to_network(trainer.model, (1, 12, 12), "trained")
    compared = assert_layers_equal(trainer.model, network, digits[0])
    assert len(compared) == 10 + ("input_bits" in METHODS[name])
    held = trainer.validation_indices
    assert (golden.run(network, digits[0][held]).classes == digits[1][held]).mean() >= 0.8
    images = digits[0][..., None]
    assert compare_layers(network, qonnx.to_model(network), images).total() == len(network.layers) - 1

    cut = Trainer(recipe, *digits, device="cpu")
    cut.train_epoch()
    cut.save(tmp_path / "checkpoint.pt")
    resumed = Trainer(recipe, *digits, device="cpu")
    resumed.load(tmp_path / "checkpoint.pt")
    while not resumed.finished:
        resumed.train_epoch()
    assert to_network(resumed.model, (1, 12, 12), "resumed").digest == network.digest


def test_methods_differ(small_recipe, digits):
    """A key of [method] that had no effect would pass every test above."""
    digests = {
        to_network(trained(small_recipe(method=keys, epochs=1), digits).model, (1, 12, 12), "n").digest
        for keys in METHODS.values()
    }
    assert len(digests) == len(METHODS)


def test_names():
    names = [Method(**keys).name for keys in METHODS.values()]
    assert names == [
        "BinaryConnect, 8-bit activations",
        "BinaryConnect, stochastic, 4-bit activations",
        "BNN",
        "BNN, shift-based batch norm",
        "XNOR-Net",
        "BinaryConnect, 2-bit activations with learned steps",
        "XNOR-Net, 3-bit activations with learned steps, shift-based batch norm",
        "BNN",
    ]


@pytest.mark.parametrize("name", [name for name in READY if name != "resnet18"])
def test_ready_topologies_become_networks(name):
    topology = READY[name]
    torch.manual_seed(1)
    network = to_network(build(topology, Method(input_bits=1 if name == "lfc" else 8)), topology.image_shape, name)
    assert network.weight_bits == WEIGHT_BITS[name]
    assert network.logits.shape == (10, 1, 1)


def test_resnet_trains_and_is_refused_as_hardware(small_recipe, digits, tmp_path):
    topology = ResNet(image_shape=(1, 12, 12), channels=4, classes=4)
    recipe = dataclasses.replace(small_recipe(method={"weights": "scaled"}, epochs=4), topology=topology)
    trainer = trained(recipe, digits)
    assert trainer.curve[-1]["loss"] < trainer.curve[0]["loss"] * 0.7, trainer.curve
    with pytest.raises(InputError, match="small: shortcut additions cannot become hardware yet; its checkpoint"):
        publish(trainer, *digits, tmp_path, source="digits")
    assert not list(tmp_path.iterdir())
    sizes = []
    for block in trainer.model.get_submodule("blocks"):
        block.register_forward_hook(lambda _, inputs, output: sizes.append((*inputs[0].shape[1:], *output.shape[1:])))
    trainer.model(torch.zeros(1, 1, 12, 12))
    shapes = [
        (4, 12, 12),
        (4, 12, 12),
        (4, 12, 12),
        (8, 6, 6),
        (8, 6, 6),
        (16, 3, 3),
        (16, 3, 3),
        (32, 2, 2),
        (32, 2, 2),
    ]
    assert sizes == [a + b for a, b in itertools.pairwise(shapes)]
    convolutions = [m for m in build(READY["resnet18"], Method()).modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 17 and {c.out_channels for c in convolutions} == {64, 128, 256, 512}


@pytest.mark.parametrize("end", ["first", "last"])
def test_real_ends_train_and_are_refused_as_hardware(end, small_recipe, digits, tmp_path):
    trainer = trained(small_recipe(method={end: "real"}), digits)
    assert trainer.curve[-1]["loss"] < trainer.curve[0]["loss"] * 0.7, trainer.curve
    with pytest.raises(InputError, match="real weights cannot become hardware"):
        publish(trainer, *digits, tmp_path, source="digits")


def test_statistics_are_those_of_evaluations_weights(small_recipe, digits):
    """With drawn weights, the running statistics of training would be others."""
    trainer = trained(small_recipe(method=METHODS["BinaryConnect, stochastic"], epochs=1), digits)
    images, model = torch.tensor(digits[0])[:, None].float(), trainer.model
    sums = model[0].eval()(images[trainer._training_indices])
    statistics = model.get_submodule("conv0_norm").get_buffer("running_mean")
    pooled = torch.nn.functional.max_pool2d(sums, 2)
    torch.testing.assert_close(statistics, pooled.mean((0, 2, 3)), rtol=1e-4, atol=1e-3)


def test_mirror_turns_about_half(small_recipe, digits):
    from hwgen.training.loop import _mirrored

    images = torch.arange(2 * 400).reshape(400, 1, 1, 2)
    turned = _mirrored(images, torch.Generator().manual_seed(0))
    share = float((turned[:, 0, 0, 0] > turned[:, 0, 0, 1]).float().mean())
    assert 0.4 < share < 0.6
    assert np.array_equal(turned.sort(-1).values, images)
