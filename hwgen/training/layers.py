"""Layers with binary weights and quantized activations, trained through straight-through estimators.

Weights are binarised in the forward pass; the *latent* real weights take the gradient and stay in [-1, 1]
(Courbariaux et al., BinaryConnect, 2015). Activations are binarised with a hardtanh window in the backward pass
(Hubara et al., Binarized Neural Networks, 2016). Every value that the hardware will hold is an integer here too:
pixels are 0..255, activations are -1/+1 or unsigned codes, sums have no bias and no scale.
"""

import math

import torch
from torch import nn
from torch.nn import functional


class _BinariseWeights(torch.autograd.Function):
    """sign with sign(0) = +1; the gradient passes unchanged, clipping the latent weights bounds it instead."""

    @staticmethod
    def forward(ctx, latent):
        return torch.where(latent >= 0, 1.0, -1.0).to(latent.dtype)

    @staticmethod
    def backward(ctx, *gradients):
        return gradients[0]


class _BinariseActivations(torch.autograd.Function):
    """sign with sign(0) = +1; the gradient passes where |x| <= 1."""

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values.abs() <= 1)
        return torch.where(values >= 0, 1.0, -1.0).to(values.dtype)

    @staticmethod
    def backward(ctx, *gradients):
        (window,) = ctx.saved_tensors
        return gradients[0] * window


class _QuantizeActivations(torch.autograd.Function):
    """floor(x / step + 1/2) limited to 0..maximum; the gradient passes, divided by step, where nothing is limited."""

    @staticmethod
    def forward(ctx, values, step, maximum):
        codes = torch.floor(values / step + 0.5)
        ctx.save_for_backward((codes >= 0) & (codes <= maximum))
        ctx.step = step
        return codes.clamp(0, maximum)

    @staticmethod
    def backward(ctx, *gradients):
        (window,) = ctx.saved_tensors
        return gradients[0] * window / ctx.step, None, None


class BinaryLinear(nn.Linear):
    """Dense layer: out[o] = sum sign(weight[o,i]) * in[i]; `weight` (outputs, inputs) is latent, there is no bias."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, bias=False)

    def reset_parameters(self):
        nn.init.uniform_(self.weight, -1, 1)

    def forward(self, input):
        return functional.linear(input, self.binary_weight)

    @property
    def binary_weight(self) -> torch.Tensor:
        """-1 or +1, shape of `weight`."""
        return _BinariseWeights.apply(self.weight)


class BinaryConv2d(nn.Conv2d):
    """Convolution with binary weights (outputs, inputs, kernel, kernel) and a zero border; `weight` is latent."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0):
        super().__init__(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)

    def reset_parameters(self):
        nn.init.uniform_(self.weight, -1, 1)

    def forward(self, input):
        return functional.conv2d(input, self.binary_weight, stride=self.stride, padding=self.padding)

    @property
    def binary_weight(self) -> torch.Tensor:
        """-1 or +1, shape of `weight`."""
        return _BinariseWeights.apply(self.weight)


class BatchNorm(nn.BatchNorm1d):
    """Batch norm over axis 1 of (N, C) or (N, C, H, W).

    In evaluation it is (x - mean) * (gamma / sqrt(variance + eps)) + beta in this order, which is that of the
    exchange format: in float64 importer and torch then decide alike for every integer x.
    """

    def _check_input_dim(self, input):
        if input.dim() < 2 or input.shape[1] != self.num_features:
            raise ValueError(f"batch norm of {self.num_features} channels takes (N, C, ...), not {tuple(input.shape)}")

    def forward(self, input):
        if self.training:
            return super().forward(input)
        self._check_input_dim(input)
        assert self.running_mean is not None and self.running_var is not None
        shape = (-1, *[1] * (input.dim() - 2))
        scale = self.weight / torch.sqrt(self.running_var + self.eps)
        return (input - self.running_mean.view(shape)) * scale.view(shape) + self.bias.view(shape)


class Sign(nn.Module):
    """Bipolar activation: -1 or +1, sign(0) = +1."""

    bits = 1

    def forward(self, input):
        return _BinariseActivations.apply(input)


class Uniform(nn.Module):
    """Unsigned activation of 2..8 bits: codes 0 .. 2^bits-1 of a fixed step, a power of two.

    The step 2^(1-bits) lets a batch norm's output of unit variance fill the range [0, 2). The output is the code
    itself and not code * step: the scale is lost in the next batch norm, and sums stay integers.
    """

    def __init__(self, bits: int):
        super().__init__()
        if not 2 <= bits <= 8:
            raise ValueError(f"a uniform activation has 2..8 bits, not {bits}")
        self.bits = bits
        self.step = 2.0 ** (1 - bits)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The code is the number of these (ascending, exact in binary) that the input reaches."""
        return tuple((code - 0.5) * self.step for code in range(1, 1 << self.bits))

    def forward(self, input):
        return _QuantizeActivations.apply(input, self.step, (1 << self.bits) - 1)


class LogitScale(nn.Module):
    """One learned positive factor for all logits: it shapes the loss and leaves the order of the sums alone."""

    def __init__(self, initial: float):
        super().__init__()
        self.logarithm = nn.Parameter(torch.tensor(math.log(initial)))

    def forward(self, input):
        return input * torch.exp(self.logarithm)


def binary_layers(model: nn.Module) -> list[BinaryLinear | BinaryConv2d]:
    """The layers of `model` whose weights are binary, in order."""
    return [module for module in model.modules() if isinstance(module, (BinaryLinear, BinaryConv2d))]


def freeze_batch_norms(model: nn.Module):
    """Let batch norms use their running statistics, unchanged, until the next `model.train()`."""
    for module in model.modules():
        if isinstance(module, BatchNorm):
            module.eval()


@torch.no_grad()
def clip_latent_weights(model: nn.Module):
    """Limit latent weights to [-1, 1], after each step: beyond it a weight could no longer be turned round."""
    for layer in binary_layers(model):
        layer.weight.clamp_(-1, 1)
