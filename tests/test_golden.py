import numpy as np
import pytest

from hwgen import golden
from hwgen.errors import InputError
from hwgen.integers import BIPOLAR, Range, signed, unsigned
from hwgen.layers import Argmax, Convolution, Dense, Flatten, MaxPool, SumPool, Tensor, Threshold
from hwgen.network import Network
from tests.helpers import naive
from tests.helpers.networks import random_images, random_network, signs

NETWORKS = 120


def as_array(values, shape):
    return np.array([values[place] for place in naive.places(shape)], dtype=object).reshape(shape)


def test_random_networks_equal_plain_loops():
    compared, seen, paddings = 0, set(), set()
    for seed in range(NETWORKS):
        rng = np.random.default_rng(seed)
        network = random_network(rng)
        images = random_images(rng, network, count=3)
        result = golden.run(network, images)
        assert len(result.outputs) == len(network.layers)
        for n, image in enumerate(images):
            expected = naive.evaluate(network, image)
            for i, values in enumerate(expected):
                output, tensor = result.outputs[i][n], network.tensors[i + 1]
                assert (output == as_array(values, tensor.shape)).all(), f"seed {seed}, {network.describe(i)}"
                assert tensor.range.minimum <= output.min() and output.max() <= tensor.range.maximum
                compared += 1
            assert list(result.logits[n]) == [expected[-2][c, 0, 0] for c in range(network.logits.shape[0])]
            assert result.classes[n] == expected[-1][0, 0, 0]
        for layer, tensor in zip(network.layers, network.tensors, strict=False):
            seen.add(type(layer).__name__)
            if isinstance(layer, Convolution) and layer.padded:
                kind = tensor.type.kind if tensor.type else None
                paddings.add((kind, layer.border))
    assert len(seen) == 9, seen
    assert paddings == {(kind, border) for kind in ("bipolar", "unsigned", "signed") for border in (-1, 0, 1)}
    assert compared > 6 * NETWORKS


def test_batches_and_keep_change_nothing(monkeypatch):
    rng = np.random.default_rng(7)
    runs = 0
    for _ in range(10):
        network = random_network(rng)
        images = random_images(rng, network, count=7)
        whole = golden.run(network, images)
        single = [golden.run(network, images[n : n + 1]) for n in range(7)]
        seen: list[tuple[int, int]] = []
        with monkeypatch.context() as patch:
            patch.setattr(golden, "_batch_size", lambda network: 3)
            parts = golden.run(network, images, progress=lambda *state, seen=seen: seen.append(state))
            lean = golden.run(network, images, keep=False)
        assert seen == [(3, 7), (6, 7), (7, 7)]
        assert lean.outputs == ()
        for i, output in enumerate(whole.outputs):
            assert (output == parts.outputs[i]).all()
            assert all((output[n] == single[n].outputs[i][0]).all() for n in range(7))
        for other in (parts, lean):
            assert (whole.logits == other.logits).all() and (whole.classes == other.classes).all()
        runs += 1
    assert runs == 10


# Fan-ins around which the way of summing changes: two images per float32, one per float32, float64.
WIDE = [
    (BIPOLAR, 2047),
    (BIPOLAR, 2048),
    (BIPOLAR, 4099),
    (signed(8), 15),
    (signed(8), 16),
    (signed(8), 17),
    (unsigned(12), 4097),
    (unsigned(12), 4100),
    (unsigned(12), 9001),
]


@pytest.mark.parametrize(("type", "fan_in"), WIDE, ids=str)
def test_extreme_sums_are_exact(type, fan_in):
    rng = np.random.default_rng(fan_in)
    weights = np.stack([np.ones(fan_in, int), -np.ones(fan_in, int), *signs(rng, 3, fan_in)])
    codes = rng.integers(0, 1 << type.bits, size=(7, fan_in))
    codes[0], codes[1] = 0, (1 << type.bits) - 1
    codes[4], codes[5] = codes[1], codes[0]
    codes[2] = np.where(weights[2] > 0, codes[1], 0)
    values = type.minimum + type.step * codes
    tensor = Tensor.activation((fan_in, 1, 1), type)
    output = golden.evaluate(Dense(weights=weights), tensor, values[:, :, None, None])
    assert (output[:, :, 0, 0] == values @ weights.T).all()
    one = golden.evaluate(Dense(weights=weights), tensor, values[:1, :, None, None])
    assert (one[0] == output[0]).all()


