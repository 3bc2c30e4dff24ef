"""Recipes: what is read, and that everything else is refused in one sentence."""

import os

import pytest

from hwgen.errors import InputError
from hwgen.topology import ConvolutionBlock, Topology
from hwgen.training.recipe import MAX_RECIPE_BYTES, read_recipe

TEXT = """
name = "small"

[topology]
image_shape = [1, 12, 12]
dense = [10]

[[topology.convolutions]]
channels = 8
kernel = 3
padding = 1
pool = 2

[training]
data = "mnist:train"
epochs = 2
batch = 10
learning_rate = 0.01
validation = 20
seed = 3

[card]
title = "small"
dataset = "MNIST"
test = "mnist:test"
sample = "mnist:sample"
input = "12x12 grey"
licence = "ours"
source = "here"
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "recipe.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_reads_every_table(write):
    recipe = read_recipe(write(TEXT))
    assert recipe.name == "small"
    assert recipe.topology == Topology(
        image_shape=(1, 12, 12),
        convolutions=(ConvolutionBlock(channels=8, kernel=3, padding=1, pool=2),),
        dense=(10,),
    )
    assert recipe.training.learning_rate == 0.01 and recipe.training.shift == 0
    assert recipe.card.test == "mnist:test"
    assert recipe.topology.features == 8 * 6 * 6


def test_the_digest_follows_what_decides_the_weights(write):
    first = read_recipe(write(TEXT)).digest
    assert read_recipe(write(TEXT.replace('title = "small"', 'title = "other"'))).digest == first
    assert read_recipe(write(TEXT.replace("seed = 3", "seed = 4"))).digest != first
    assert read_recipe(write(TEXT.replace("kernel = 3", "kernel = 5"))).digest != first


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 3", "seed = 3\ncolour = 1", r"\[training\] has no key 'colour'; it takes data, epochs"),
        ('name = "small"', 'name = "small"\nnote = "x"', "the top level has no key 'note'"),
        ("pool = 2", "pool = 2\nbias = true", r"\[\[topology.convolutions\]\] has no key 'bias'"),
        ("dense = [10]", "dense = [10]\nwidth = 3", r"\[topology\] has no key 'width'"),
        ("seed = 3", "", r"\[training\] lacks the key 'seed'"),
        ("channels = 8", "", r"\[\[topology.convolutions\]\] lacks the key 'channels'"),
        ("epochs = 2", "epochs = 0", r"epochs is an integer 1..10000, not 0"),
        ("epochs = 2", "epochs = true", "epochs is an integer 1..10000, not True"),
        ("epochs = 2", 'epochs = "2"', "epochs is an integer 1..10000, not '2'"),
        ("learning_rate = 0.01", "learning_rate = nan", "learning_rate is a number above 0 and at most 10, not nan"),
        ("learning_rate = 0.01", "learning_rate = -1", "learning_rate is a number above 0"),
        ("seed = 3", 'seed = 3\nloss = "magic"', "loss is one of cross_entropy, squared_hinge, not 'magic'"),
        ("seed = 3", "seed = 3\nmirror = 1", "mirror is true or false, not 1"),
        (
            "[training]",
            '[method]\nweights = "magic"\n[training]',
            "weights is one of sign, stochastic, scaled, not 'magic'",
        ),
        ("[training]", '[method]\nstep = "learned"\n[training]', r"\[method\]: a sign has no step to learn"),
        ("[training]", "[method]\ninput_bits = 4\n[training]", "input_bits is one of 1, 8, not 4"),
        (
            "seed = 3",
            'seed = 3\nfrozen = 1\n[method]\nweights = "stochastic"',
            r"frozen needs the weights of evaluation",
        ),
        ("[topology]", '[topology]\nready = ["cnv"]', "ready stands alone and is one of tfc, sfc, lfc"),
        ("dense = [10]", 'dense = [10]\nready = "cnv"', "ready stands alone and is one of tfc, sfc, lfc"),
        ("dense = [10]", "dense = []", "dense is a list of integers"),
        ("dense = [10]", "dense = 10", "dense is a list of integers, not 10"),
        (
            "[training]",
            "[method]\nactivation_bits = 9\n[training]",
            "activation_bits is one of 1, 2, 3, 4, 5, 6, 7, 8, not 9",
        ),
        ("image_shape = [1, 12, 12]", "image_shape = [12, 12]", r"image_shape is \[channels, height, width\]"),
        ("kernel = 3", "kernel = 99", "kernel is an integer 1..15, not 99"),
        ("padding = 1", "padding = 3", "padding 3 is not less than the kernel 3"),
        ("pool = 2", "pool = 8\nstride = 2", "convolution 0 leaves nothing of a 12x12 image"),
        ("[card]", "[cards]", "the top level has no key 'cards'"),
        ('title = "small"', "title = 3", "title is a text of 1..2000 characters, not 3"),
        ('name = "small"', 'name = "../small"', "name is lower case letters, digits and underscores"),
        ('name = "small"', "name = ", "it is no TOML file"),
        ("[[topology.convolutions]]", "[topology.convolutions]", r"written as \[\[topology.convolutions\]\] tables"),
    ],
)
def test_refuses(write, old, new, message):
    assert TEXT.count(old) == 1
    with pytest.raises(InputError, match=message) as caught:
        read_recipe(write(TEXT.replace(old, new)))
    assert "recipe.toml: " in str(caught.value) and "\n" not in str(caught.value)


def test_refuses_what_is_no_recipe_at_all(write, tmp_path):
    with pytest.raises(InputError, match="absent.toml: there is no such file"):
        read_recipe(tmp_path / "absent.toml")
    with pytest.raises(InputError, match="it is no regular file"):
        read_recipe(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match="fifo: it is no regular file"):
        read_recipe(tmp_path / "fifo")
    with pytest.raises(InputError, match="it cannot be looked at .File name too long"):
        read_recipe(tmp_path / ("x" * 300))
    with pytest.raises(InputError, match="it is no TOML file"):
        read_recipe(write(b"\xff\xfe\x00"))
    with pytest.raises(InputError, match="it is no TOML file"):
        read_recipe(write("a = " + "[" * 30000))
    with pytest.raises(InputError, match=f"at most {MAX_RECIPE_BYTES} bytes"):
        read_recipe(write("#" * (MAX_RECIPE_BYTES + 1)))
