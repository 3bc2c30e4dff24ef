"""Random small networks and arrays that between them use everything that the array does."""

import numpy as np

from hwgen.integers import BIPOLAR, MAX_ACTIVATION_BITS, IntegerType, signed, unsigned
from hwgen.layers import Argmax, Convolution, Dense, Flatten, Lookup, MaxPool, ScaleBias, SumPool, Tensor, Threshold
from hwgen.network import Network
from hwgen.plan.compile import ArrayShape

KERNELS = ((1, 1), (3, 3), (3, 3), (5, 5), (7, 7), (1, 3), (3, 1), (2, 2), (4, 3))


def signs(rng, *shape) -> np.ndarray:
    """Random weights, -1 or +1."""
    return rng.choice(np.array([-1, 1], np.int8), size=shape)


def images_for(rng, network, count) -> np.ndarray:
    """Random images, uint8 (count, height, width, channels)."""
    channels, height, width = network.image_shape
    return rng.integers(0, 1 << network.image_type.bits, size=(count, height, width, channels), dtype=np.uint8)


def random_type(rng) -> IntegerType:
    """Bipolar most often; else unsigned or signed of up to 8 bits, narrow ones most often."""
    if rng.random() < 0.4:
        return BIPOLAR
    bits = int(rng.choice([1, 2, 2, 3, 3, 4, 5, 6, 8]))
    return signed(bits) if bits > 1 and rng.random() < 0.5 else unsigned(bits)


def random_shape(rng) -> ArrayShape:
    """A small P, S, Q: smaller, equal and larger, powers of two and others."""
    s = int(rng.choice([2, 4, 6, 8, 8, 12, 16]))
    p = int(rng.choice([n for n in range(1, 4 * s + 1) if n <= 24 and (n % s == 0 or s % n == 0)]))
    return ArrayShape(p=p, s=s, q=int(rng.choice([1, 1, 2, 3, 4])))


class Chain:
    """A network under construction; `spread` estimates how far the values of the last tensor scatter."""

    def __init__(self, rng, image_shape, image_type):
        self.rng = rng
        self.image_shape, self.image_type = image_shape, image_type
        self.layers = []
        self.tensor = Tensor.activation(image_shape, image_type)
        self.spread = 0.0

    def add(self, layer):
        self.tensor = layer.apply(self.tensor)
        self.layers.append(layer)
        return self

    def _linear(self, layer, fan_in):
        largest = max(abs(self.tensor.range.minimum), self.tensor.range.maximum)
        self.spread = 0.6 * largest * fan_in**0.5
        return self.add(layer)

    def convolution(self, outputs, kernel, **options):
        channels = self.tensor.shape[0]
        weights = signs(self.rng, outputs, channels, *kernel)
        return self._linear(Convolution(weights=weights, **options), channels * kernel[0] * kernel[1])

    def dense(self, outputs):
        inputs = self.tensor.shape[0]
        return self._linear(Dense(weights=signs(self.rng, outputs, inputs)), inputs)

    def threshold(self, output):
        """Thresholds where the values are, and now and then a row that is short, or far out."""
        most = (1 << output.bits) - 1
        count = most if self.rng.random() < 0.7 else int(self.rng.integers(1, most + 1))
        low, high = self.tensor.range.minimum, self.tensor.range.maximum
        middle = (low + high) / 2
        spread = self.spread or (high - low) / 3
        rows = np.rint(self.rng.normal(middle, spread, (self.tensor.shape[0], count)))
        far = self.rng.random(len(rows)) < 0.1
        rows[far] = self.rng.integers(2 * low - 3, 2 * high + 4, size=(int(far.sum()), count))
        return self.add(Threshold(thresholds=np.sort(rows, axis=1), output=output))

    def ramp(self, output):
        """Evenly spaced thresholds, as a batch norm and a uniform activation give them; some of one step, or none."""
        channels, count = self.tensor.shape[0], (1 << output.bits) - 1
        spread = self.spread or (self.tensor.range.maximum - self.tensor.range.minimum) / 3
        step = self.rng.uniform(1, 4, channels) * spread / count
        step[self.rng.random(channels) < 0.1] *= 4 * count
        step[self.rng.random(channels) < 0.1] = 0
        middle = self.rng.normal((self.tensor.range.maximum + self.tensor.range.minimum) / 2, spread / 2, channels)
        levels = np.arange(count) - count // 2
        return self.add(Threshold(thresholds=np.ceil(middle[:, None] + levels * step[:, None]), output=output))

    def scale(self, output, shift=4):
        """A ScaleBias whose results lie about the output's range; signs of either kind, and a zero."""
        channels = self.tensor.shape[0]
        spread = self.spread or (self.tensor.range.maximum - self.tensor.range.minimum) / 3
        gain = max(1, int((output.maximum - output.minimum) * (1 << shift) / (3 * spread + 1)))
        multiplier = self.rng.integers(-gain - 1, gain + 2, size=channels)
        middle = (output.maximum + output.minimum) // 2 << shift
        bias = middle + self.rng.integers(-gain, gain + 1, size=channels)
        return self.add(ScaleBias(multiplier=multiplier, bias=bias, shift=shift, output=output))

    def lookup(self, output, channels):
        codes = self.rng.integers(0, 1 << output.bits, size=(channels, 1 << self.image_type.bits))
        return self.add(Lookup(table=output.minimum + output.step * codes, output=output))

    def network(self, name) -> Network:
        return Network(
            image_shape=self.image_shape,
            layers=tuple(self.layers) + (Argmax(),),
            name=name,
            image_type=self.image_type,
        )


