"""The benchmarks' pictures: utilisation per layer, rooflines, LUTs per binary MAC against S, images per second."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..plan import Plan
from ..plan.style import Style
from ..report.picture import write_picture
from .array import Size, finn, unit
from .counts import synthesise
from .utilisation import SIZES, planned

LANES = (8, 16, 32, 64, 128)
CHANNELS = 8
STYLES = {
    "iCE40, generic": ("ice40", Style()),
    "ECP5, generic": ("ecp5", Style()),
    "ECP5, carry cells": ("ecp5", Style(cells="ecp5", stages=2)),
    "Gowin, generic": ("gowin", Style()),
    "Gowin, ALUs": ("gowin", Style(cells="gowin", stages=2)),
}


def utilisation_per_layer(path: Path) -> None:
    """Bars of every layer's utilisation, an axis per network and array."""
    figure, axes = _subplots(len(SIZES))
    for axis, (model, p, s, q, _) in zip(axes, SIZES, strict=True):
        plan = planned(model, p, s, q)
        names = [stage.name for stage in plan.stages]
        size = p * s * q
        shares = [stage.compiled.stage.macs / size / stage.timing.cycles for stage in plan.stages]
        cycles = [stage.timing.cycles / plan.cycles for stage in plan.stages]
        places = range(len(names))
        axis.bar([x - 0.2 for x in places], shares, 0.4, label="array used")
        axis.bar([x + 0.2 for x in places], cycles, 0.4, label="share of the image's cycles")
        axis.set(title=f"{model}, {p} x {s} x {q}: {plan.utilisation:.1%}", ylim=(0, 1.05))
        axis.set_xticks(list(places), names, rotation=45, ha="right")
    _legend(figure, axes[0])
    write_picture(figure, path)


def rooflines(path: Path) -> None:
    """Binary MACs a cycle of every layer, under what the array does and a write of one word a cycle lets pass."""
    plans = [(f"{model}, {p} x {s} x {q}", planned(model, p, s, q), 1.0) for model, p, s, q, _ in SIZES]
    draw_rooflines(path, plans, "binary MACs per cycle")


def draw_rooflines(path: Path, plans: Iterable[tuple[str, Plan, float]], unit: str) -> None:
    """An axis for each plan; `unit` is what binary MACs per cycle are when multiplied with the plan's factor."""
    plans = list(plans)
    figure, axes = _subplots(len(plans))
    for axis, (title, plan, factor) in zip(axes, plans, strict=False):
        shape = plan.shape
        roof = shape.p * shape.s * shape.q
        points = []
        for stage in plan.stages:
            compiled = stage.compiled
            turns = stage.timing.written * compiled.tiles * compiled.groups
            written = turns if not compiled.stage.final else len(compiled.stage.weights)
            done = factor * compiled.stage.macs / stage.timing.cycles
            points.append((compiled.stage.macs / written, done, stage.name))
        edge = [min(x for x, _, _ in points) / 2, max(x for x, _, _ in points) * 2]
        corners = sorted((edge[0], roof, edge[1]))
        axis.plot(corners, [factor * min(x, roof) for x in corners], color="black", label="array and write port")
        axis.scatter([x for x, _, _ in points], [y for _, y, _ in points], label="layers")
        for i, (x, y, name) in enumerate(points):
            axis.annotate(name, (x, y), textcoords="offset points", xytext=(4, 5 if i % 2 else -10), fontsize=7)
        axis.set(title=title, xscale="log", yscale="log", xlabel="binary MACs per cycle that writes", ylabel=unit)
    for axis in axes[len(plans) :]:
        axis.remove()
    _legend(figure, axes[0])
    write_picture(figure, path)


def draw_throughput(
    path: Path, points: Iterable[tuple[str, str, int, float]], peers: Sequence[tuple[str, float]]
) -> None:
    """Images per second against LUTs of (model, board, LUTs, images/s), a colour for each model; peers, of whom nobody
    says how many LUTs of which kind they took for it, as lines."""
    figure, (axis,) = _subplots(1)
    models: dict[str, list[tuple[str, int, float]]] = {}
    for model, board, luts, fps in points:
        models.setdefault(model, []).append((board, luts, fps))
    for model, made in models.items():
        axis.scatter([luts for _, luts, _ in made], [fps for _, _, fps in made], label=model)
        for board, luts, fps in made:
            axis.annotate(board, (luts, fps), textcoords="offset points", xytext=(4, 4), fontsize=6)
    for name, fps in peers:
        axis.axhline(fps, color="grey", linestyle="--", linewidth=0.8)
        axis.annotate(
            name, (0, fps), xycoords=("axes fraction", "data"), textcoords="offset points", xytext=(4, 2), fontsize=6
        )
    axis.set(xscale="log", yscale="log", xlabel="LUTs", ylabel="images per second at Fmax, in the core")
    _legend(figure, axis)
    write_picture(figure, path)


def luts_per_mac(path: Path) -> None:
    """LUTs per binary MAC of arrays of 8 channels against S: each back end, and FINN's cost model."""
    figure, (axis,) = _subplots(1)
    finns = []
    for label, (family, style) in STYLES.items():
        sizes = [Size(family=family, style=style, p=CHANNELS, s=s, q=1, planes=1) for s in LANES]
        axis.plot(LANES, [synthesise(unit(size), family).luts / size.macs for size in sizes], marker=".", label=label)
        finns = [finn(size) / size.macs for size in sizes]
    axis.plot(LANES, finns, marker=".", color="grey", label="FINN's cost model, LUT6")
    axis.set(xscale="log", xlabel="S, lanes", ylabel="LUTs per binary MAC", ylim=(0, None))
    axis.set_title(f"Arrays of {CHANNELS} channels with accumulators")
    axis.set_xticks(LANES, [str(s) for s in LANES], minor=False)
    axis.minorticks_off()
    axis.legend()
    write_picture(figure, path)


PICTURES: dict[str, Callable[[Path], None]] = {
    "utilisation": utilisation_per_layer,
    "roofline": rooflines,
    "LUTs per binary MAC": luts_per_mac,
}


def _subplots(count: int) -> tuple[Figure, list[Axes]]:
    columns = 2 if count > 1 else 1
    figure = Figure(figsize=(6 * columns, 4 * -(-count // columns)), layout="constrained")
    return figure, list(figure.subplots(-(-count // columns), columns, squeeze=False).flat)


def _legend(figure: Figure, axis: Axes) -> None:
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3)
