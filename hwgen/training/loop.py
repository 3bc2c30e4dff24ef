"""The training loop: seeded, resumable from a checkpoint bit for bit, keeping its learning curve.

All chance comes from one generator whose state is in the checkpoint, so a run that was cut off and resumed ends in
the same weights as one that was not (on the same kind of processor, with the same number of threads). Where torch finds
a GPU the run takes it; its sums have an order of their own, and the weights are others. On one GPU, too, a run repeats.
"""

import contextlib
import hashlib
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
from .activations import step_logarithms
from .build import build
from .norms import freeze_batch_norms, norms
from .recipe import Recipe
from .weights import binary_layers, centre_latent_weights, clip_latent_weights

VALIDATION_BATCH = 500
CALIBRATION_BATCHES = 50
STEP_RATE = 0.1
"""Learning rate of the logarithms of learned steps, as a share of the recipe's."""

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
    device : where; default a GPU where there is one, else the processor

    Attributes
    ----------
    model : the torch module
    curve : one dictionary per finished epoch: epoch (from 1), loss, validation_accuracy, seconds, device
    validation_indices : which of `images` are held out

    Raises
    ------
    InputError : images or labels that do not suit the recipe
    """

    def __init__(self, recipe: Recipe, images, labels, device: str | None = None):
        self.recipe = recipe
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        tensors = _tensors(recipe, images, labels)
        self._data_digest = hashlib.sha256(b"".join(part.numpy().tobytes() for part in tensors)).hexdigest()
        self._images, self._labels = (part.to(self.device) for part in tensors)
        self._generator = torch.Generator().manual_seed(recipe.training.seed)
        with self._chance(recipe.training.seed):
            self.model = build(recipe.topology, recipe.method).to(self.device)
        steps = step_logarithms(self.model)
        others = [p for p in self.model.parameters() if not any(p is step for step in steps)]
        groups = [{"params": others, "share": 1.0}, {"params": steps, "share": STEP_RATE}]
        self._optimizer = torch.optim.Adam([group for group in groups if group["params"]])
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
        return len(self.curve) >= self.recipe.training.epochs

    def train_epoch(self, on_step=None) -> dict:
        """One pass over the training images; appends to the curve and returns what it appended.

        Parameters
        ----------
        on_step : called after each step with nothing, for a progress bar

        Raises
        ------
        BuildError : the loss is no longer finite
        """
        began, epoch = time.monotonic(), len(self.curve)
        with _arithmetic(self.recipe.training.threads):
            self.model.train()
            if epoch >= self.recipe.training.epochs - self.recipe.training.frozen:
                freeze_batch_norms(self.model)
            total = torch.zeros((), device=self.device)
            shuffled = self._training_indices[torch.randperm(len(self._training_indices), generator=self._generator)]
            for step in range(self.steps):
                chosen = shuffled[step * self.recipe.training.batch :][: self.recipe.training.batch]
                total += self._step(chosen, (epoch + step / self.steps) / self.recipe.training.epochs)
                if on_step is not None:
                    on_step()
            loss = float(total) / self.steps
            if not math.isfinite(loss):
                raise BuildError(f"the loss of epoch {epoch + 1} is {loss}; lower learning_rate in the recipe")
            if self.recipe.method.weights == "stochastic":
                self._calibrate()
            accuracy = self.validation_accuracy()
        seconds = time.monotonic() - began
        point = {"epoch": epoch + 1, "loss": loss, "validation_accuracy": accuracy, "seconds": seconds}
        point["device"] = self.device.type
        self.curve.append(point)
        return point

    def _step(self, chosen, progress) -> torch.Tensor:
        """One optimizer step on the images `chosen`, `progress` (0..1) of the run done; the loss, on the device."""
        rate = self.recipe.training.learning_rate * (1 + math.cos(math.pi * progress)) / 2
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["share"]
        images = self._images[chosen.to(self.device)]
        images = _shifted(images, self.recipe.training.shift, self._generator)
        if self.recipe.training.mirror:
            images = _mirrored(images, self._generator)
        with contextlib.ExitStack() as stack:
            if self.recipe.method.weights == "stochastic":
                seed = int(torch.randint(1 << 62, (), generator=self._generator))
                stack.enter_context(self._chance(seed))
            loss = self._loss(self._logits(images), self._labels[chosen.to(self.device)])
            self._optimizer.zero_grad()
            loss.backward()
        self._optimizer.step()
        if self.recipe.method.weights == "scaled":
            centre_latent_weights(self.model)
        clip_latent_weights(self.model)
        return loss.detach()

    def _logits(self, images) -> torch.Tensor:
        """(N, classes) float32, in training, of (N, C, H, W) uint8."""
        if self.recipe.training.precision == "float32":
            return self.model(images.float())
        with torch.autocast(self.device.type, torch.bfloat16):
            # Channels last: bfloat16's convolutions are faster so.
            return self.model(images.float().contiguous(memory_format=torch.channels_last)).float()

    def _loss(self, logits, labels) -> torch.Tensor:
        if self.recipe.training.loss == "cross_entropy":
            return functional.cross_entropy(logits, labels)
        targets = functional.one_hot(labels, logits.shape[1]) * 2 - 1
        return functional.relu(1 - targets * logits).square().mean()

    @contextlib.contextmanager
    def _chance(self, seed):
        """torch's global generators seeded, and as before afterwards."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(seed)
            yield

    @torch.no_grad()
    def _calibrate(self):
        """Batch norms' running statistics anew from unshifted images, with the weights of evaluation: in training they
        are those of drawn weights."""
        layers = binary_layers(self.model)
        self.model.train()
        for norm in norms(self.model):
            norm.reset_running_stats()
            norm.momentum = None  # the mean of all batches
        for layer in layers:
            layer.stochastic = False
        batches = self._training_indices.split(self.recipe.training.batch)[:CALIBRATION_BATCHES]
        for chosen in batches:
            self.model(self._images[chosen.to(self.device)].float())
        for layer in layers:
            layer.stochastic = True

    @torch.no_grad()
    def validation_accuracy(self) -> float:
        """Share of the held-out images classified rightly by the model in float32, as it stands."""
        self.model.eval()
        right = 0
        for indices in torch.from_numpy(self.validation_indices).to(self.device).split(VALIDATION_BATCH):
            right += int((self.model(self._images[indices].float()).argmax(1) == self._labels[indices]).sum())
        return right / len(self.validation_indices)

    def save(self, path):
        """Write a checkpoint; the file is complete or the old one stays.

        Raises
        ------
        BuildError : it cannot be written
        """
        path = Path(path)
        state = {
            "recipe": self.recipe.digest,
            "data": self._data_digest,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "generator": self._generator.get_state(),
            "curve": self.curve,
        }
        partial = path.with_name(path.name + ".partial")
        try:
            torch.save(state, partial)
            os.replace(partial, path)
        except (OSError, RuntimeError) as error:  # torch's writer makes RuntimeErrors of full disks
            partial.unlink(missing_ok=True)
            reason = str(error).partition("\n")[0]
            raise BuildError(f"{path}: the checkpoint cannot be written ({reason}); is the disk full?") from None

    def load(self, path):
        """Go on from a checkpoint.

        Raises
        ------
        InputError : the file is no checkpoint, or one of another recipe or other training data
        """
        remedy = "remove it to start over"
        try:
            # A file that is no zip archive would go to torch's reader of old files.
            state = torch.load(path, map_location="cpu", weights_only=True) if zipfile.is_zipfile(path) else None
        except _DAMAGED:
            state = None
        if not isinstance(state, dict) or "recipe" not in state:
            raise InputError(f"{path}: it is no checkpoint of a training run; {remedy}")
        if state["recipe"] != self.recipe.digest:
            raise InputError(f"{path}: it is a checkpoint of another recipe; {remedy}")
        if state.get("data") != self._data_digest:
            raise InputError(
                f"{path}: it was trained on other images than those of {self.recipe.training.data}; {remedy}"
            )
        try:
            self.model.load_state_dict(state["model"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._generator.set_state(state["generator"])
            self.curve = list(state["curve"])
        except _DAMAGED:
            raise InputError(f"{path}: it is a damaged checkpoint; {remedy}") from None


def _tensors(recipe, images, labels):
    """uint8 images (N, C, H, W) and int64 labels, checked against the recipe."""
    images, labels = np.asarray(images), np.asarray(labels)
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise InputError(f"training images are uint8 (N,H,W) or (N,H,W,C), not {images.dtype} with {images.ndim} axes")
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    data, shape, classes = recipe.training.data, recipe.topology.image_shape, recipe.topology.classes
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
    moves = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator).to(images.device)
    rows, columns = (moves[i] + torch.arange(size, device=images.device) for i, size in enumerate((height, width)))
    padded = functional.pad(images, (most,) * 4)
    which = torch.arange(count, device=images.device)[:, None, None]
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _mirrored(images, generator):
    """Each image (N, C, H, W) turned left to right or not, by chance."""
    turned = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(turned.to(images.device)[:, None, None, None], images.flip(3), images)


@contextlib.contextmanager
def _arithmetic(threads):
    """torch with so many threads, and on a GPU with sums that repeat and no rounding to TF32; as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(before)
