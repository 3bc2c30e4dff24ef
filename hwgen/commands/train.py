"""hwgen train: a recipe into a zoo model."""

from pathlib import Path

from ..errors import InputError
from . import Answer
from .options import add_json

HELP = "train a network by its recipe (needs hwgen[train])"
EXAMPLES = """\
  hwgen train models/cnn_mnist_w1a1/recipe.toml    into build/train-cnn_mnist_w1a1; cut off, it goes on where it was
  hwgen train --publish models/cnn_mnist_w1a1/recipe.toml
                                                   the network of a run that is not finished, from its last epoch
  hwgen train --card models/tfc_w1a1               measure a model again and rewrite its card
  hwgen train --card models/tfc_w1a1 --network TFC_1W1A.onnx
                                                   the same, with a network that others trained"""


def add_arguments(parser):
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="a recipe.toml; with --card, the folder of a model")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for checkpoint, learning curve, network and card (default: build/train-NAME)",
    )
    parser.add_argument(
        "--card", action="store_true", help="do not train: measure the network of a model's folder and rewrite its card"
    )
    parser.add_argument(
        "--publish", action="store_true", help="do not train: write network and card of the checkpoint as it stands"
    )
    parser.add_argument(
        "--network", metavar="FILE", help="with --card: an .onnx, .npz or .pt file that becomes the folder's network"
    )
    add_json(parser)


def run(options, session) -> Answer:
    if options.card:
        if options.output or options.publish:
            raise InputError("--card rewrites the card where it lies; leave --output and --publish out")
        return _measure(options.recipe, options.network, session)
    if options.network:
        raise InputError("--network goes with --card; to train give a recipe alone")
    from .. import data
    from ..training import card
    from ..training.recipe import read_recipe

    recipe = read_recipe(options.recipe)
    try:
        from ..training import run as training
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in ("torch", "matplotlib"):
            raise
        raise InputError(f"training needs {missing}, which is not installed: pip install 'hwgen[train]'") from None
    folder = options.output or Path("build") / f"train-{recipe.name}"
    if not recipe.obstacle:
        card.check_sources(recipe.card)
    with session.progress(f"loading {recipe.training.data}") as advance:
        dataset = data.load(recipe.training.data, progress=lambda name, done, size: advance(done, size))
    if options.publish:
        trainer = training.resume(recipe, dataset.images, dataset.labels, folder)
    else:
        trainer = _train(training, recipe, dataset, folder, session)
    if recipe.obstacle:
        point = trainer.curve[-1]
        share = point["validation_accuracy"]
        text = f"{recipe.name}: {100 * share:.2f} % of the held-out images, in torch; {recipe.obstacle}\nin {folder}"
        return Answer(text=text, json={"name": recipe.name, "obstacle": recipe.obstacle, **point})
    with session.progress(f"measuring on {recipe.card.test}") as advance:
        result = training.publish(
            trainer, dataset.images, dataset.labels, folder, source=dataset.name, on_images=advance
        )
    return _answer(result.card, folder)


def _train(training, recipe, dataset, folder, session):
    epochs = recipe.training.epochs
    done = total = 0

    with session.progress(f"training {recipe.name}") as advance:

        def on_start(trainer):
            nonlocal done, total
            done, total = len(trainer.curve) * trainer.steps, epochs * trainer.steps
            if trainer.curve:
                session.message(f"{len(trainer.curve)} of {epochs} epochs are done already, by {folder}")

        def on_step():
            nonlocal done
            done += 1
            advance(done, total)

        def on_epoch(point):
            session.message(
                f"epoch {point['epoch']} of {epochs}: loss {point['loss']:.4f}, "
                f"validation {100 * point['validation_accuracy']:.2f} %, {point['seconds']:.0f} s"
            )

        return training.train(
            recipe, dataset.images, dataset.labels, folder, on_start=on_start, on_step=on_step, on_epoch=on_epoch
        )


def _measure(folder, file, session) -> Answer:
    from .. import models
    from ..training import card

    model = models.load(file) if file else None
    for message in model.messages if model else ():
        session.message(message)
    with session.progress(f"measuring {folder}") as advance:
        refreshed = card.refresh(folder, network=model.network if model else None, progress=advance)
    return _answer(refreshed, folder)


def _answer(card, folder) -> Answer:
    test = card["measured"][card["test"]]
    lines = [
        f"{card['name']} ({card['topology']}), {card['parameters']:,} weight bits",
        f"accuracy {100 * card['accuracy']:.2f} % ({test['right']:,} of {test['images']:,} images of {card['test']})",
        f"digest {card['digest']}",
        f"in {folder}",
    ]
    return Answer(text="\n".join(lines), json=card)
