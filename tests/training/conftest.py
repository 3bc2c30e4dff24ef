"""A recipe and a data set small enough to train on inside a test."""

import numpy as np
import pytest

from hwgen.topology import ConvolutionBlock, Topology
from hwgen.training.method import Method
from hwgen.training.recipe import Facts, Recipe, Training


@pytest.fixture
def small_recipe():
    """Makes the recipe of a tiny network for 12x12 images with keys of [method], and others of [training]."""

    def make(*, method=None, **training):
        keys = dict(data="digits", epochs=3, batch=20, learning_rate=0.02, validation=40, seed=7, shift=1)
        block = ConvolutionBlock(channels=8, kernel=3, padding=1, pool=2)
        return Recipe(
            name="small",
            topology=Topology(image_shape=(1, 12, 12), convolutions=(block, block), dense=(24, 4)),
            method=Method(**(method or {})),
            training=Training(**{**keys, **training}),
            card=Facts(title="t", dataset="d", test="x", sample="x", input="i", licence="l", source="s"),
        )

    return make


@pytest.fixture(scope="session")
def digits():
    """240 noisy 12x12 images of four classes (a bright bar, lying or standing, in one half), and their labels."""
    random = np.random.default_rng(5)
    labels = np.repeat(np.arange(4), 60)
    images = random.integers(0, 90, (240, 12, 12))
    for image, label in zip(images, labels, strict=True):
        first = 2 + 5 * (label % 2)
        bar = slice(first, first + 3)
        if label < 2:
            image[bar, :] += 150
        else:
            image[:, bar] += 150
    return images.astype(np.uint8), labels
