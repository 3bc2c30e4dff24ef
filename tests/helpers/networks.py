"""Small random networks that between them use every layer with every option."""

import numpy as np

from hwgen.integers import BIPOLAR, PIXEL, signed, unsigned
from hwgen.layers import Argmax, Convolution, Dense, Flatten, Lookup, MaxPool, ScaleBias, SumPool, Tensor, Threshold
from hwgen.network import Network

WEIGHT_BITS = {
    "tfc": 59_008, "sfc": 334_336, "lfc": 2_910_208, "lenet": 430_500, "cnv": 1_542_848, "vgg": 14_022_016,
    "tinbinn": 996_880,
}  # fmt: skip
"""Of the ready topologies, counted by hand."""


def signs(rng, *shape):
    return rng.choice([-1, 1], size=shape)


def activation_type(rng):
    kind = rng.integers(3)
    if kind == 0:
        return BIPOLAR
    return unsigned(int(rng.integers(1, 6))) if kind == 1 else signed(int(rng.integers(2, 6)))


def thresholds(rng, tensor, output):
    """Thresholds inside the values' range, some beyond it, some equal; a full row or a shorter one."""
    most = (1 << output.bits) - 1
    count = int(rng.integers(1, most + 1)) if rng.random() < 0.3 else most
    low, high = tensor.range.minimum - 2, tensor.range.maximum + 3
    return np.sort(rng.integers(low, high + 1, size=(tensor.shape[0], count)), axis=1)


def activation(rng, tensor):
    """A Threshold, or now and then a ScaleBias."""
    channels = tensor.shape[0]
    if rng.random() < 0.25:
        output = unsigned(int(rng.integers(1, 7))) if rng.random() < 0.5 else signed(int(rng.integers(2, 7)))
        multiplier, bias = rng.integers(-9, 10, size=channels), rng.integers(-50, 51, size=channels)
        return ScaleBias(multiplier=multiplier, bias=bias, shift=int(rng.integers(0, 5)), output=output)
    output = activation_type(rng)
    return Threshold(thresholds=thresholds(rng, tensor, output), output=output)


def max_pool(rng, tensor):
    window = below(rng, min(3, tensor.shape[1]), min(3, tensor.shape[2]))
    padding = rng.integers(0, [*window, *window]) if rng.random() < 0.4 else np.zeros(4, int)
    minimum = rng.random(tensor.shape[0]) < 0.5 if rng.random() < 0.5 else np.zeros(0, bool)
    return MaxPool(window=window, stride=below(rng, 3, 3), padding=tuple(padding), minimum=minimum)


def below(rng, height, width) -> tuple[int, int]:
    """A random (vertical, horizontal) pair of 1..height and 1..width."""
    return int(rng.integers(1, height + 1)), int(rng.integers(1, width + 1))


def convolution(rng, tensor):
    padding = rng.integers(0, 3, size=4) if rng.random() < 0.6 else np.zeros(4, int)
    padded = [n + padding[i] + padding[i + 2] for i, n in enumerate(tensor.shape[1:])]
    kernel = below(rng, min(4, padded[0]), min(4, padded[1]))
    weights = signs(rng, int(rng.integers(1, 6)), tensor.shape[0], *kernel)
    return Convolution(
        weights=weights, stride=below(rng, 2, 2), padding=tuple(padding), border=int(rng.integers(-1, 2))
    )


def random_network(rng) -> Network:
    """A valid network of 3 to about 12 layers; the same generator state gives the same network."""
    image_shape = (int(rng.integers(1, 4)), int(rng.integers(3, 8)), int(rng.integers(3, 8)))
    layers = []
    tensor = Tensor.activation(image_shape, PIXEL)

    def add(layer):
        nonlocal tensor
        layers.append(layer)
        tensor = layer.apply(tensor)

    if rng.random() < 0.4:
        output = activation_type(rng)
        codes = rng.integers(0, 1 << output.bits, size=(int(rng.choice([1, image_shape[0]])), 256))
        add(Lookup(table=output.minimum + output.step * codes, output=output))
    for _ in range(int(rng.integers(1, 4))):
        add(convolution(rng, tensor))
        steps = [activation, max_pool] if rng.random() < 0.5 else [max_pool, activation]
        for step in steps if rng.random() < 0.6 else [activation]:
            add(step(rng, tensor))
    if rng.random() < 0.4:
        add(SumPool(window=below(rng, *tensor.shape[1:]), stride=below(rng, 2, 2)))
        if tensor.type is not None and tensor.type.bits > 12:
            add(activation(rng, tensor))
    add(Flatten(order=str(rng.choice(["CHW", "HWC"]))))
    for _ in range(int(rng.integers(0, 2))):
        add(Dense(weights=signs(rng, int(rng.integers(1, 9)), tensor.shape[0])))
        add(activation(rng, tensor))
    add(Dense(weights=signs(rng, int(rng.integers(2, 11)), tensor.shape[0]), name="logits"))
    if rng.random() < 0.3:
        add(
            ScaleBias(
                multiplier=rng.integers(-(1 << 20), 1 << 20, size=tensor.shape[0]),
                bias=rng.integers(-(1 << 20), 1 << 20, size=tensor.shape[0]),
                shift=3,
                output=signed(32),
            )
        )
    add(Argmax())
    return Network(image_shape=image_shape, layers=tuple(layers), name="random")


def random_images(rng, network, count):
    channels, height, width = network.image_shape
    return rng.integers(0, 1 << network.image_type.bits, size=(count, height, width, channels), dtype=np.uint8)
