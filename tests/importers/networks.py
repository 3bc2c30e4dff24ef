"""The networks of BNN-PYNQ as Brevitas itself defines and exports them, with weights and statistics that vary."""

import contextlib
import io
import warnings

import onnx
import torch
from brevitas.export import export_qonnx
from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear, QuantReLU, TruncAvgPool2d
from brevitas_examples.bnn_pynq.models import model_with_cfg
from brevitas_examples.bnn_pynq.models.common import CommonActQuant, CommonWeightQuant
from brevitas_examples.bnn_pynq.models.tensor_norm import TensorNorm
from torch import nn


def bnn_pynq(name: str) -> nn.Module:
    """A network of Brevitas' own examples by the name of its configuration: TFC, SFC, LFC or CNV, untrained."""
    return model_with_cfg(name, pretrained=False)[0]


def padded_with_average(bits: int) -> nn.Sequential:
    """Padded convolutions, rectified activations, a truncating average pool: what BNN-PYNQ does not have."""

    def conv(inputs, outputs, **options):
        return QuantConv2d(
            inputs, outputs, 3, bias=False, weight_quant=CommonWeightQuant, weight_bit_width=1, **options
        )

    return nn.Sequential(
        QuantIdentity(act_quant=CommonActQuant, bit_width=8),
        conv(3, 16, padding=1), nn.BatchNorm2d(16), QuantReLU(bit_width=bits, max_val=1.5), nn.MaxPool2d(2),
        conv(16, 24, padding=1, stride=2), nn.BatchNorm2d(24), QuantReLU(bit_width=4, return_quant_tensor=True),
        TruncAvgPool2d(4, bit_width=4), conv(24, 12, padding=1), nn.BatchNorm2d(12),
        QuantIdentity(act_quant=CommonActQuant, bit_width=bits), nn.Flatten(),
        QuantLinear(12 * 4, 10, bias=False, weight_quant=CommonWeightQuant, weight_bit_width=1), nn.BatchNorm1d(10),
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
            elif isinstance(module, TensorNorm):
                module.weight.fill_(0.73)
                module.bias.fill_(-1.1)
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
