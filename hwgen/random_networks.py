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
from .topology import CNV, ConvolutionBlock, Topology


def with_random_weights(
    topology: Topology, name: str, *, seed: int = 0, activation_bits: int = 1, input_bits: int = 8
) -> Network:
    """A network of a chain topology.

    Parameters
    ----------
    topology : its shapes; a pool stands behind the activation here, which is the same as before it
    seed : of weights and thresholds
    activation_bits : 1 (bipolar) .. 8 (unsigned) between the layers
    input_bits : 8 for raw pixels, 1 for pixels made -1 or +1
    """
    builder = _Builder(seed, activation_bits, {-1: 0.5, 1: 0.5} if input_bits == 1 else _uniform(0, 255))
    if input_bits == 1:
        table = np.where(np.arange(256) < 128, -1, 1)[None]
        builder.layers.append(Lookup(table=table, output=BIPOLAR, name="pixels"))
    inputs = topology.image_shape[0]
    for number, block in enumerate(topology.convolutions, start=1):
        builder.convolution(inputs, block, number)
        inputs = block.channels
    builder.layers.append(Flatten(order="CHW", name="flatten"))
    builder.dense([topology.features, *topology.dense])
    return Network(image_shape=topology.image_shape, layers=tuple(builder.layers), name=name)


def cnv(seed: int = 0, activation_bits: int = 1) -> Network:
    """`hwgen.topology`'s CNV, reading raw pixels."""
    return with_random_weights(CNV, "cnv_random", seed=seed, activation_bits=activation_bits)


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

    def signs(self, *shape: int) -> np.ndarray:
        return self._generator.integers(0, 2, size=shape, dtype=np.int8) * 2 - 1

    def linear(self, layer: Convolution | Dense, activate: bool = True):
        """`layer`, and its Threshold unless it gives the logits."""
        self.layers.append(layer)
        if not activate:
            return
        output = BIPOLAR if self.activation_bits == 1 else unsigned(self.activation_bits)
        self.layers.append(
            Threshold(thresholds=self._thresholds(layer.weights, output), output=output, name=f"{layer.name}_act")
        )
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

    def convolution(self, inputs: int, block: ConvolutionBlock, number: int):
        weights = self.signs(block.channels, inputs, block.kernel, block.kernel)
        stride, pad = (block.stride, block.stride), block.padding
        self.linear(Convolution(weights=weights, stride=stride, padding=(pad, pad, pad, pad), name=f"conv{number}"))
        if block.pool > 1:
            self.pool(block.pool, f"pool{number}")

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
            self.linear(Dense(weights=self.signs(outputs, inputs), name=f"fc{number}"), activate=not last)
        self.layers.append(Argmax(name="class"))
