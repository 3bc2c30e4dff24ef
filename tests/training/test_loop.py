"""The training loop: it learns, it repeats, it resumes bit for bit, and it refuses data that does not fit."""

import numpy as np
import pytest
import torch

from hwgen.errors import BuildError, InputError
from hwgen.training.activations import Uniform
from hwgen.training.loop import STEP_RATE, Trainer, _shifted
from hwgen.training.norms import BatchNorm
from hwgen.training.weights import binary_layers


def same(a, b):
    return all(
        torch.equal(x, y) for x, y in zip(a.model.state_dict().values(), b.model.state_dict().values(), strict=True)
    )


def test_loss_falls_and_latent_weights_stay_clipped(small_recipe, digits):
    trainer = Trainer(small_recipe(), *digits)
    before = [layer.binary_weight.clone() for layer in binary_layers(trainer.model)]
    steps = []
    while not trainer.finished:
        trainer.train_epoch(on_step=lambda: steps.append(1))
    assert len(steps) == 3 * trainer.steps == 30
    losses = [point["loss"] for point in trainer.curve]
    assert losses[-1] < losses[0] / 2, losses
    assert [point["epoch"] for point in trainer.curve] == [1, 2, 3]
    assert trainer.curve[-1]["validation_accuracy"] >= 0.8, trainer.curve
    for layer, old in zip(binary_layers(trainer.model), before, strict=True):
        assert layer.weight.abs().max() <= 1
        assert not torch.equal(layer.binary_weight, old)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_uniform_activations_learn(small_recipe, digits, bits):
    trainer = Trainer(small_recipe(method={"activation_bits": bits}), *digits)
    first, *_, last = [trainer.train_epoch() for _ in range(3)]
    assert last["loss"] < first["loss"] / 2, trainer.curve


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_learned_steps_move_in_proportion(bits, small_recipe, digits):
    """A step of 2^-7 may not be thrown about by a learning rate of 0.02."""
    trainer = Trainer(small_recipe(method={"activation_bits": bits, "step": "learned"}, epochs=6), *digits)
    while not trainer.finished:
        trainer.train_epoch()
    ratios = [m.step.item() * 2 ** (bits - 1) for m in trainer.model.modules() if isinstance(m, Uniform)]
    assert len(ratios) == 3 and all(0.5 < ratio < 2 for ratio in ratios), ratios
    assert len(set(ratios)) == 3 and 1.0 not in ratios


def test_the_learning_rate_falls_along_half_a_cosine(small_recipe, digits):
    trainer = Trainer(small_recipe(method={"activation_bits": 2, "step": "learned"}, epochs=2), *digits)
    rates = []
    for _ in range(2):
        trainer.train_epoch(on_step=lambda: rates.append([g["lr"] for g in trainer._optimizer.param_groups]))
    places = np.arange(len(rates)) / len(rates)
    weights, steps = np.array(rates).T
    np.testing.assert_allclose(weights, 0.02 * (1 + np.cos(np.pi * places)) / 2)
    np.testing.assert_allclose(steps, weights * STEP_RATE)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_resumed_run_equals_uninterrupted_run(precision, small_recipe, digits, tmp_path):
    recipe = small_recipe(precision=precision)
    whole = Trainer(recipe, *digits)
    for _ in range(3):
        whole.train_epoch()

    cut = Trainer(recipe, *digits)
    cut.train_epoch()
    cut.save(tmp_path / "checkpoint.pt")
    resumed = Trainer(recipe, *digits)
    assert not same(resumed, cut)
    torch.rand(100)  # the global generator has no say
    resumed.load(tmp_path / "checkpoint.pt")
    while not resumed.finished:
        resumed.train_epoch()

    assert same(whole, resumed)
    assert [p["loss"] for p in whole.curve] == [p["loss"] for p in resumed.curve]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    other = Trainer(small_recipe(seed=8, precision=precision), *digits)
    for _ in range(3):
        other.train_epoch()
    assert not same(whole, other)


@pytest.mark.parametrize("method", [{}, {"norm": "shift"}, {"weights": "scaled"}, {"activation_bits": 4}])
def test_bfloat16_learns_in_float32_weights(method, small_recipe, digits):
    exact, rounded = (Trainer(small_recipe(method=method, precision=p), *digits) for p in ("float32", "bfloat16"))
    for trainer in (exact, rounded):
        while not trainer.finished:
            trainer.train_epoch()
    assert not same(exact, rounded)
    assert rounded.curve[-1]["loss"] < rounded.curve[0]["loss"] * 0.7, rounded.curve
    assert {value.dtype for value in rounded.model.state_dict().values()} <= {torch.float32, torch.int64}
    # Not the rounded sums but those of float32 say how good the network is.
    seen = []
    rounded.model[0].register_forward_hook(lambda _, inputs, output: seen.append(output.dtype))
    rounded.validation_accuracy()
    assert seen == [torch.float32]


