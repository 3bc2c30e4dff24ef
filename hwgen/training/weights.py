"""Layers with binary weights, and what keeps their latent weights in bounds.

The *latent* real weights take the gradient; the forward pass sees their signs. Three ways to train them:

- BinaryConnect, deterministic (Courbariaux et al. 2015, section 2.2; BNN, Hubara et al. 2016, the same): sign(w), the
  gradient passes unchanged, latent weights are clipped to [-1, 1].
- BinaryConnect, stochastic (the same section): +1 with probability (w + 1) / 2 clipped to 0..1, drawn anew in each
  forward pass of training. Evaluation takes sign(w): this hardware holds binary weights, whereas the paper's figures of
  the stochastic variant are of its real weights (section 2.6).
- XNOR-Net (Rastegari et al. 2016, section 3.1): sign(w) times alpha = mean |w| of each filter (`FilterScale`), latent
  weights centred as in the authors' released code. The input's scale map K of section 3.2 is left out, as that code
  leaves it out.
"""

import math
from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional


def sign(values: torch.Tensor) -> torch.Tensor:
    """-1 or +1 with sign(0) = +1, of either zero. (`torch.where` takes ten times as long.)"""
    return torch.copysign(torch.ones((), dtype=values.dtype, device=values.device), values + 0.0)


class _Sign(torch.autograd.Function):
    """sign with sign(0) = +1; the gradient passes unchanged, clipping the latent weights bounds it instead."""

    @staticmethod
    def forward(ctx, latent):
        return sign(latent)

    @staticmethod
    def backward(ctx, *gradients):
        return gradients[0]


class _Draw(torch.autograd.Function):
    """+1 with probability clip((w + 1) / 2, 0, 1), else -1; the gradient passes unchanged."""

    @staticmethod
    def forward(ctx, latent):
        return torch.where(torch.rand_like(latent) * 2 - 1 < latent, 1.0, -1.0).to(latent.dtype)

    @staticmethod
    def backward(ctx, *gradients):
        return gradients[0]


class BinaryLinear(nn.Linear):
    """Dense layer: out[o] = sum w[o,i] * in[i], w in {-1,+1}; `weight` (outputs, inputs) is latent, there is no bias.

    Parameters
    ----------
    stochastic : draw the weights in training (from torch's global generator) instead of taking their signs
    """

    def __init__(self, inputs: int, outputs: int, *, stochastic: bool = False):
        super().__init__(inputs, outputs, bias=False)
        self.stochastic = stochastic

    def reset_parameters(self):
        nn.init.uniform_(self.weight, -1, 1)

    def forward(self, input):
        return functional.linear(input, _drawn(self))

    @property
    def binary_weight(self) -> torch.Tensor:
        """-1 or +1, shape of `weight`: what the hardware holds."""
        return _Sign.apply(self.weight)


class BinaryConv2d(nn.Conv2d):
    """Convolution with binary weights (outputs, inputs, kernel, kernel) and a zero border; `weight` is latent.

    Parameters
    ----------
    stochastic : as in `BinaryLinear`
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0, stochastic: bool = False
    ):
        super().__init__(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
        self.stochastic = stochastic

    def reset_parameters(self):
        nn.init.uniform_(self.weight, -1, 1)

    def forward(self, input):
        return functional.conv2d(input, _drawn(self), stride=self.stride, padding=self.padding)

    @property
    def binary_weight(self) -> torch.Tensor:
        """-1 or +1, shape of `weight`: what the hardware holds."""
        return _Sign.apply(self.weight)


BinaryLayer = BinaryLinear | BinaryConv2d
_Layer = TypeVar("_Layer", BinaryLinear, BinaryConv2d)


def _drawn(layer: BinaryLayer) -> torch.Tensor:
    """The weights of a forward pass."""
    if layer.stochastic and layer.training:
        return _Draw.apply(layer.weight)
    return layer.binary_weight


class FilterScale(nn.Module):
    """XNOR-Net's alpha: each output channel of `layer` times the mean of its latent weights' magnitudes.

    A module of its own behind the layer, whose sums so stay integers. Alpha is a function of the latent weights, and
    autograd through both gives the gradient of the paper's section 3.3.
    """

    def __init__(self, layer: BinaryLayer):
        super().__init__()
        self._layer = (layer,)  # in a tuple: its parameters belong to the layer, not to this module as well

    @property
    def alpha(self) -> torch.Tensor:
        """(channels,)"""
        weight = self._layer[0].weight
        return weight.abs().mean(dim=tuple(range(1, weight.dim())))

    def forward(self, input):
        return input * self.alpha.view(-1, *[1] * (input.dim() - 2))


class LogitScale(nn.Module):
    """One learned positive factor for all logits: it shapes the loss and leaves the order of the sums alone."""

    def __init__(self, initial: float):
        super().__init__()
        self.logarithm = nn.Parameter(torch.tensor(math.log(initial)))

    def forward(self, input):
        return input * torch.exp(self.logarithm)


def binary_layers(model: nn.Module) -> list[BinaryLayer]:
    """The layers of `model` whose weights are binary, in order."""
    return [module for module in model.modules() if isinstance(module, BinaryLayer)]


@torch.no_grad()
def clip_latent_weights(model: nn.Module):
    """Limit latent weights to [-1, 1], after each step: beyond it a weight could no longer be turned round."""
    for layer in binary_layers(model):
        layer.weight.clamp_(-1, 1)


@torch.no_grad()
def centre_latent_weights(model: nn.Module):
    """Take from each latent weight the mean over its filter's input channels (XNOR-Net's released code, each step).

    A layer that reads one channel stays as it is: the mean would be the weight itself.
    """
    for layer in binary_layers(model):
        if layer.weight.shape[1] > 1:
            layer.weight -= layer.weight.mean(dim=1, keepdim=True)
