"""Batch norms: the ordinary one, and the shift-based one of BNN, whose scales are powers of two."""

import torch
from torch import nn


class BatchNorm(nn.BatchNorm1d):
    """Batch norm over axis 1 of (N, C) or (N, C, H, W).

    In evaluation it is (x - mean) * scale + beta in this order, scale = gamma / sqrt(variance + eps), which is that of
    the exchange format: in float64 importer and torch then decide alike for every integer x.
    """

    def _check_input_dim(self, input):
        if input.dim() < 2 or input.shape[1] != self.num_features:
            raise ValueError(f"batch norm of {self.num_features} channels takes (N, C, ...), not {tuple(input.shape)}")

    @property
    def statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Running mean and variance."""
        assert self.running_mean is not None and self.running_var is not None
        return self.running_mean, self.running_var

    @property
    def scale(self) -> torch.Tensor:
        """The factor of each channel in evaluation."""
        return self.weight / torch.sqrt(self.statistics[1] + self.eps)

    def forward(self, input):
        if self.training:
            return super().forward(input)
        self._check_input_dim(input)
        return (input - _columns(self.statistics[0], input)) * _columns(self.scale, input) + _columns(self.bias, input)


class ShiftBatchNorm(BatchNorm):
    """Shift-based batch norm (BNN, Hubara et al. 2016, algorithm 3): every product is with a power of two, AP2(z) =
    sign(z) 2^round(log2 |z|).

    With c = x - mean, the variance is the mean of c * AP2(c), and the result c * AP2(1 / sqrt(variance + eps)) *
    AP2(gamma) + beta. The gradient takes AP2 for the identity. In evaluation `scale` is a signed power of two, or 0.
    """

    @property
    def scale(self) -> torch.Tensor:
        return _AP2.apply(1 / torch.sqrt(self.statistics[1] + self.eps)) * _AP2.apply(self.weight)

    def forward(self, input):
        if not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        input = input.float()  # of a bfloat16 input, these sums would be bfloat16 too
        axes = [0, *range(2, input.dim())]
        mean = input.mean(axes)
        centred = input - _columns(mean, input)
        variance = (centred * _AP2.apply(centred)).mean(axes)
        with torch.no_grad():
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            for running, batch in zip(self.statistics, (mean, variance), strict=True):
                running += momentum * (batch - running)
        scale = _AP2.apply(1 / torch.sqrt(variance + self.eps)) * _AP2.apply(self.weight)
        return centred * _columns(scale, input) + _columns(self.bias, input)


class _AP2(torch.autograd.Function):
    """The power of two nearest in logarithm, with the sign; 0 stays 0. The gradient passes unchanged."""

    @staticmethod
    def forward(ctx, values):
        # frexp gives |z| = m 2^e with m in [1/2, 1): the logarithm rounds up from m = 2^-1/2 on, without a log2 whose
        # last bit could differ from one machine to the next.
        mantissa, exponent = torch.frexp(values.abs())
        exponent = exponent - (mantissa.double() < 0.5**0.5).to(exponent.dtype)
        return torch.ldexp(torch.sign(values), exponent)

    @staticmethod
    def backward(ctx, *gradients):
        return gradients[0]


def norms(model: nn.Module) -> list[BatchNorm]:
    """The batch norms of `model`, in order."""
    return [module for module in model.modules() if isinstance(module, BatchNorm)]


def freeze_batch_norms(model: nn.Module):
    """Let batch norms use their running statistics, unchanged, until the next `model.train()`."""
    for norm in norms(model):
        norm.eval()


def _columns(values, input):
    """Per-channel values against (N, C, ...)."""
    return values.view(-1, *[1] * (input.dim() - 2))
