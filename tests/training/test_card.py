"""Cards: what is derived from a network, and refreshing one."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hwgen import data, golden, storage
from hwgen.errors import InputError
from hwgen.integers import BIPOLAR
from hwgen.layers import Argmax, Convolution, Dense, Flatten, MaxPool, Threshold
from hwgen.network import Network
from hwgen.training import card
from hwgen.training.recipe import Facts

FACTS = Facts(
    title="t", dataset="MNIST", test="mnist-sample:test", sample="mnist-sample:test", input="i", licence="l", source="s"
)


@pytest.fixture
def network():
    random = np.random.default_rng(2)

    def signs(*shape):
        return random.integers(0, 2, shape) * 2 - 1

    return Network(
        image_shape=(1, 28, 28),
        layers=(
            Convolution(weights=signs(4, 1, 3, 3), stride=(1, 1), padding=(1, 1, 1, 1), border=0),
            MaxPool(window=(2, 2), stride=(2, 2)),
            Threshold(thresholds=random.integers(-200, 200, (4, 1)), output=BIPOLAR),
            Convolution(weights=signs(6, 4, 3, 5), stride=(2, 2), padding=(0, 0, 0, 0), border=0),
            Threshold(thresholds=random.integers(-9, 9, (6, 1)), output=BIPOLAR),
            Flatten(order="CHW"),
            Dense(weights=signs(10, 6 * 6 * 5)),
            Argmax(),
        ),
    )


def test_figures_of_a_network(network):
    assert card.describe(network) == "4C3p1-MP2-6C3x5s2-10"
    assert card.macs(network) == {"8": 4 * 9 * 28 * 28, "1": 6 * 4 * 15 * 6 * 5 + 10 * 6 * 6 * 5}
    measured = card.measure("n", network, FACTS, training={"epochs": 3})
    sample = data.load("mnist-sample:test")
    right = int((golden.run(network, sample.images).classes == sample.labels).sum())
    assert measured["parameters"] == 4 * 9 + 6 * 4 * 15 + 1800
    name, limits = "mnist-sample:test", card.interval(200, right)
    assert measured["measured"] == {name: {"data": name, "images": 200, "right": right, "interval": limits}}
    assert measured["accuracy"] == right / 200
    assert measured["interval"] == card.interval(200, right)
    assert measured["digest"] == network.digest and measured["training"] == {"epochs": 3}
    assert "training" not in card.measure("n", network, FACTS)


def test_further_data_is_measured_too(network):
    facts = replace(FACTS, further=("cifar10-sample:test",))
    with pytest.raises(InputError):
        card.measure("n", network, facts)
    grey = replace(FACTS, test="mnist-sample:test", further=("mnist-sample:test",))
    assert card.measure("n", network, grey)["further"] == ["mnist-sample:test"]


def test_data_that_cannot_be_measured_is_refused_beforehand(network, tmp_path):
    np.savez(tmp_path / "nameless.npz", images=data.load("mnist-sample:test").images)
    facts = replace(FACTS, further=(str(tmp_path / "nameless.npz"),))
    for check in (lambda: card.check_sources(facts), lambda: card.measure("n", network, facts)):
        with pytest.raises(InputError, match="nameless.npz has no labels, and an accuracy needs them"):
            check()
    with pytest.raises(InputError, match="the split is train or test, not 'tset'"):
        card.check_sources(replace(FACTS, test="mnist:tset"))
    card.check_sources(FACTS)


def test_interval_is_wilsons():
    # Newcombe 1998, table I, method 3: 81 of 263 and 0 of 20
    assert card.interval(263, 81) == pytest.approx([0.2553, 0.3662], abs=1e-4)
    assert card.interval(20, 0) == pytest.approx([0.0, 0.1611], abs=1e-4)


def test_refresh_keeps_what_is_stated_and_measures_the_rest(network, tmp_path):
    storage.save(network, tmp_path / "network.npz")
    right = card.measure("n", network, FACTS, training={"epochs": 3})
    stale = {**right, "accuracy": 1.0, "digest": "0", "parameters": 7, "topology": "?", "measured": {}}
    card.write_card(tmp_path / "card.json", stale)
    assert card.refresh(tmp_path) == right
    assert json.loads((tmp_path / "card.json").read_text()) == right
    card.write_card(tmp_path / "card.json", {key: value for key, value in right.items() if key != "fit"})
    assert card.refresh(tmp_path) == right and right["fit"] == "crop"


def test_refusals(network, tmp_path):
    with pytest.raises(InputError, match="card.json: there is no such file"):
        card.refresh(tmp_path)
    for text, message in {
        "": "it is no JSON text",
        "[" * 100_000: "it is no JSON text",
        "[1]": "a card is a JSON object, not a list",
        "{}": "title is a text",
        json.dumps({**vars(FACTS), "fit": "x"}): "fit is one of crop, digit, not 'x'",
        '{"title": 3}': "title is a text of 1..2000 characters, not 3",
    }.items():
        (tmp_path / "card.json").write_text(text)
        with pytest.raises(InputError, match=message):
            card.refresh(tmp_path)
    card.write_card(tmp_path / "card.json", card.measure("n", network, FACTS))
    with pytest.raises(InputError, match="network.npz"):
        card.refresh(tmp_path)


def test_refresh_takes_in_another_network(network, tmp_path):
    card.write_card(tmp_path / "card.json", {**vars(FACTS), "name": "taken"})
    written = card.refresh(tmp_path, network=network)
    stored = storage.load(tmp_path / "network.npz")
    assert stored.name == written["name"] == "taken"
    assert stored.digest == written["digest"] == network.digest
