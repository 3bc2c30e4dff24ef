"""Plain .npz and .pt networks against a straightforward evaluation of the documented keys in float64."""

import tracemalloc
import zipfile

import numpy as np
import pytest
import torch

from hwgen import golden, storage
from hwgen.errors import InputError
from hwgen.importers import load
from hwgen.layers import Lookup, Threshold

from .graphs import assert_one_scale, images_for

HEAD = {"format": "hwgen-bnn", "version": 1}


def evaluate(values, images):
    """Every layer's result for raw images (N, height, width, channels): each key as documented, in float64."""
    shape = values["image_shape"]
    x = images.transpose(0, 3, 1, 2).astype(np.float64)
    column = (1, -1, 1, 1)
    x = x * np.reshape(values.get("input_scale", 1.0), column) + np.reshape(values.get("input_offset", 0.0), column)
    assert x.shape[1:] == tuple(shape)
    results = []
    for index in range(100):
        layer = {k.split(".")[1]: v for k, v in values.items() if k.startswith(f"layer{index}.")}
        if not layer:
            return results
        x = STEPS[layer["type"]](x, layer)
        results.append(x)
    raise AssertionError("a hundred layers")


def windows(x, window, stride):
    view = np.lib.stride_tricks.sliding_window_view(x, window, axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1]]


def pair(value):
    return tuple(np.broadcast_to(value, 2).tolist())


def pads(value):
    top, left, bottom, right = np.resize(np.atleast_1d(value), 4)
    return (0, 0), (0, 0), (top, bottom), (left, right)


def per_channel(value):
    return np.reshape(value, (1, -1, 1, 1))


def convolution(x, layer):
    signs = np.where(layer["weights"] >= 0, 1.0, -1.0)
    x = np.pad(x, pads(layer.get("padding", 0)), constant_values=layer.get("border", 0))
    view = windows(x, signs.shape[2:], pair(layer.get("stride", 1)))
    sums = np.einsum("nchwij,ocij->nohw", view, signs)
    return sums * per_channel(layer.get("alpha", 1.0)) + per_channel(layer.get("bias", 0.0))


def dense(x, layer):
    signs = np.where(layer["weights"] >= 0, 1.0, -1.0)
    sums = (x[:, :, 0, 0] @ signs.T)[:, :, None, None]
    return sums * per_channel(layer.get("alpha", 1.0)) + per_channel(layer.get("bias", 0.0))


def batch_norm(x, layer):
    scale = layer.get("gamma", 1.0) / np.sqrt(layer["variance"] + layer.get("epsilon", 1e-5))
    return (x - per_channel(layer["mean"])) * per_channel(scale) + per_channel(layer.get("beta", 0.0))


def max_pool(x, layer):
    window = pair(layer["window"])
    x = np.pad(x, pads(layer.get("padding", 0)), constant_values=-np.inf)
    return windows(x, window, pair(layer.get("stride", window))).max(axis=(4, 5))


def average_pool(x, layer):
    window = pair(layer.get("window", x.shape[2:]))
    return windows(x, window, pair(layer.get("stride", window))).sum(axis=(4, 5)) / (window[0] * window[1])


def flatten(x, layer):
    x = x if layer["order"] == "CHW" else x.transpose(0, 2, 3, 1)
    return x.reshape(len(x), -1, 1, 1)


def sign(x, layer):
    return np.where(x >= 0 if layer.get("zero", 1) > 0 else x > 0, 1.0, -1.0)


def uniform(x, layer):
    low = -(2 ** (layer["bits"] - 1)) if layer.get("signed", 0) else 0
    zero = layer.get("zero_point", 0)
    value = x / layer["scale"] + zero
    value = np.floor(value + 0.5) if layer.get("rounding", "half_up") == "half_up" else np.rint(value)
    return layer["scale"] * (np.clip(value, low, low + 2 ** layer["bits"] - 1) - zero)


def thresholds(x, layer):
    edges = layer["thresholds"].reshape(1, len(layer["thresholds"]), 1, 1, -1)
    return layer.get("scale", 1.0) * (x[..., None] >= edges).sum(axis=-1) + layer.get("offset", 0.0)


STEPS = {
    "convolution": convolution,
    "dense": dense,
    "batch_norm": batch_norm,
    "affine": lambda x, layer: x * per_channel(layer.get("scale", 1.0)) + per_channel(layer.get("offset", 0.0)),
    "relu": lambda x, layer: np.maximum(x, 0),
    "max_pool": max_pool,
    "average_pool": average_pool,
    "flatten": flatten,
    "sign": sign,
    "uniform": uniform,
    "thresholds": thresholds,
}


