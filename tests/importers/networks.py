"""The networks of BNN-PYNQ (TFC, CNV) as Brevitas defines and exports them, with weights and statistics that vary."""

import contextlib
import io
import warnings

import onnx
import torch
from brevitas.core.bit_width import BitWidthImplType
from brevitas.core.quant import QuantType
from brevitas.core.restrict_val import RestrictValueType
from brevitas.core.scaling import ScalingImplType
from brevitas.core.zero_point import ZeroZeroPoint
from brevitas.export import export_qonnx
from brevitas.inject import ExtendedInjector
from brevitas.inject.enum import FloatToIntImplType
from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear, QuantReLU, TruncAvgPool2d
from brevitas.quant.solver import ActQuantSolver, WeightQuantSolver
from dependencies import value
from torch import nn


class _Common(ExtendedInjector):
    bit_width_impl_type = BitWidthImplType.CONST
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    zero_point_impl = ZeroZeroPoint
    float_to_int_impl_type = FloatToIntImplType.ROUND
    scaling_per_output_channel = False
    narrow_range = True
    signed = True

    @value
    def quant_type(bit_width):
        return QuantType.BINARY if bit_width == 1 else QuantType.INT


class _Weights(_Common, WeightQuantSolver):
    scaling_const = 1.0


class _Activations(_Common, ActQuantSolver):
    min_val = -1.0
    max_val = 1.0


class _Twice(nn.Module):
    """x -> 2x - 1, written as exporters see it."""

    def forward(self, x):
        return 2.0 * x - torch.tensor([1.0])


class _TensorNorm(nn.Module):
    """BNN-PYNQ's last layer: batch norm with one mean, variance, factor and offset for all logits."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.tensor([0.73])), nn.Parameter(torch.tensor([-1.1]))
        self.mean, self.variance = nn.Parameter(torch.tensor([0.4])), nn.Parameter(torch.tensor([320.0]))

    def forward(self, x):
        return (x - self.mean) / torch.pow(self.variance + 1e-4, 0.5) * self.weight + self.bias


def identity(bits):
    return QuantIdentity(act_quant=_Activations, bit_width=bits)


def linear(inputs, outputs):
    return QuantLinear(inputs, outputs, bias=False, weight_quant=_Weights, weight_bit_width=1)


def conv(inputs, outputs, **options):
    return QuantConv2d(inputs, outputs, 3, bias=False, weight_quant=_Weights, weight_bit_width=1, **options)


def tfc(bits: int) -> nn.Sequential:
    """TFC: 784-64-64-64-10 with `bits`-bit activations."""
    layers: list[nn.Module] = [nn.Flatten(), _Twice(), identity(bits)]
    inputs = 784
    for _ in range(3):
        layers += [linear(inputs, 64), nn.BatchNorm1d(64), identity(bits)]
        inputs = 64
    return nn.Sequential(*layers, linear(64, 10), _TensorNorm())


def cnv(bits: int, width: int = 64) -> nn.Sequential:
    """CNV (VGG-like, 6 convolutions and 3 dense layers) on 32x32x3; `width` 64 is the published one."""
    layers: list[nn.Module] = [_Twice(), identity(8)]
    inputs = 3
    for factor, pool in ((1, False), (1, True), (2, False), (2, True), (4, False), (4, False)):
        layers += [conv(inputs, factor * width), nn.BatchNorm2d(factor * width, eps=1e-4), identity(bits)]
        inputs = factor * width
        if pool:
            layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    for _ in range(2):
        layers += [linear(inputs, 8 * width), nn.BatchNorm1d(8 * width, eps=1e-4), identity(bits)]
        inputs = 8 * width
    return nn.Sequential(*layers, linear(inputs, 10), _TensorNorm())


def padded_with_average(bits: int) -> nn.Sequential:
    """Padded convolutions, rectified activations, a truncating average pool: what TFC and CNV do not have."""
    return nn.Sequential(
        identity(8), conv(3, 16, padding=1), nn.BatchNorm2d(16), QuantReLU(bit_width=bits, max_val=1.5),
        nn.MaxPool2d(2),
        conv(16, 24, padding=1, stride=2), nn.BatchNorm2d(24), QuantReLU(bit_width=4, return_quant_tensor=True),
        TruncAvgPool2d(4, bit_width=4), conv(24, 12, padding=1), nn.BatchNorm2d(12), identity(bits), nn.Flatten(),
        linear(12 * 4, 10), nn.BatchNorm1d(10),
    )  # fmt: skip


def randomise(model: nn.Module, image, seed: int):
    """Batch norms get the statistics of random images and any sign of gamma, so that no activation is constant."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = None
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator))
                module.bias.copy_(0.3 * torch.randn(module.bias.shape, generator=generator))
        model.train()
        for _ in range(2):
            model(torch.rand((16, *image), generator=generator))
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                # Distinct buffers: the exporter shares equal ones, which real statistics never are.
                module.running_var.mul_(torch.rand(module.running_var.shape, generator=generator) + 0.5)
    return model.eval()


def exported(model: nn.Module, image, path) -> onnx.ModelProto:
    """What `export_qonnx` writes today for one image."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        export_qonnx(model, torch.rand((1, *image)), export_path=str(path))
    return onnx.load(str(path), load_external_data=False)
