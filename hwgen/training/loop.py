"""The training loop: seeded, resumable from a checkpoint bit for bit, keeping its learning curve.

All chance comes from one generator whose state is in the checkpoint, so a run that was cut off and resumed ends in
the same weights as one that was not (on the same kind of processor, with the same number of threads).
"""

import contextlib
import math
import os
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ..errors import BuildError, InputError
from .layers import clip_latent_weights, freeze_batch_norms
from .recipe import Recipe

VALIDATION_BATCH = 500

# What torch's reader of a damaged checkpoint may fail with: it runs the file's own small program.
_DAMAGED = (
    *(OSError, RuntimeError, ValueError, KeyError, EOFError, TypeError, AttributeError, AssertionError),
    *(pickle.UnpicklingError, zipfile.BadZipFile),
)


class Trainer:
    """A network in training.

    Parameters
    ----------
    recipe : what and how to train
    images : (N, H, W) or (N, H, W, C) uint8, raw pixels
    labels : (N,) classes from 0

    Attributes
    ----------
    model : the torch module
    curve : one dictionary per finished epoch: epoch (from 1), loss, validation_accuracy, seconds
    validation_indices : which of `images` are held out

    Raises
    ------
    InputError : images or labels that do not suit the recipe
    """

    def __init__(self, recipe: Recipe, images, labels):
        self.recipe = recipe
        self._images, self._labels = _tensors(recipe, images, labels)
        self._generator = torch.Generator().manual_seed(recipe.training.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.training.seed)
            self.model = recipe.topology.build()
        self._optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.training.learning_rate)
        # Data sets come sorted by class, so the held-out images are drawn and not cut off the end.
        order = torch.randperm(len(self._images), generator=self._generator)
        self.validation_indices = order[: recipe.training.validation].sort().values.numpy()
        self._training_indices = order[recipe.training.validation :]
        self.curve: list[dict] = []

    @property
    def steps(self) -> int:
        """Optimizer steps of one epoch; images that do not fill a batch wait for another epoch's order."""
        return len(self._training_indices) // self.recipe.training.batch

    @property
    def finished(self) -> bool:
        return len(self.curve) == self.recipe.training.epochs

    def train_epoch(self, on_step=None) -> dict:
        """One pass over the training images; appends to the curve and returns what it appended.

        Parameters
        ----------
        on_step : called after each step with nothing, for a progress bar

        Raises
        ------
        BuildError : the loss is no longer finite
        """
        began, epoch, total = time.monotonic(), len(self.curve), 0.0
        with _threads(self.recipe.training.threads):
            self.model.train()
            if epoch >= self.recipe.training.epochs - self.recipe.training.frozen:
                freeze_batch_norms(self.model)
            shuffled = self._training_indices[torch.randperm(len(self._training_indices), generator=self._generator)]
            for step in range(self.steps):
                chosen = shuffled[step * self.recipe.training.batch :][: self.recipe.training.batch]
                total += self._step(chosen, (epoch + step / self.steps) / self.recipe.training.epochs)
                if on_step is not None:
                    on_step()
            loss = total / self.steps
            if not math.isfinite(loss):
                raise BuildError(f"the loss of epoch {epoch + 1} is {loss}; lower learning_rate in the recipe")
            accuracy = self.validation_accuracy()
        point = {"epoch": epoch + 1, "loss": loss, "validation_accuracy": accuracy, "seconds": time.monotonic() - began}
        self.curve.append(point)
        return point

    def _step(self, chosen, progress):
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.training.learning_rate * (1 + math.cos(math.pi * progress)) / 2
        images = _shifted(self._images[chosen], self.recipe.training.shift, self._generator)
        loss = functional.cross_entropy(self.model(images.float()), self._labels[chosen])
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        clip_latent_weights(self.model)
        return loss.item()

    @torch.no_grad()
    def validation_accuracy(self) -> float:
        """Share of the held-out images classified rightly by the model in float32, as it stands."""
        self.model.eval()
        right = 0
        for indices in torch.from_numpy(self.validation_indices).split(VALIDATION_BATCH):
            right += int((self.model(self._images[indices].float()).argmax(1) == self._labels[indices]).sum())
        return right / len(self.validation_indices)

    def save(self, path):
        """Write a checkpoint; the file is complete or the old one stays."""
        path = Path(path)
        state = {
            "recipe": self.recipe.digest,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "generator": self._generator.get_state(),
            "curve": self.curve,
        }
        partial = path.with_name(path.name + ".partial")
        torch.save(state, partial)
        os.replace(partial, path)

    def load(self, path):
        """Go on from a checkpoint.

        Raises
        ------
        InputError : the file is no checkpoint, or one of another recipe
        """
        remedy = "remove it to start over"
        try:
            # A file that is no zip archive would go to torch's reader of old files.
            state = torch.load(path, weights_only=True) if zipfile.is_zipfile(path) else None
        except _DAMAGED:
            state = None
        if not isinstance(state, dict) or "recipe" not in state:
            raise InputError(f"{path}: it is no checkpoint of a training run; {remedy}")
        if state["recipe"] != self.recipe.digest:
            raise InputError(f"{path}: it is a checkpoint of another recipe; {remedy}")
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._generator.set_state(state["generator"])
        self.curve = state["curve"]


def _tensors(recipe, images, labels):
    """uint8 images (N, C, H, W) and int64 labels, checked against the recipe."""
    images, labels = np.asarray(images), np.asarray(labels)
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise InputError(f"training images are uint8 (N,H,W) or (N,H,W,C), not {images.dtype} with {images.ndim} axes")
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    data, shape, classes = recipe.training.data, recipe.topology.image_shape, recipe.topology.dense[-1]
    if images.shape[1:] != shape:
        raise InputError(
            f"[topology]: image_shape is {list(shape)}, but {data} has {list(images.shape[1:])}; take the latter"
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise InputError(
            f"{data}: {len(images)} images need as many integer labels, not {labels.dtype} of {labels.shape}"
        )
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= classes:
        raise InputError(
            f"[topology]: the last dense layer has {classes} outputs, but {data} has labels up to {labels.max()}"
        )
    held, batch = recipe.training.validation, recipe.training.batch
    if len(images) - held < batch:
        raise InputError(
            f"[training]: validation {held} leaves less than one batch of {batch} of {data}'s {len(images)} images"
        )
    return torch.tensor(np.ascontiguousarray(images)), torch.from_numpy(labels.astype(np.int64))


def _shifted(images, most, generator):
    """Each image (N, C, H, W) moved by its own -most..most rows and columns; zeros come in."""
    if most == 0:
        return images
    count, _, height, width = images.shape
    moves = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator)
    rows, columns = moves[0] + torch.arange(height), moves[1] + torch.arange(width)
    padded = functional.pad(images, (most,) * 4)
    return padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


@contextlib.contextmanager
def _threads(count):
    """torch with `count` threads, and as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