def random_network(seed: int) -> Network:
    """A valid network of random layers; about one in twenty is one that the array refuses."""
    rng = np.random.default_rng(seed)
    image_shape = (int(rng.choice([1, 1, 2, 3, 3, 5])), int(rng.integers(3, 13)), int(rng.integers(3, 13)))
    chain = Chain(rng, image_shape, unsigned(int(rng.choice([8, 8, 8, 4, 1]))))
    if rng.random() < 0.5:
        chain.lookup(random_type(rng), int(rng.choice([1, image_shape[0]])))
    if rng.random() < 0.8:
        for _ in range(int(rng.integers(1, 4))):
            _convolution_block(chain)
        if chain.tensor.shape[1:] != (1, 1) and rng.random() < 0.25:
            chain.add(SumPool(window=chain.tensor.shape[1:], stride=(1, 1)))
            if chain.tensor.type.bits > MAX_ACTIVATION_BITS:
                _activation(chain)
    chain.add(Flatten(order=str(rng.choice(["CHW", "HWC"]))))
    for _ in range(int(rng.integers(0, 2))):
        chain.dense(int(rng.integers(1, 30)))
        _activation(chain)
    _logits(chain)
    return chain.network(f"random {seed}")


def _fits(rng, chain, most):
    return tuple(int(rng.integers(1, min(most, n) + 1)) for n in chain.tensor.shape[1:])


def _convolution_block(chain):
    rng = chain.rng
    if rng.random() < 0.15:
        chain.add(SumPool(window=_fits(rng, chain, 3), stride=_fits(rng, chain, 3)))
        if chain.tensor.type.bits > 8:
            _activation(chain)
    padding = tuple(int(n) for n in rng.integers(0, 4, size=4)) if rng.random() < 0.6 else (0, 0, 0, 0)
    height, width = (chain.tensor.shape[1 + i] + padding[i] + padding[i + 2] for i in (0, 1))
    kernel = tuple(KERNELS[rng.integers(len(KERNELS))])
    kernel = (min(kernel[0], height), min(kernel[1], width))
    type_ = chain.tensor.type
    border = int(rng.choice([0, 0, *(b for b in (-1, 1) if type_.has(b))]))
    stride = (int(rng.choice([1, 1, 1, 2, 3])), int(rng.choice([1, 1, 1, 2, 3])))
    chain.convolution(int(rng.integers(1, 25)), kernel, stride=stride, padding=padding, border=border)
    if rng.random() < 0.15:
        chain.add(SumPool(window=_fits(rng, chain, 2), stride=_fits(rng, chain, 3)))
    kind = rng.integers(4)
    if kind == 0:
        _max_pool(chain)
    _activation(chain)
    if kind == 1:
        _max_pool(chain)
    if rng.random() < 0.1:
        _max_pool(chain)
        _activation(chain)


def _max_pool(chain):
    rng = chain.rng
    minimum = rng.random(chain.tensor.shape[0]) < 0.5 if rng.random() < 0.5 else np.zeros(0, bool)
    chain.add(MaxPool(window=_fits(rng, chain, 3), stride=_fits(rng, chain, 4), minimum=minimum))


def _activation(chain):
    output = random_type(chain.rng)
    choice = chain.rng.random()
    if output.kind != "bipolar" and choice < 0.25:
        chain.scale(output)
    elif output.kind != "bipolar" and choice < 0.5:
        chain.ramp(output)
    else:
        chain.threshold(output)


def _logits(chain):
    rng = chain.rng
    kind = rng.random()
    if kind < 0.1 and chain.tensor.type is not None and len(chain.layers) > 2:
        chain.dense(int(rng.integers(2, 12)))
        chain.threshold(random_type(rng))
        return
    chain.dense(int(rng.integers(2, 40)))
    if kind < 0.35:
        chain.scale(signed(int(rng.choice([8, 16, 32]))), shift=int(rng.integers(0, 9)))
