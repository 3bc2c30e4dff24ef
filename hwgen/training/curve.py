"""The learning curve as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter, StrMethodFormatter

from ..report.picture import write_picture


def draw(points: Sequence[dict], title: str, path: Path):
    """Draw loss and error on held-out images, epoch by epoch, to a PNG; `points` as in `Trainer.curve`."""
    epochs = [point["epoch"] for point in points]
    figure = Figure(figsize=(7, 4), layout="constrained")
    losses = figure.subplots()
    losses.plot(epochs, [point["loss"] for point in points], color="tab:blue", marker=".", label="loss in training")
    losses.set(title=title, xlabel="epoch", ylabel="loss in training", yscale="log")
    losses.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    losses.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    losses.yaxis.set_minor_locator(NullLocator())
    losses.yaxis.label.set_color("tab:blue")
    errors = losses.twinx()
    wrong = [1 - point["validation_accuracy"] for point in points]
    errors.plot(epochs, wrong, color="tab:red", marker=".", label="error on held-out images")
    errors.set(ylabel="error on held-out images", ylim=(0, None))
    errors.yaxis.set_major_formatter(PercentFormatter(1))
    errors.yaxis.label.set_color("tab:red")
    write_picture(figure, path)
