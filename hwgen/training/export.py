"""A trained torch module as the plain dictionary that `hwgen.importers.bnn_npz` documents, and as a `Network`.

Batch norm is exported as it stands; folding it into thresholds is the importer's work and nobody else's.
"""

import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from .. import importers
from ..network import Network
from .activations import InputSign, Sign, Uniform
from .norms import BatchNorm, ShiftBatchNorm
from .weights import BinaryConv2d, BinaryLinear, FilterScale, LogitScale


def to_dictionary(model: nn.Module, image_shape, name: str) -> dict:
    """The keys and values of the exchange format; weights as -1/+1, all reals in float64 (which holds float32's).

    Parameters
    ----------
    model : a chain of this package's layers, `nn.MaxPool2d` and `nn.Flatten`
    image_shape : (channels, height, width)
    name : of the network

    Raises
    ------
    TypeError : a module that the format has no layer for
    """
    model = (
        copy.deepcopy(model).cpu().double()
    )  # as evaluate does: what is computed from parameters has its last bit too
    result = {"format": "hwgen-bnn", "version": 1, "image_shape": list(image_shape), "name": name}
    layers = [layer for child, module in model.named_children() for layer in _layers(child, module)]
    for index, layer in enumerate(layers):
        result.update({f"layer{index}.{key}": value for key, value in layer.items()})
    return result


def save(path, model: nn.Module, image_shape, name: str):
    """Write `to_dictionary` to an .npz or a .pt file, by its suffix; ValueError for any other."""
    values = to_dictionary(model, image_shape, name)
    match Path(path).suffix:
        case ".npz":
            np.savez_compressed(path, **values)
        case ".pt":
            torch.save({k: torch.tensor(v) if isinstance(v, np.ndarray | list) else v for k, v in values.items()}, path)
        case suffix:
            raise ValueError(f"a trained network is saved as .npz or .pt, not {suffix or 'without a suffix'!r}")


def to_network(model: nn.Module, image_shape, name: str) -> Network:
    """The integer network of a trained module, by way of the importer that everybody's networks go through."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.npz"
        save(path, model, image_shape, name)
        return importers.load(path).network


def _layers(name, module):
    """The format's layers of one module: mostly one, none where the format has no need of it."""
    if isinstance(module, BinaryConv2d):
        return [
            {
                "type": "convolution",
                "name": name,
                "weights": _array(module.binary_weight),
                "stride": list(module.stride),
                "padding": [int(p) for p in module.padding],
            }
        ]
    if isinstance(module, BinaryLinear):
        return [{"type": "dense", "name": name, "weights": _array(module.binary_weight)}]
    if isinstance(module, ShiftBatchNorm):
        mean = _array(module.statistics[0])
        return [
            {"type": "affine", "name": f"{name}_mean", "offset": -mean},
            {"type": "affine", "name": name, "scale": _array(module.scale), "offset": _array(module.bias)},
        ]
    if isinstance(module, BatchNorm):
        mean, variance = module.statistics
        return [
            {
                "type": "batch_norm",
                "name": name,
                "mean": _array(mean),
                "variance": _array(variance),
                "gamma": _array(module.weight),
                "beta": _array(module.bias),
                "epsilon": module.eps,
            }
        ]
    if isinstance(module, Sign):
        return [{"type": "sign", "name": name}]
    if isinstance(module, InputSign):
        return [
            {"type": "affine", "name": f"{name}_range", "scale": module.scale, "offset": module.offset},
            {"type": "sign", "name": name},
        ]
    if isinstance(module, FilterScale):
        return [{"type": "affine", "name": name, "scale": _array(module.alpha)}]
    if isinstance(module, Uniform):
        # The module's output is the code: its input is divided by the step, and the format's step is 1.
        return [
            {"type": "affine", "name": f"{name}_step", "scale": _array(1 / module.step)},
            {"type": "uniform", "name": name, "bits": module.bits, "scale": 1.0, "rounding": "half_up"},
        ]
    if isinstance(module, nn.MaxPool2d):
        return [{"type": "max_pool", "name": name, "window": module.kernel_size, "stride": module.stride}]
    if isinstance(module, nn.Flatten):
        return [{"type": "flatten", "name": name, "order": "CHW"}]
    if isinstance(module, LogitScale):
        return []  # one positive factor: the order of the sums, which is all that the class needs, stays
    raise TypeError(f"{name}: the exchange format has no layer for a {type(module).__name__}")


def _array(tensor: torch.Tensor):
    return tensor.detach().numpy()
