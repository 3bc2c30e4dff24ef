"""Pictures made what a network takes."""

import numpy as np
import pytest

from hwgen import data, golden, models
from hwgen.data.fitting import METHODS, fit

Image = pytest.importorskip("PIL.Image", reason="Pillow scales pictures; it comes with hwgen[images]")


def colours(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def grey(pixels):
    return np.repeat(np.asarray(pixels, np.uint8)[..., None], 3, axis=2)


def test_a_picture_that_fits_is_left_as_it_is():
    picture = colours(4, 6)
    for method in METHODS.keys() - {"digit"}:
        fitted, done = fit(picture, (3, 4, 6), method)
        assert (fitted == picture).all() and done == ""
    dark = grey(colours(4, 6)[..., 0] // 2)
    for method in METHODS:
        for channels in (1, 3):
            fitted, done = fit(dark, (channels, 4, 6), method)
            assert fitted.shape == (4, 6, channels) and (fitted == dark[..., :channels]).all() and done == ""


@pytest.mark.parametrize(
    "height, width, part, note",
    [
        (8, 20, np.s_[:, 4:16], "the middle 8 x 12 of 8 x 20 pixels scaled to 4 x 6"),
        (21, 12, np.s_[6:14], "the middle 8 x 12 of 21 x 12 pixels scaled to 4 x 6"),
        (8, 12, np.s_[:], "8 x 12 pixels scaled to 4 x 6"),
        (2, 3, np.s_[:], "2 x 3 pixels scaled to 4 x 6"),
    ],
)
def test_crop_scales_the_middle(height, width, part, note):
    picture = colours(height, width)
    fitted, done = fit(picture, (3, 4, 6), "crop")
    scaled = Image.fromarray(picture[part]).resize((6, 4), Image.Resampling.BICUBIC)
    assert (fitted == np.asarray(scaled)).all() and done == note
    fitted, done = fit(picture, (1, 4, 6), "crop")
    scaled = (
        Image.fromarray(picture).convert("L").crop(_box(part, picture.shape)).resize((6, 4), Image.Resampling.BICUBIC)
    )
    assert (fitted[..., 0] == np.asarray(scaled)).all() and done == f"made grey, {note}"


def _box(part, shape):
    rows, columns = part if isinstance(part, tuple) else (part, np.s_[:])
    (top, bottom, _), (left, right, _) = rows.indices(shape[0]), columns.indices(shape[1])
    return left, top, right, bottom


def test_extreme_pictures_are_cropped_too():
    for height, width in ((1, 1), (1, 4096), (4096, 1)):
        assert fit(colours(height, width), (3, 32, 32), "crop")[0].shape == (32, 32, 3)


def test_a_dark_digit_on_white_is_inverted():
    picture = grey(255 - np.pad(colours(2, 4)[..., 0], 1))
    fitted, done = fit(picture, (1, 4, 6), "digit")
    assert (fitted[..., 0] == 255 - picture[..., 0]).all() and done == "inverted"


def test_a_digit_is_scaled_into_its_square_and_its_mass_centred():
    paper = np.full((90, 70), 200)
    paper[10:50, 30:50] = 100  # 40 x 20, uniform: 20 x 10 of 255, with its mass in the middle
    fitted, done = fit(grey(paper), (1, 28, 28), "digit")
    assert done == "inverted, a digit of 40 x 20 pixels scaled to 20 x 10, its mass centred in 28 x 28"
    expected = np.zeros((28, 28), np.uint8)
    expected[5:25, 10:20] = 255
    assert (fitted[..., 0] == expected).all()
    paper[10:50, 30:40] = 50  # the left half weighs 150, the right one 45: the mass is 1.35 columns to the left
    paper[10:50, 40:50] = 155
    columns = np.flatnonzero(fit(grey(paper), (1, 28, 28), "digit")[0].any((0, 2)))
    assert (columns[0], columns[-1]) == (11, 20)


def test_no_digit():
    for picture in (np.full((40, 40), 255), np.full((40, 40), 9), np.pad(np.full((20, 20), 31), 10)):
        with pytest.raises(ValueError, match="no digit stands out of its border"):
            fit(grey(picture), (1, 28, 28), "digit")
    with pytest.raises(ValueError, match="a picture has 1 or 3 channels, the board takes 4; give an .npz"):
        fit(colours(4, 4), (4, 4, 4), "crop")


def test_digits_of_mnist_survive_paper():
    """Each digit of the sample somewhere on a grey sheet, dark, 2 to 9 times as large: how many are still right."""
    sample, rng = data.load("mnist-sample:test"), np.random.default_rng(0)
    fitted = []
    for image in sample.images[..., 0]:
        side = int(rng.integers(60, 260))
        ink = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)).astype(int)
        sheet = np.full((480, 640), 210)
        top, left = int(rng.integers(1, 480 - side)), int(rng.integers(1, 640 - side))
        sheet[top : top + side, left : left + side] -= ink * 150 // 255
        fitted.append(fit(grey(sheet), (1, 28, 28), "digit")[0])
    network = models.load("cnn_mnist_w1a1").network
    right = (golden.run(network, np.stack(fitted), keep=False).classes == sample.labels).sum()
    assert (len(fitted), right) == (200, 197)


def test_no_image_of_the_samples_is_changed_by_the_fit_of_its_models():
    for name in models.names():
        card = models.card(name)
        channels, _, _ = shape = models.load(name).network.image_shape
        for image in data.load(card["sample"], 50).images:
            fitted, done = fit(np.broadcast_to(image, (*image.shape[:2], 3)), shape, card.get("fit", "crop"))
            assert (fitted == image).all() and fitted.shape[2] == channels and done == ""
        assert card.get("fit") in (("digit",) if card["sample"].startswith("mnist") else ("crop", None))
