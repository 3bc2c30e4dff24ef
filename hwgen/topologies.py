"""Known topologies with random weights: work for the planner, the simulator and benchmarks before anything is trained.

The thresholds stand at the quantiles of each accumulator's distribution, as a trained batch norm puts them, so that
every activation level occurs about equally often and no layer goes constant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from .integers import BIPOLAR, IntegerType, unsigned
from .layers import Argmax, Convolution, Dense, Flatten, Layer, Lookup, MaxPool, Threshold
from .network import Network


def cnv(seed: int = 0, activation_bits: int = 1, name: str = "cnv_random") -> Network:
    """CNV of FINN and BNN-PYNQ: 32x32x3 pixels, six valid 3x3 convolutions, three dense layers, 10 classes.

    Parameters
    ----------
    seed : of weights and thresholds
    activation_bits : 1 (bipolar) .. 8 (unsigned) between the layers
    """
    builder = _Builder(seed, activation_bits, _uniform(0, 255))
    inputs = 3
    for number, (outputs, pool) in enumerate([(64, 0), (64, 2), (128, 0), (128, 2), (256, 0), (256, 0)], start=1):
        builder.linear(Convolution, (outputs, inputs, 3, 3), f"conv{number}")
        if pool:
            builder.pool(pool, f"pool{number}")
        inputs = outputs
    builder.layers.append(Flatten(order="CHW", name="flatten"))
    builder.dense([256, 512, 512, 10])
    return Network(image_shape=(3, 32, 32), layers=tuple(builder.layers), name=name)


def tfc(seed: int = 0, activation_bits: int = 1, width: int = 64, name: str = "tfc_random") -> Network:
    """TFC, SFC (`width` 256) and LFC (1024): 28x28 pixels made -1 or +1, three dense layers of `width`, 10 classes."""
    builder = _Builder(seed, activation_bits, {-1: 0.5, 1: 0.5})
    table = np.where(np.arange(256) < 128, -1, 1)[None]
    builder.layers += [Lookup(table=table, output=BIPOLAR, name="pixels"), Flatten(order="CHW", name="flatten")]
    builder.dense([784, width, width, width, 10])
    return Network(image_shape=(1, 28, 28), layers=tuple(builder.layers), name=name)


RANDOM: dict[str, Callable[[], Network]] = {"cnv_random": cnv}


def _uniform(least: int, most: int) -> dict[int, float]:
    return dict.fromkeys(range(least, most + 1), 1 / (most - least + 1))


@dataclass
class _Builder:
    """Layers so far, and the distribution {value: probability} of what the last one gives."""

    seed: int
    activation_bits: int
    values: dict[int, float]
    layers: list[Layer] = field(default_factory=list)

    def __post_init__(self):
        self._generator = np.random.default_rng(self.seed)

    def linear(self, kind: type[Convolution] | type[Dense], shape: Sequence[int], name: str, activate: bool = True):
        """A layer with weights of `shape`, and its Threshold unless it gives the logits."""
        weights = self._generator.integers(0, 2, size=shape, dtype=np.int8) * 2 - 1
        self.layers.append(kind(weights=weights, name=name))
        if not activate:
            return
        output = BIPOLAR if self.activation_bits == 1 else unsigned(self.activation_bits)
        self.layers.append(Threshold(thresholds=self._thresholds(weights, output), output=output, name=f"{name}_act"))
        levels = range(1 << output.bits)
        self.values = {output.minimum + output.step * level: 1 / len(levels) for level in levels}

    def _thresholds(self, weights, output: IntegerType):
        """Quantiles of w*a summed over the fan-in, taken as normal, with inputs independent of each other."""
        fan_in = weights[0].size
        mean = sum(value * p for value, p in self.values.items())
        deviation = (fan_in * sum((value - mean) ** 2 * p for value, p in self.values.items())) ** 0.5
        levels = 1 << output.bits
        quantiles = np.array([NormalDist().inv_cdf(k / levels) for k in range(1, levels)])
        centre = mean * weights.reshape(len(weights), -1).sum(axis=1)
        jitter = self._generator.normal(0, 0.1, size=len(weights))
        return np.rint(centre[:, None] + deviation * (quantiles + jitter[:, None])).astype(np.int64)

    def pool(self, size: int, name: str):
        self.layers.append(MaxPool(window=(size, size), stride=(size, size), name=name))
        below, most = 0.0, {}
        for value, p in sorted(self.values.items()):
            most[value] = (below + p) ** (size * size) - below ** (size * size)
            below += p
        self.values = most

    def dense(self, widths: Sequence[int]):
        for number, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False), start=1):
            last = number == len(widths) - 1
            self.linear(Dense, (outputs, inputs), f"fc{number}", activate=not last)
        self.layers.append(Argmax(name="class"))