def test_held_out_images_are_drawn_and_never_trained_on(small_recipe, digits):
    images, labels = digits
    trainer = Trainer(small_recipe(), images, labels)
    held = trainer.validation_indices
    assert len(held) == 40 and len(np.unique(held)) == 40
    assert len(np.unique(labels[held])) == 4  # the labels are sorted: a tail of the data would hold one class
    damaged = images.copy()
    damaged[held] = 255
    other = Trainer(small_recipe(), damaged, labels)
    trainer.train_epoch()
    other.train_epoch()
    assert same(trainer, other)


def test_shift_moves_whole_images_and_brings_in_zeros():
    images = torch.arange(1, 2 * 2 * 5 * 6 + 1, dtype=torch.uint8).reshape(2, 2, 5, 6)
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(60):
        moved = _shifted(images, 1, generator)
        assert moved.shape == images.shape and moved.dtype == torch.uint8
        for image, original in zip(moved, images, strict=True):
            padded = torch.nn.functional.pad(original, (1, 1, 1, 1))
            fits = [(y, x) for y in range(3) for x in range(3) if torch.equal(image, padded[:, y : y + 5, x : x + 6])]
            assert len(fits) == 1
            seen.add(fits[0])
    assert len(seen) == 9
    assert _shifted(images, 0, generator) is images


def test_checkpoint_refusals(small_recipe, digits, tmp_path):
    trainer = Trainer(small_recipe(), *digits)
    trainer.save(tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="it is a checkpoint of another recipe; remove it"):
        Trainer(small_recipe(seed=1), *digits).load(tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="it was trained on other images than those of digits; remove it"):
        Trainer(small_recipe(), digits[0][::-1], digits[1]).load(tmp_path / "checkpoint.pt")
    data = (tmp_path / "checkpoint.pt").read_bytes()
    for name, content in {"cut": data[: len(data) // 2], "text": b"hello", "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="it is no checkpoint of a training run"):
            trainer.load(tmp_path / name)
    with pytest.raises(InputError, match="it is no checkpoint of a training run"):
        trainer.load(tmp_path / "absent")


def test_a_checkpoint_of_the_right_recipe_may_be_damaged_too(small_recipe, digits, tmp_path):
    trainer, path = Trainer(small_recipe(epochs=1), *digits), tmp_path / "checkpoint.pt"
    trainer.save(path)
    whole = torch.load(path)
    for key in ("model", "optimizer", "generator", "curve"):
        torch.save({k: v for k, v in whole.items() if k != key}, path)
        with pytest.raises(InputError, match="it is a damaged checkpoint; remove it"):
            trainer.load(path)
    torch.save({**whole, "curve": [{"epoch": 1}, {"epoch": 2}]}, path)
    trainer.load(path)
    assert trainer.finished


def test_a_checkpoint_that_cannot_be_written(small_recipe, digits, tmp_path):
    trainer = Trainer(small_recipe(), *digits)
    with pytest.raises(BuildError, match="the checkpoint cannot be written"):
        trainer.save(tmp_path / "absent" / "checkpoint.pt")
    (tmp_path / "checkpoint.pt" / "full").mkdir(parents=True)
    with pytest.raises(BuildError, match="the checkpoint cannot be written"):
        trainer.save(tmp_path / "checkpoint.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_data_refusals(small_recipe, digits):
    images, labels = digits
    recipe = small_recipe()
    for bad_images, bad_labels, message in (
        (images.astype(np.float32), labels, "uint8"),
        (images[:, :-1], labels, r"image_shape is \[1, 12, 12\], but digits has \[1, 11, 12\]"),
        (images, labels[:-1], "need as many integer labels"),
        (images, labels.astype(float), "need as many integer labels"),
        (images, labels + 1, "4 outputs, but digits has labels up to 4"),
        (images, labels - 1, "4 outputs, but digits has labels"),
        (images[:50], labels[:50], "validation 40 leaves less than one batch of 20"),
    ):
        with pytest.raises(InputError, match=message):
            Trainer(recipe, bad_images, bad_labels)


def test_a_loss_that_is_not_finite_stops_the_run(small_recipe, digits):
    trainer = Trainer(small_recipe(), *digits)
    trainer.model.get_parameter("scale.logarithm").data.fill_(float("nan"))
    with pytest.raises(BuildError, match="the loss of epoch 1 is nan; lower learning_rate"):
        trainer.train_epoch()


def test_frozen_epochs_leave_the_running_statistics_alone(small_recipe, digits):
    def statistics(trainer):
        return [norm.state_dict()["running_mean"].clone() for norm in trainer.model if isinstance(norm, BatchNorm)]

    trainer = Trainer(small_recipe(epochs=2, frozen=1), *digits)
    start = statistics(trainer)
    trainer.train_epoch()
    free = statistics(trainer)
    weights = binary_layers(trainer.model)[0].weight.clone()
    trainer.train_epoch()
    frozen = statistics(trainer)
    assert len(free) == 3
    assert not any(torch.equal(a, b) for a, b in zip(start, free, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(free, frozen, strict=True))
    assert not torch.equal(weights, binary_layers(trainer.model)[0].weight)
