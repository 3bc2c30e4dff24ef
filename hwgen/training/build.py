"""Topology and method to a torch module, (N, C, H, W) raw pixels to (N, classes) logits.

Initial weights come from torch's global generator.
"""

from collections import OrderedDict

from torch import nn
from torch.nn import functional

from ..topology import ResNet, Topology
from .activations import InputSign, Sign, Uniform
from .method import Method
from .norms import BatchNorm, ShiftBatchNorm
from .weights import BinaryConv2d, BinaryLinear, FilterScale, LogitScale


def build(topology: Topology | ResNet, method: Method) -> nn.Module:
    """The module; a `Topology` gives an `nn.Sequential` whose children bear the names of the network's layers."""
    return _chain(topology, method) if isinstance(topology, Topology) else ResidualNetwork(topology, method)


def _chain(topology: Topology, method: Method) -> nn.Sequential:
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    channels, last = topology.image_shape[0], len(topology.dense) - 1
    if method.input_bits == 1:
        modules["input"] = InputSign()
    for i, block in enumerate(topology.convolutions):
        real = i == 0 and method.first == "real"
        convolution = _convolution(
            channels, block.channels, block.kernel, method, real, stride=block.stride, padding=block.padding
        )
        modules[f"conv{i}"] = convolution
        if block.pool > 1:
            modules[f"pool{i}"] = nn.MaxPool2d(block.pool)
        if method.weights == "scaled" and isinstance(convolution, BinaryConv2d):
            modules[f"conv{i}_alpha"] = FilterScale(convolution)  # positive: behind the pool is as before it
        modules[f"conv{i}_norm"] = _norm(block.channels, method)
        modules[f"conv{i}_activation"] = _activation(method)
        channels = block.channels
    modules["flatten"] = nn.Flatten()
    inputs = topology.features
    for i, outputs in enumerate(topology.dense):
        real = method.last == "real" and i == last
        real |= method.first == "real" and i == 0 and not topology.convolutions
        dense = _dense(inputs, outputs, method, real)
        modules[f"dense{i}"] = dense
        if i < last:
            if method.weights == "scaled" and isinstance(dense, BinaryLinear):
                modules[f"dense{i}_alpha"] = FilterScale(dense)
            modules[f"dense{i}_norm"] = _norm(outputs, method)
            modules[f"dense{i}_activation"] = _activation(method)
            inputs = outputs
    if method.last == "binary":
        modules["scale"] = _logit_scale(inputs, method)
    return nn.Sequential(modules)


class ResidualNetwork(nn.Module):
    """`ResNet` in torch. The mean over the map and the shortcuts are real numbers."""

    def __init__(self, topology: ResNet, method: Method):
        super().__init__()
        channels = topology.channels
        stem = _convolution(topology.image_shape[0], channels, 3, method, method.first == "real", padding=1)
        self.stem = nn.Sequential(*([InputSign()] if method.input_bits == 1 else []), stem, _norm(channels, method))
        blocks: list[nn.Module] = []
        for group in range(4):
            for number in range(2):
                outputs = topology.channels << group
                blocks.append(_ResidualBlock(channels, outputs, 2 if group and not number else 1, method))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            _norm(channels, method), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            _dense(channels, topology.classes, method, method.last == "real"),
        )  # fmt: skip
        self.scale = nn.Identity() if method.last == "real" else _logit_scale(channels, method)

    def forward(self, input):
        return self.scale(self.head(self.blocks(self.stem(input))))


class _ResidualBlock(nn.Module):
    """Twice norm - activation - 3x3 convolution, plus a shortcut, which takes means and repeats channels with zeros
    where the map shrinks (He et al. 2016, option A): it has no weights that would have to be binary."""

    def __init__(self, inputs: int, outputs: int, stride: int, method: Method):
        super().__init__()
        self.stride, self.more = stride, outputs - inputs
        parts: list[nn.Module] = []
        for before, step in ((inputs, stride), (outputs, 1)):
            convolution = _convolution(before, outputs, 3, method, False, stride=step, padding=1)
            parts += [_norm(before, method), _activation(method), convolution]
            if isinstance(convolution, BinaryConv2d):
                parts.append(FilterScale(convolution))  # whatever the method: bounds the sums against the shortcut
        self.body = nn.Sequential(*parts)

    def forward(self, input):
        shortcut = functional.avg_pool2d(input, self.stride, ceil_mode=True) if self.stride > 1 else input
        return self.body(input) + functional.pad(shortcut, (0, 0, 0, 0, 0, self.more))


def _convolution(inputs, outputs, kernel, method, real, **options) -> nn.Conv2d:
    if real:
        return nn.Conv2d(inputs, outputs, kernel, bias=False, **options)
    return BinaryConv2d(inputs, outputs, kernel, stochastic=method.weights == "stochastic", **options)


def _dense(inputs, outputs, method, real) -> nn.Linear:
    if real:
        return nn.Linear(inputs, outputs)
    return BinaryLinear(inputs, outputs, stochastic=method.weights == "stochastic")


def _norm(channels, method) -> BatchNorm:
    return ShiftBatchNorm(channels) if method.norm == "shift" else BatchNorm(channels)


def _activation(method) -> nn.Module:
    if method.activation_bits == 1:
        return Sign()
    return Uniform(method.activation_bits, learned=method.step == "learned")


def _logit_scale(inputs, method) -> LogitScale:
    # Sums of `inputs` independent terms have a deviation of sqrt(inputs) times the activations' size.
    return LogitScale(1 / (inputs**0.5 * 2 ** (method.activation_bits - 1)))
