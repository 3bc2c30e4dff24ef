"""The zoo: every folder of models/ against its card, on the bundled sample and, where it is here, the full test set."""

import pytest

from hwgen import data, models, storage
from hwgen.errors import InputError
from hwgen.training import card
from hwgen.training.recipe import read_recipe

MODELS = models.folder()
NAMES = sorted(path.parent.name for path in MODELS.glob("*/card.json"))
LEAST = {
    "tfc_w1a1": 0.9296,
    "cnn_mnist_w1a1": 0.975,
    "sfc_w1a1": 0.978,
    "lfc_w1a1": 0.984,
    "lenet_w1a1": 0.99,
    "cnv_w1a1": 0.8,
    "cnv_w1a2": 0.83,
    "bc_vgg_w1a8": 0.86,
    "tinbinn_w1a8": 0.864,
}


def load(name):
    return storage.load(MODELS / name / models.NETWORK_FILE), card.read_card(MODELS / name / models.CARD_FILE)


def test_the_zoo_is_complete():
    assert set(LEAST) <= set(NAMES)
    assert [path.name for path in sorted(MODELS.iterdir()) if path.is_dir()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_card_tells_what_the_network_is(name):
    network, written = load(name)
    assert written["name"] == network.name == name
    assert written["digest"] == network.digest
    assert written["topology"] == card.describe(network)
    assert written["parameters"] == network.weight_bits
    assert written["macs"] == card.macs(network)
    test = written["measured"][written["test"]]
    assert written["accuracy"] == test["right"] / test["images"]
    assert written["accuracy"] >= LEAST.get(name, 0)
    assert (MODELS / name / models.NETWORK_FILE).stat().st_size < 4_000_000


@pytest.mark.parametrize("name", NAMES)
def test_card_is_right_on_the_sample(name):
    network, written = load(name)
    right = written["measured"][written["sample"]]
    assert card.count_right(network, written["sample"]) == right and right["images"] >= 50


@pytest.mark.parametrize("further", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMES)
def test_card_is_right_on_the_full_test_set(name, further, monkeypatch):
    def absent(*_):
        raise InputError("not here")

    network, written = load(name)
    monkeypatch.setattr(data, "download", absent)
    try:
        data.load(written["test"], 1)
    except InputError:
        pytest.skip(f"{written['test']} is not on this machine")
    for source in written["further"] if further else [written["test"]]:
        if data.load(source, 1).name == written["measured"][source]["data"]:
            assert card.count_right(network, source) == written["measured"][source]


@pytest.mark.parametrize("path", sorted(MODELS.glob("*/recipe.toml")), ids=lambda path: path.parent.name)
def test_recipe_is_that_of_its_card(path):
    recipe, written = read_recipe(path), card.read_card(path.with_name(models.CARD_FILE))
    assert recipe.name == path.parent.name
    assert {key: written[key] for key in vars(recipe.card)} == {**vars(recipe.card), "further": [*recipe.card.further]}
    assert written["training"]["method"] == recipe.method.name
    assert written["training"]["planned_epochs"] == recipe.training.epochs
    assert written["training"]["seed"] == recipe.training.seed
