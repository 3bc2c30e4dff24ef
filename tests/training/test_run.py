"""From a recipe to network.npz and card.json, also when the run is cut off in between."""

import dataclasses
import json

import numpy as np
import pytest

from hwgen import data, golden, models, storage
from hwgen.errors import InputError
from hwgen.training.run import publish, train


@pytest.fixture
def recipe(small_recipe, digits, tmp_path):
    np.savez(tmp_path / "digits.npz", images=digits[0], labels=digits[1])
    source = str(tmp_path / "digits.npz")
    recipe = small_recipe(data=source, epochs=2)
    return dataclasses.replace(recipe, card=dataclasses.replace(recipe.card, test=source, sample=source))


def test_a_run_that_is_cut_off_goes_on(recipe, tmp_path):
    dataset = data.load(recipe.training.data)
    whole = train(recipe, dataset.images, dataset.labels, tmp_path / "whole")
    result = publish(whole, dataset.images, dataset.labels, tmp_path / "whole", source="bars")

    def interrupt(point):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, dataset.images, dataset.labels, tmp_path / "cut", on_epoch=interrupt)
    assert len(json.loads((tmp_path / "cut" / "curve.json").read_text())) == 1
    done = []
    again = train(
        recipe,
        dataset.images,
        dataset.labels,
        tmp_path / "cut",
        on_start=lambda trainer: done.append(len(trainer.curve)),
    )
    assert done == [1] and again.finished
    assert (
        publish(again, dataset.images, dataset.labels, tmp_path / "cut", source="bars").network.digest
        == result.network.digest
    )


def test_what_a_run_leaves(recipe, tmp_path):
    dataset = data.load(recipe.training.data)
    trainer = train(recipe, dataset.images, dataset.labels, tmp_path / "out")
    seen = []
    result = publish(
        trainer,
        dataset.images,
        dataset.labels,
        tmp_path / "out",
        source="bars",
        on_images=lambda done, of: seen.append((done, of)),
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        models.CARD_FILE, "checkpoint.pt", "curve.json", "curve.png", models.NETWORK_FILE,
    ]  # fmt: skip
    stored = storage.load(tmp_path / "out" / models.NETWORK_FILE)
    card = json.loads((tmp_path / "out" / models.CARD_FILE).read_text())
    assert stored.digest == result.network.digest == card["digest"] and stored.name == "small"
    right = golden.run(stored, dataset.images).classes == dataset.labels
    assert card["accuracy"] == right.mean() and seen[-1] == (240, 240)
    assert card["training"]["validation_accuracy"] == right[trainer.validation_indices].mean()
    assert card["training"]["images"] == 200 and card["training"]["validation_images"] == 40
    assert card["training"]["data"] == "bars" and card["training"]["device"] == trainer.device.type
    assert card["training"]["epochs"] == card["training"]["planned_epochs"] == 2
    assert card["training"]["final_loss"] == round(trainer.curve[-1]["loss"], 4)


def test_an_output_folder_that_cannot_be_made(recipe, digits, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="out: cannot be written .Not a directory.; name another folder with -o"):
        train(recipe, digits[0], digits[1], tmp_path / "file" / "out")


def test_one_run_at_a_time_in_a_folder(recipe, digits, tmp_path):
    def second(point):
        with pytest.raises(
            InputError, match="out: another run of hwgen is at work there; wait for it, or name another"
        ):
            train(recipe, *digits, tmp_path / "out")

    assert train(recipe, *digits, tmp_path / "out", on_epoch=second).finished
    assert train(recipe, *digits, tmp_path / "out").finished


def test_a_curve_that_was_lost_is_written_again(recipe, digits, tmp_path):
    train(recipe, *digits, tmp_path / "out")
    for name in ("curve.json", "curve.png"):
        (tmp_path / "out" / name).unlink()
    assert len(train(recipe, *digits, tmp_path / "out").curve) == 2
    assert len(json.loads((tmp_path / "out" / "curve.json").read_text())) == 2
    assert (tmp_path / "out" / "curve.png").read_bytes().startswith(b"\x89PNG")