def test_convolution_in_many_blocks(monkeypatch):
    rng = np.random.default_rng(3)
    layer = Convolution(weights=signs(rng, 5, 3, 3, 2), stride=(2, 1), padding=(1, 0, 2, 1), border=-1)
    tensor = Tensor.activation((3, 12, 9), signed(4))
    values = rng.integers(-8, 8, size=(5, 3, 12, 9))
    expected = golden.evaluate(layer, tensor, values)
    sizes = [1, 2000, 5000, 20000]
    for size in sizes:
        monkeypatch.setattr(golden, "BLOCK_BYTES", size)
        assert (golden.evaluate(layer, tensor, values) == expected).all()
    assert expected.shape == (5, 5, 7, 9)


def test_argmax_takes_the_lowest_index_of_equals():
    tensor = Tensor((4, 1, 1), Range(-10, 10), None)
    values = np.array([[1, 3, 3, 3], [5, 5, 0, 5], [-1, -1, -1, -1], [0, 1, 2, 2]])[:, :, None, None]
    assert golden.evaluate(Argmax(), tensor, values)[:, 0, 0, 0].tolist() == [1, 0, 0, 2]


def test_a_pixel_outside_the_image_never_wins():
    tensor = Tensor.activation((2, 2, 2), signed(4))
    values = np.full((1, 2, 2, 2), -8)
    values[0, 1] = 7
    layer = MaxPool(window=(2, 2), stride=(1, 1), padding=(1, 1, 1, 1), minimum=np.array([False, True]))
    output = golden.evaluate(layer, tensor, values)
    assert output.shape == (1, 2, 3, 3)
    assert (output[0, 0] == -8).all() and (output[0, 1] == 7).all()


def test_thresholds_on_an_accumulator_at_the_end_of_its_dtype():
    tensor = Tensor((1, 1, 1), Range(-128, 127), None)
    values = np.arange(-128, 128).reshape(-1, 1, 1, 1)
    layer = Threshold(thresholds=np.array([[-(1 << 40), -128, 127, 128, 1 << 40]]), output=unsigned(3))
    expected = [2 + (value >= 127) for value in range(-128, 128)]
    assert golden.evaluate(layer, tensor, values).reshape(-1).tolist() == expected


def test_global_sum_of_a_large_window():
    tensor = Tensor.activation((2, 30, 40), unsigned(8))
    values = np.random.default_rng(1).integers(0, 256, size=(2, 2, 30, 40))
    output = golden.evaluate(SumPool(window=(30, 40), stride=(1, 1)), tensor, values)
    assert (output == values.sum(axis=(2, 3), keepdims=True)).all()


def small_network():
    return Network(image_shape=(1, 2, 3), layers=(Flatten(order="CHW"), Dense(weights=np.ones((2, 6))), Argmax()))


BAD_IMAGES = [
    (np.zeros((1, 2, 3)), "images are raw pixels of dtype uint8, not float64"),
    ([[1]], "not list"),
    (np.zeros((1, 3, 2), np.uint8), "the images are 3x2x1, but the network takes 2x3x1"),
    (np.zeros((1, 2, 3, 3), np.uint8), "the images are 2x3x3, but"),
    (np.zeros((6,), np.uint8), "the images are single values, but"),
    (np.zeros((0, 2, 3), np.uint8), "there are no images"),
]


@pytest.mark.parametrize(("images", "message"), BAD_IMAGES, ids=[m for _, m in BAD_IMAGES])
def test_wrong_images_are_refused_in_words(images, message):
    with pytest.raises(InputError, match=message):
        golden.run(small_network(), images)


def test_pixels_beyond_the_pixel_type_are_refused():
    layers = (Flatten(order="CHW"), Dense(weights=np.ones((2, 4))), Argmax())
    network = Network(image_shape=(1, 2, 2), layers=layers, image_type=unsigned(4))
    images = np.full((1, 2, 2), 15, np.uint8)
    assert golden.run(network, images).logits.tolist() == [[60, 60]]
    with pytest.raises(InputError, match=r"a pixel is 16, but the network takes 4-bit pixels, 0\.\.15"):
        golden.run(network, images + np.uint8(1))


def test_evaluate_refuses_values_that_do_not_fit():
    tensor = Tensor.activation((2, 1, 1), BIPOLAR)
    layer = Dense(weights=np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"values are integers of shape \(N, 2, 1, 1\), not \(1, 3, 1, 1\)"):
        golden.evaluate(layer, tensor, np.ones((1, 3, 1, 1), int))
    with pytest.raises(ValueError, match=r"values are within \[-1, 1\], not \[1, 2\]"):
        golden.evaluate(layer, tensor, np.array([1, 2]).reshape(1, 2, 1, 1))
