"""Quantized activations, trained through straight-through estimators; what they give are the hardware's integers."""

import torch
from torch import nn

from .weights import sign

LEAST_STEP = 1e-3

# torch's derivative of hardtanh leaves out its bounds: the least float32 above 1 takes them in.
_WINDOW = 1 + 2**-23


class _Sign(torch.autograd.Function):
    """sign with sign(0) = +1; the gradient passes where |x| <= 1, the derivative of hardtanh (BNN, section 1.3)."""

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return sign(values)

    @staticmethod
    def backward(ctx, *gradients):
        (values,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradients[0], values, -_WINDOW, _WINDOW)


class _Round(torch.autograd.Function):
    """floor(x + 1/2) limited to 0..maximum; the gradient passes where nothing is limited."""

    @staticmethod
    def forward(ctx, values, maximum):
        codes = torch.floor(values + 0.5)
        ctx.save_for_backward((codes >= 0) & (codes <= maximum))
        return codes.clamp(0, maximum)

    @staticmethod
    def backward(ctx, *gradients):
        (window,) = ctx.saved_tensors
        return gradients[0] * window, None


class Sign(nn.Module):
    """Bipolar activation: -1 or +1, sign(0) = +1."""

    bits = 1

    def forward(self, input):
        return _Sign.apply(input)


class InputSign(nn.Module):
    """Pixels 0..255 made -1 or +1: the sign of 2 x / 255 - 1."""

    scale, offset = 2 / 255, -1.0

    def forward(self, input):
        return _Sign.apply(input * self.scale + self.offset)


class Uniform(nn.Module):
    """Unsigned activation of 2..8 bits: codes 0 .. 2^bits-1, code = floor(x / step + 1/2).

    The output is the code itself and not code * step: the scale is lost in the next batch norm, and sums stay integers.
    The step starts at 2^(1-bits), with which a batch norm's output of unit variance fills the range [0, 2).

    Parameters
    ----------
    learned : train the step as well (LSQ, Esser et al. 2020, whose gradient, scaled as in its section 2.2, this is up
        to a part that the next batch norm cancels); else it stays the power of two that it starts at
    """

    def __init__(self, bits: int, *, learned: bool = False):
        super().__init__()
        if not 2 <= bits <= 8:
            raise ValueError(f"a uniform activation has 2..8 bits, not {bits}")
        self.bits = bits
        self.step = nn.Parameter(torch.tensor(2.0 ** (1 - bits)), requires_grad=learned)

    @property
    def maximum(self) -> int:
        return (1 << self.bits) - 1

    def forward(self, input):
        step = self.step
        if self.training and step.requires_grad:
            gain = (input[0].numel() * self.maximum) ** -0.5
            step = step * gain + (step * (1 - gain)).detach()
        return _Round.apply(input * (1 / step), self.maximum)


@torch.no_grad()
def limit_steps(model: nn.Module):
    """Keep learned steps positive, after each optimizer step."""
    for module in model.modules():
        if isinstance(module, Uniform):
            module.step.clamp_(min=LEAST_STEP)