def network_of(shape, *layers, **head):
    values = {**HEAD, "image_shape": list(shape), **head}
    for index, layer in enumerate(layers):
        values |= {f"layer{index}.{key}": value for key, value in layer.items()}
    return values


def norm(random, channels, spread):
    return {
        "type": "batch_norm",
        "mean": random.normal(0, spread, channels),
        "variance": spread**2 * random.uniform(0.5, 2, channels),
        "gamma": random.normal(0, 1, channels) * (np.arange(channels) > 0),
        "beta": random.normal(0, 0.3, channels),
    }


def signs_padded(random):
    return network_of(
        (3, 8, 8),
        {"type": "sign"},
        {"type": "convolution", "weights": random.normal(size=(6, 3, 3, 3)), "padding": [0, 1, 2, 1], "border": -1},
        norm(random, 6, 5),
        {"type": "sign", "zero": -1},
        {"type": "convolution", "weights": random.normal(size=(8, 6, 3, 3)), "padding": 1, "stride": [2, 1]},
        {"type": "max_pool", "window": [2, 3], "stride": 2, "padding": [0, 1]},
        norm(random, 8, 7),
        {"type": "sign"},
        {"type": "flatten", "order": "HWC"},
        {"type": "dense", "weights": random.normal(size=(5, 8 * 2 * 4))},
        input_scale=2 / 255,
        input_offset=-1.0,
    )


def uniform_levels(random):
    return network_of(
        (1, 9, 9),
        {"type": "convolution", "weights": random.normal(size=(6, 1, 3, 3)), "alpha": random.uniform(0.5, 2, 6)},
        norm(random, 6, 900),
        {"type": "relu"},
        {"type": "uniform", "bits": 2, "scale": 0.5},
        {"type": "average_pool", "window": 2, "stride": 1},
        {"type": "convolution", "weights": random.normal(size=(4, 6, 3, 3)), "bias": random.normal(size=4)},
        {"type": "affine", "scale": random.normal(size=4), "offset": random.normal(size=4)},
        {"type": "uniform", "bits": 3, "scale": 0.25, "signed": 1, "zero_point": 2, "rounding": "half_even"},
        {"type": "average_pool"},
        {"type": "dense", "weights": random.normal(size=(5, 4)), "bias": random.normal(size=5)},
    )


def flat_before_the_sign(order):
    """Batch norm per channel, then flat, then the sign: constants of each pixel are those of its channel."""

    def build(random):
        return network_of(
            (3, 6, 6),
            {"type": "sign"},
            {"type": "convolution", "weights": random.normal(size=(5, 3, 3, 3))},
            norm(random, 5, 5),
            {"type": "flatten", "order": order},
            {"type": "sign"},
            {"type": "dense", "weights": random.normal(size=(5, 80))},
            input_offset=-128.0,
        )

    return build


def ties(random):
    """Sums of +-1 halved and rounded both ways, and sums equal to a threshold and to the mean (sign(0) = -1)."""
    return network_of(
        (3, 6, 6),
        {"type": "thresholds", "thresholds": np.array([[128.0]]), "scale": 2.0, "offset": -1.0},
        {"type": "convolution", "weights": random.normal(size=(6, 3, 3, 3))},
        {"type": "affine", "scale": 0.25},
        {"type": "uniform", "bits": 3, "scale": 0.5, "rounding": "half_even", "signed": 1},
        {"type": "convolution", "weights": random.normal(size=(6, 6, 1, 1))},
        {"type": "affine", "scale": np.array([1, -1, 2, -2, 0.5, -0.5])},
        {"type": "uniform", "bits": 2, "scale": 2.0},
        {"type": "convolution", "weights": random.normal(size=(4, 6, 1, 1))},
        {
            "type": "batch_norm",
            "mean": np.array([0, 2, -4, 6]),
            "variance": np.ones(4),
            "gamma": np.array([1, -1, 3, -7]),
        },
        {"type": "sign", "zero": -1},
        {"type": "convolution", "weights": random.normal(size=(4, 4, 2, 2))},
        {"type": "thresholds", "thresholds": np.sort(random.integers(-9, 9, (4, 3)), axis=1).astype(float)},
        {"type": "flatten", "order": "CHW"},
        {"type": "dense", "weights": random.normal(size=(5, 36))},
    )


