"""Quantized activations, trained through straight-through estimators; what they give are the hardware's integers."""

import torch
from torch import nn

from .weights import sign

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

    The output is the code itself and not code * step: the scale is lost in what follows, a batch norm or the factor of
    the logits, and sums stay integers. The step starts at 2^(1-bits), with which a batch norm's output of unit variance
    fills the range [0, 2). The gradient passes to x, and to the step, where x / step + 1/2 lies in 0 .. 2^bits, that is
    where the code is not limited.

    Parameters
    ----------
    learned : train the step as well (after LSQ, Esser et al. 2020), by its logarithm: Adam moves every parameter by
        about the learning rate, whatever its size, and a step of 2^-7 would be lost in that. Else the step stays the
        power of two that it starts at.
    """

    def __init__(self, bits: int, *, learned: bool = False):
        super().__init__()
        if not 2 <= bits <= 8:
            raise ValueError(f"a uniform activation has 2..8 bits, not {bits}")
        self.bits = bits
        self.logarithm = nn.Parameter(torch.zeros(())) if learned else None

    @property
    def maximum(self) -> int:
        return (1 << self.bits) - 1

    @property
    def step(self) -> torch.Tensor:
        start = 2.0 ** (1 - self.bits)
        return torch.tensor(start) if self.logarithm is None else start * torch.exp(self.logarithm)

    def forward(self, input):
        return _Round.apply(input * (1 / self.step), self.maximum)


def step_logarithms(model: nn.Module) -> list[nn.Parameter]:
    """The parameters of `model`'s learned steps, in order."""
    steps = [module.logarithm for module in model.modules() if isinstance(module, Uniform)]
    return [step for step in steps if step is not None]
