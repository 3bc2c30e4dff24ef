"""Width against precision: many small trainings of one topology, to pick a network for a chip.

The question is that of Sung, Shin and Hwang, "Resiliency of deep neural networks under quantization" (2015): given a
budget, is a wider network with coarser values better than a narrow one with finer ones? Weights are binary here, so the
precision is that of the activations, and the budget is weight bits, or cycles of an array.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter

from .. import golden, plan
from ..boards import Board
from ..data import Dataset
from ..errors import InputError
from ..outputs import write_file
from ..report.picture import write_picture
from ..topology import READY, ResNet, Topology
from .export import to_network
from .method import Method
from .recipe import Facts, Recipe, Training
from .run import train

RESULTS_FILE = "study.json"
PICTURE_FILE = "study.png"


@dataclass(frozen=True, kw_only=True)
class Point:
    """A network of the study.

    Attributes
    ----------
    scale : of every width of the base topology
    activation_bits : of all activations
    weight_bits : parameters, one bit each
    accuracy : of the golden model on the test set
    cycles : per image, as planned for the board; None where the network does not fit it
    interval : cycles between images, not below those in which one is loaded, or None
    p, s, q : the array's size, or None
    """

    scale: float
    activation_bits: int
    weight_bits: int
    accuracy: float
    cycles: int | None
    interval: int | None
    p: int | None
    s: int | None
    q: int | None


def scaled(topology: Topology, factor: float) -> Topology:
    """`topology` with every width but the number of classes times `factor`, rounded, at least 1."""

    def width(count: int) -> int:
        return max(1, round(count * factor))

    return replace(
        topology,
        convolutions=tuple(replace(block, channels=width(block.channels)) for block in topology.convolutions),
        dense=(*(width(count) for count in topology.dense[:-1]), topology.classes),
    )


def base(name: str) -> Topology:
    """A ready topology by name. InputError: an unknown one, or one that cannot become hardware."""
    topology = READY.get(name)
    if topology is None or isinstance(topology, ResNet):
        known = ", ".join(name for name, ready in READY.items() if not isinstance(ready, ResNet))
        raise InputError(f"there is no topology {name!r} to study; take one of {known}")
    return topology


def run(
    name: str,
    scales: Sequence[float],
    bits: Sequence[int],
    training: Training,
    images: Dataset,
    test: Dataset,
    board: Board,
    folder: Path,
    *,
    on_point: Callable[[Point, int, int], None] | None = None,
    on_step: Callable[[], None] | None = None,
) -> list[Point]:
    """Train and measure ready topology `name` at every scale and precision; resumable, since each network keeps its
    checkpoint in a folder of its own.

    Parameters
    ----------
    training : of every network alike
    images, test : to train on, and to measure on; both with labels
    folder : gets the results, their picture, and a folder for each network
    on_point : called with each point, its number from 1, and how many there are
    on_step : called after each optimizer step
    """
    topology = base(name)
    if test.labels is None:
        raise InputError(f"{test.name} has no labels, and an accuracy needs them")
    if test.images.shape[1:] != images.images.shape[1:]:
        shapes = ("x".join(map(str, part.images.shape[1:])) for part in (test, images))
        raise InputError(
            f"{test.name} has images of {next(shapes)}, {images.name} of {next(shapes)}; take two sets of one kind"
        )
    points: list[Point] = []
    choices = [(scale, precision) for scale in scales for precision in bits]
    recipes = [_recipe(name, topology, *choice, training) for choice in choices]
    for number, ((scale, precision), recipe) in enumerate(zip(choices, recipes, strict=True), start=1):
        own = folder / f"{recipe.name}-{recipe.digest[:8]}"
        trainer = train(recipe, images.images, images.labels, own, on_step=on_step)
        network = to_network(trainer.model, topology.image_shape, recipe.name)
        right = golden.run(network, test.images, keep=False).classes == test.labels
        try:
            planned = plan.plan(network, board)
        except InputError:
            planned = None
        points.append(
            Point(
                scale=scale,
                activation_bits=precision,
                weight_bits=network.weight_bits,
                accuracy=float(right.mean()),
                cycles=planned.cycles if planned else None,
                interval=planned.interval if planned else None,
                p=planned.shape.p if planned else None,
                s=planned.shape.s if planned else None,
                q=planned.shape.q if planned else None,
            )
        )
        if on_point:
            on_point(points[-1], number, len(choices))
    write(points, folder, {"topology": name, "board": board.name, "test": test.name, "training": asdict(training)})
    return points


def _recipe(name, topology, scale, precision, training) -> Recipe:
    try:
        wider = scaled(topology, scale)
    except ValueError as error:
        raise InputError(f"{name} cannot be {scale:g} times as wide: {error}") from None
    label = f"{name}_x{scale:g}_a{precision}".replace(".", "p").replace("-", "m").replace("+", "")
    method = Method(activation_bits=precision)
    return Recipe(name=label, topology=wider, method=method, training=training, card=_NO_CARD)


_NO_CARD = Facts(title="-", dataset="-", test="-", sample="-", input="-", licence="-", source="-")


def write(points: Sequence[Point], folder: Path, facts: dict):
    """The results as JSON and as a picture."""
    results = {**facts, "points": [asdict(point) for point in points]}
    write_file(folder / RESULTS_FILE, f"{json.dumps(results, indent=1)}\n".encode())
    draw(points, f"{facts['topology']}: {facts['training']['epochs']} epochs, {facts['test']}", facts["board"], folder)


def draw(points: Sequence[Point], title: str, board: str, folder: Path):
    """Accuracy against weight bits and against planned cycles, a line for each precision, to a PNG in `folder`."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2, sharey=True)
    for bits in sorted({point.activation_bits for point in points}):
        line = [point for point in points if point.activation_bits == bits]
        label = f"{bits}-bit activations"
        left.plot([p.weight_bits for p in line], [p.accuracy for p in line], marker="o", label=label)
        fitting = [p for p in line if p.cycles is not None]
        right.plot([p.cycles for p in fitting], [p.accuracy for p in fitting], marker="o", label=label)
    left.set(xlabel="weight bits", ylabel="accuracy", xscale="log")
    right.set(xlabel=f"cycles per image, planned for {board}", xscale="log")
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    for panel in (left, right):
        panel.grid(alpha=0.3)
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
    left.legend()
    write_picture(figure, folder / PICTURE_FILE)
