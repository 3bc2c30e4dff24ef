"""Integer evaluation of a trained torch module: what its layers give in exact arithmetic, for comparison with golden.

Everything runs in float64: sums of pixels or activations are exact integers there, and batch norm and activation do
the operations of the exchange format (`hwgen.importers.bnn_npz`) in its order, so that no decision can differ.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .norms import BatchNorm
from .weights import FilterScale, LogitScale

BATCH = 250


@dataclass(frozen=True)
class Evaluation:
    """Attributes
    ----------
    outputs : per module that gives integers, its name and int64 array (N, C, H, W) or (N, features)
    classes : (N,) int64, index of the largest logit, the lowest one on a tie
    """

    outputs: dict[str, np.ndarray]
    classes: np.ndarray


@torch.no_grad()
def evaluate(model: nn.Sequential, images) -> Evaluation:
    """Evaluate `model` on raw pixels, uint8 (N, H, W) or (N, H, W, C), layer by layer; the model stays as it is."""
    model = copy.deepcopy(model).cpu().double().eval()
    pixels = np.asarray(images)
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
    parts: list[dict[str, np.ndarray]] = []
    classes = []
    for batch in torch.tensor(np.ascontiguousarray(pixels)).split(BATCH):
        values, outputs = batch.double(), {}
        for name, module in model.named_children():
            values = module(values)
            if not isinstance(module, (BatchNorm, FilterScale, LogitScale)):
                outputs[name] = values.numpy().astype(np.int64)
        parts.append(outputs)
        classes.append(values.argmax(1).numpy())
    return Evaluation(
        outputs={name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
        classes=np.concatenate(classes),
    )