NETWORKS = {
    "flat_chw": (flat_before_the_sign("CHW"), 2),
    "flat_hwc": (flat_before_the_sign("HWC"), 2),
    "signs_padded": (signs_padded, 3),
    "uniform_levels": (uniform_levels, 2),
    "ties": (ties, 5),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", NETWORKS)
def test_against_evaluation(name, seed, tmp_path):
    build, activations = NETWORKS[name]
    values = build(np.random.default_rng(seed))
    images = images_for(values["image_shape"], 40, seed)
    np.savez(tmp_path / "plain.npz", **values)
    plain = load(tmp_path / "plain.npz")
    expected = evaluate(values, images)
    result = golden.run(plain.network, images)
    assert (result.classes == expected[-1].reshape(40, -1).argmax(axis=1)).all()
    compared = 0
    for layer, integers in zip(plain.network.layers, result.outputs, strict=True):
        if isinstance(layer, Threshold | Lookup):
            real = expected[int(layer.name.removeprefix("layer"))]
            assert_one_scale(real, integers.astype(np.int64), f"{layer.name} (seed {seed})")
            compared += 1
    assert compared == activations
    torch.save(
        {k: torch.as_tensor(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}, tmp_path / "same.pt"
    )
    assert load(tmp_path / "same.pt").network.digest == plain.network.digest


def test_options_replace_the_stated_scaling(tmp_path):
    values = signs_padded(np.random.default_rng(1))
    np.savez(tmp_path / "plain.npz", **values)
    stated, asked = load(tmp_path / "plain.npz"), load(tmp_path / "plain.npz", input_range="-1..1")
    assert stated.network.digest == asked.network.digest
    first = load(tmp_path / "plain.npz", input_mean=(0.1, 0.5, 0.9)).network.layers[0]
    assert isinstance(first, Lookup) and (first.table[:, 0] == -1).all()
    assert (first.table > 0).sum(axis=1).tolist() == [230, 128, 26]  # pixels of at least 25.5, 127.5, 229.5
    assert any("pixels/255" in m for m in load(tmp_path / "plain.npz", input_range="0..1").messages)


def test_native_file(tmp_path):
    np.savez(tmp_path / "plain.npz", **ties(np.random.default_rng(1)))
    network = load(tmp_path / "plain.npz").network
    storage.save(network, tmp_path / "own.npz")
    assert load(tmp_path / "own.npz").network.digest == network.digest
    with pytest.raises(InputError, match="part of this network"):
        load(tmp_path / "own.npz", input_range="0..1")


def changed(key, value):
    def spoil(values):
        if value is None:
            del values[key]
        else:
            values[key] = value

    return spoil


SPOILED = [
    (changed("format", None), "hwgen-bnn"),
    (changed("version", 2), "version"),
    (changed("image_shape", [3, 10**9, 8]), r"image_shape is 3 whole numbers 1..65536, not \[3, 1000000000, 8\]"),
    (changed("image_shape", [3, 8.5, 1e300]), r"not \[3, 8.5, 1e\+300\]"),
    (changed("layer1.weights", None), "layer1 .*weights.*missing"),
    (changed("layer1.weights", np.ones((6, 3, 3))), "axes"),
    (changed("layer1.weights", np.full((6, 3, 3, 3), np.nan)), "a value that is not finite; check"),
    (changed("layer1.weights", np.ones((6, 4, 3, 3))), "take 4 inputs"),
    (changed("layer1.wieghts", np.ones(3)), "wieghts.*unknown"),
    (changed("layer1.type", "conv"), "'conv'"),
    (changed("layer1.padding", 1.5), "padding"),
    (changed("layer2.variance", -np.ones(6)), "variance"),
    (changed("layer2.mean", np.ones(5)), "5 values for 6 channels"),
    (changed("layer3.zero", 0), "zero"),
    (changed("layer8.order", "WHC"), "order"),
    (changed("layer11.type", "sign"), "layer10"),
    (changed("layer9.weights", np.ones((5, 63))), "take 63 inputs"),
    (changed("pixels", 1), "'pixels'.*unknown"),
]


@pytest.mark.parametrize("index", range(len(SPOILED)))
def test_refusal(index, tmp_path):
    spoil, words = SPOILED[index]
    values = signs_padded(np.random.default_rng(0))
    spoil(values)
    np.savez(tmp_path / "plain.npz", **values)
    with pytest.raises(InputError, match=words) as caught:
        load(tmp_path / "plain.npz")
    assert str(caught.value).startswith("plain.npz: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("header", [b"{'descr': '<f4', 'shape': (2,\n", b"{" * 3000, b"(" * 3000 + b"\n", b"'a' + 1\n"])
def test_a_header_that_is_no_header(header, tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("format.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(InputError, match="the key 'format': "):
        load(path)


def test_a_directory_of_millions_is_not_read(tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("format.npy", b"")
    data = bytearray(path.read_bytes())
    data[-10:-6] = (1 << 27).to_bytes(4, "little")
    path.write_bytes(data)
    assert not storage.is_network(path)
    with pytest.raises(InputError, match="its zip directory is larger than"):
        load(path)


def flat(weights):
    """One dense layer on a row of pixels."""
    shape = (1, 1, weights.shape[1])
    return network_of(shape, {"type": "flatten", "order": "CHW"}, {"type": "dense", "weights": weights})


@pytest.mark.parametrize(
    "levels, shown", [((-1, 0, 1), "-1, 0, 1"), ((-2, -1, 0, 1), "-2, -1, 0, 1"), ((0, 1), "0, 1"), ((0,), "0")]
)
@pytest.mark.parametrize("kind", [np.int8, np.float32])
def test_weights_of_more_than_a_bit_are_refused(levels, shown, kind, tmp_path):
    np.savez(tmp_path / "x.npz", **flat(np.resize(np.array(levels, kind), (10, 24))))
    with pytest.raises(InputError, match=rf"layer1 \(dense\): weights are {shown}, not only -1 and \+1; .*1-bit"):
        load(tmp_path / "x.npz")


def test_latent_weights_may_hold_zeros(tmp_path):
    weights = np.random.default_rng(0).normal(size=(10, 24))
    weights[0, :3] = 0
    np.savez(tmp_path / "x.npz", **flat(weights))
    assert "binarised by sign, 3 zeros to +1" in load(tmp_path / "x.npz").messages[-1]
    np.savez(tmp_path / "x.npz", **flat(np.random.default_rng(0).integers(-9, 10, size=(10, 24))))
    assert "binarised by sign" in load(tmp_path / "x.npz").messages[-1]


def peak_of_import(path, values):
    """Bytes at the height of an import: sizes are such that even a wasteful one leaves the machine alone."""
    np.savez_compressed(path, **values)
    tracemalloc.start()
    try:
        load(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_of_the_logits_is_that_of_one_class(tmp_path):
    assert peak_of_import(tmp_path / "x.npz", flat(np.ones((100, 784), np.int8))) < 100 << 20


def test_memory_of_the_weights_is_that_of_the_file(tmp_path):
    """A zip of equal weights is a thousandth of them, so that a float64 of each would be a bomb."""
    weights = np.ones((400, 20000), np.int8)
    values = {key.replace("layer1", "layer2"): value for key, value in flat(weights).items()}
    values |= {"layer1.type": "sign"}
    assert peak_of_import(tmp_path / "x.npz", values) < 12 * weights.size


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    np.savez(tmp_path / "x.npz", **flat(np.ones((2, 4))))
    monkeypatch.setattr("hwgen.npz.open", refuse, raising=False)
    with pytest.raises(InputError, match=r"x.npz: it cannot be read \(Permission denied\)"):
        load(tmp_path / "x.npz")


@pytest.mark.parametrize("field", ["input_mean", "input_std"])
def test_means_and_deviations_are_one_or_one_per_channel(field, tmp_path):
    np.savez(tmp_path / "x.npz", **flat(np.ones((2, 4))))
    option = "--" + field.replace("_", "-")
    with pytest.raises(InputError, match=f"{option} has 3 values, and the image has 1 channel; give one"):
        load(tmp_path / "x.npz", **{field: (0.1, 0.2, 0.3)})
    np.savez(tmp_path / "x.npz", **signs_padded(np.random.default_rng(0)))
    with pytest.raises(InputError, match=f"{option} has 2 values, and the image has 3 channels; give one"):
        load(tmp_path / "x.npz", **{field: (0.1, 0.2)})
    assert load(tmp_path / "x.npz", **{field: (0.1, 0.2, 0.3)}).network.image_shape == (3, 8, 8)
