"""From a recipe to a zoo model: train or resume, export, measure, write network, card and learning curve."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .. import golden, storage
from ..errors import InputError
from ..models import CARD_FILE, NETWORK_FILE
from ..network import Network
from ..outputs import claimed, writable_folder, write_file
from . import card, curve
from .export import to_network
from .loop import Trainer
from .recipe import Recipe

CHECKPOINT_FILE = "checkpoint.pt"
CURVE_FILE = "curve.json"
PICTURE_FILE = "curve.png"


@dataclass(frozen=True)
class Trained:
    """What a run leaves: the integer network, its card (as written), and where both lie."""

    network: Network
    card: dict
    folder: Path


def train(recipe: Recipe, images, labels, folder, *, on_start=None, on_step=None, on_epoch=None) -> Trainer:
    """Train `recipe` to its last epoch, going on from the checkpoint in `folder` where there is one.

    Parameters
    ----------
    images, labels : the training set, as for `Trainer`
    folder : gets the checkpoint and the learning curve after each epoch, its picture at the end; it is made
    on_start : called with the trainer before the first epoch: `len(trainer.curve)` epochs are already done
    on_step : called after each optimizer step with nothing
    on_epoch : called after each epoch with its point of the learning curve

    Raises
    ------
    InputError : the folder cannot be written or another run is at work there, or its checkpoint is another's
    """
    trainer = Trainer(recipe, images, labels)
    with claimed(writable_folder(folder)) as folder:
        checkpoint = folder / CHECKPOINT_FILE
        if checkpoint.exists():
            trainer.load(checkpoint)
        if on_start:
            on_start(trainer)
        try:
            while not trainer.finished:
                point = trainer.train_epoch(on_step)
                trainer.save(checkpoint)
                _write_curve(trainer, folder)
                if on_epoch:
                    on_epoch(point)
        finally:
            if trainer.curve:
                _write_curve(trainer, folder)
                curve.draw(trainer.curve, recipe.name, folder / PICTURE_FILE)
    return trainer


def _write_curve(trainer, folder):
    write_file(folder / CURVE_FILE, f"{json.dumps(trainer.curve, indent=1)}\n".encode())


def resume(recipe: Recipe, images, labels, folder) -> Trainer:
    """The trainer of the checkpoint in `folder`, as it stands. InputError: there is none, or it is another's."""
    path = Path(folder) / CHECKPOINT_FILE
    if not path.exists():
        raise InputError(f"{path}: there is no checkpoint yet; train at least one epoch")
    trainer = Trainer(recipe, images, labels)
    trainer.load(path)
    return trainer


def publish(trainer: Trainer, images, labels, folder, *, source: str, on_images=None) -> Trained:
    """Export a trained network to `folder` (network.npz, card.json), every figure of the card by the golden model.

    Parameters
    ----------
    images, labels : the training set; its held-out images give the validation accuracy
    source : what they are, for the card
    on_images : called with (images done, images) while the golden model runs on the test set

    Raises
    ------
    InputError : the recipe's network cannot become an integer network
    """
    if trainer.recipe.obstacle:
        raise InputError(f"{trainer.recipe.name}: {trainer.recipe.obstacle}; its checkpoint stays in {folder}")
    recipe, folder = trainer.recipe, writable_folder(folder)
    network = to_network(trainer.model, recipe.topology.image_shape, recipe.name)
    held = trainer.validation_indices
    right = np.count_nonzero(golden.run(network, images[held], keep=False).classes == labels[held])
    facts = {
        "method": recipe.method.name,
        "data": source,
        "images": len(images) - len(held),
        "epochs": len(trainer.curve),
        "planned_epochs": recipe.training.epochs,
        "seconds": round(sum(point["seconds"] for point in trainer.curve)),
        "device": ", ".join(dict.fromkeys(point["device"] for point in trainer.curve)),
        "threads": recipe.training.threads,
        "precision": recipe.training.precision,
        "seed": recipe.training.seed,
        "final_loss": round(trainer.curve[-1]["loss"], 4),
        "validation_images": len(held),
        "validation_accuracy": int(right) / len(held),
        "torch": torch.__version__.partition("+")[0],
    }
    written = card.measure(recipe.name, network, recipe.card, training=facts, progress=on_images)
    storage.save(network, folder / NETWORK_FILE)
    card.write_card(folder / CARD_FILE, written)
    return Trained(network, written, folder)
