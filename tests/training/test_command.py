"""hwgen train at the command line."""

import json
import subprocess
import sys

import numpy as np
import pytest

from hwgen import models, storage
from hwgen.cli import main
from hwgen.training.loop import Trainer

RECIPE = """
name = "small"

[topology]
image_shape = [1, 12, 12]
dense = [16, 4]

[training]
data = "{data}"
epochs = 2
batch = 20
learning_rate = 0.02
validation = 40
seed = 7

[card]
title = "small"
dataset = "bars"
test = "{data}"
sample = "{data}"
input = "12x12 grey"
licence = "ours"
source = "here"
"""


@pytest.fixture
def recipe(digits, tmp_path):
    np.savez(tmp_path / "digits.npz", images=digits[0], labels=digits[1])
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(data=tmp_path / "digits.npz"))
    return path


def test_trains_publishes_and_measures_again(recipe, tmp_path, capsys):
    folder = tmp_path / "out"
    assert main(["train", str(recipe), "-o", str(folder), "--json"]) == 0
    output = capsys.readouterr()
    card = json.loads(output.out)
    assert card == models_card(folder) and card["topology"] == "16-4"
    epochs = [line.split(":")[0] for line in output.err.splitlines() if line.startswith("epoch")]
    assert epochs == ["epoch 1 of 2", "epoch 2 of 2"]

    assert main(["train", str(recipe), "-o", str(folder)]) == 0
    output = capsys.readouterr()
    assert "2 of 2 epochs are done already" in output.err and f"digest {card['digest']}" in output.out

    (folder / models.CARD_FILE).write_text(json.dumps({**card, "accuracy": 2, "digest": ""}))
    assert main(["train", "--card", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == card == models_card(folder)


def test_what_cannot_become_hardware_trains_all_the_same(recipe, tmp_path, capsys):
    recipe.write_text(recipe.read_text() + '[method]\nlast = "real"\n')
    assert main(["train", str(recipe), "-o", str(tmp_path / "out"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["epoch"] == 2 and answer["obstacle"] == "real weights cannot become hardware"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoint.pt", "curve.json", "curve.png"]
    assert main(["train", str(recipe), "-o", str(tmp_path / "out")]) == 0
    assert "of the held-out images, in torch; real weights cannot" in capsys.readouterr().out


def test_card_takes_a_network_of_others(recipe, tmp_path, capsys):
    assert main(["train", str(recipe), "-o", str(tmp_path / "out")]) == 0
    facts = {key: value for key, value in models_card(tmp_path / "out").items() if isinstance(value, str)}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / models.CARD_FILE).write_text(json.dumps({**facts, "name": "other"}))
    network = str(tmp_path / "out" / models.NETWORK_FILE)
    assert main(["train", "--card", str(tmp_path / "other"), "--network", network]) == 0
    assert storage.load(tmp_path / "other" / models.NETWORK_FILE).name == "other"
    assert models_card(tmp_path / "other")["digest"] == models_card(tmp_path / "out")["digest"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.toml"], "nothing.toml: there is no such file"),
        (["--card", "nothing"], "card.json: there is no such file"),
        (["--card", "x", "-o", "y"], "--card rewrites the card where it lies"),
        (["--card", "x", "--publish"], "--card rewrites the card where it lies; leave --output and --publish out"),
        (["x", "--network", "y"], "--network goes with --card"),
    ],
)
def test_refusals(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    output = capsys.readouterr()
    assert message in output.err and output.err.count("\n") == 1 and output.out == ""


@pytest.mark.parametrize("absent", ["torch", "matplotlib"])
@pytest.mark.parametrize("command", ["train", "study"])
def test_it_says_what_to_install(absent, command, recipe):
    program = f"import sys; sys.modules['{absent}'] = None; from hwgen.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["train", str(recipe)] if command == "train" else ["study"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"hwgen: training needs {absent}, which is not installed: pip install 'hwgen[train]'\n"


def test_an_unfinished_run_is_published_as_it_stands(recipe, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "out"
    assert main(["train", "--publish", str(recipe), "-o", str(folder)]) == 2
    assert "checkpoint.pt: there is no checkpoint yet; train at least one epoch" in capsys.readouterr().err
    whole = Trainer.train_epoch

    def one_epoch(self, on_step=None):
        if self.curve:
            raise KeyboardInterrupt
        return whole(self, on_step)

    monkeypatch.setattr(Trainer, "train_epoch", one_epoch)
    assert main(["train", str(recipe), "-o", str(folder)]) == 130
    assert not (folder / models.CARD_FILE).exists()
    assert main(["train", "--publish", str(recipe), "-o", str(folder)]) == 0
    first = models_card(folder)
    assert (first["training"]["epochs"], first["training"]["planned_epochs"]) == (1, 2)
    monkeypatch.undo()
    assert main(["train", str(recipe), "-o", str(folder)]) == 0
    assert models_card(folder)["training"]["epochs"] == 2 and models_card(folder)["digest"] != first["digest"]


def test_a_wrong_test_set_is_found_before_training(recipe, tmp_path, capsys):
    recipe.write_text(recipe.read_text().replace('sample = "', 'sample = "no'))
    assert main(["train", str(recipe), "-o", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists() and "there is no such file" in capsys.readouterr().err


def models_card(folder):
    return json.loads((folder / models.CARD_FILE).read_text())
