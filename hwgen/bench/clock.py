"""python -m hwgen.bench.clock: the clock that the planner expects against bitstreams of several cells and depths.

Prints a Markdown table, after most of an hour; bitstreams stay in build/ and are found again. Below it stand the
coefficients of `hwgen.plan.speed` that fit these designs best, to be taken over when the planner drifts.
"""

import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import boards, models
from ..boards import Target
from ..errors import BuildError
from ..flow import fpga
from ..hdl.shells.board_top import accelerator_top
from ..plan import Fit, plan
from ..plan.speed import PATHS, Paths, adder_levels, slowness
from ..report.table import Table
from .fit import fitted

POINTS = (
    ("tfc_w1a1", "icebreaker", (4, 32, 1), "ice40", 1),
    ("tfc_w1a1", "icebreaker", (4, 32, 1), "ice40", 2),
    ("tfc_w1a1", "icebreaker", (4, 32, 1), "generic", 1),
    ("tfc_w1a1", "icebreaker", (4, 32, 1), "generic", 2),
    ("tfc_w1a1", "hx8k_b_evn", (4, 32, 1), "ice40", 1),
    ("tfc_w1a1", "hx8k_b_evn", (4, 32, 1), "ice40", 2),
    ("tfc_w1a1", "hx8k_b_evn", (4, 32, 1), "generic", 1),
    ("tfc_w1a1", "icebreaker", (8, 8, 1), "generic", 1),
    ("tfc_w1a1", "icebreaker", (8, 8, 1), "ice40", 1),
    ("cnn_mnist_w1a1", "icebreaker", (8, 24, 1), "generic", 1),
    ("cnn_mnist_w1a1", "icebreaker", (8, 24, 1), "ice40", 1),
    ("cnn_mnist_w1a1", "icebreaker", (8, 24, 1), "ice40", 2),
    ("cnn_mnist_w1a1", "hx8k_b_evn", (12, 12, 3), "ice40", 2),
    ("sfc_w1a1", "ulx3s_12f", (8, 64, 1), "ecp5", 2),
    ("sfc_w1a1", "ulx3s_12f", (8, 64, 1), "ecp5", 1),
    ("sfc_w1a1", "ulx3s_12f", (8, 64, 1), "ecp5", 3),
    ("sfc_w1a1", "ulx3s_12f", (8, 64, 1), "generic", 1),
    ("sfc_w1a1", "ulx3s_12f", (8, 64, 1), "generic", 2),
    ("tfc_w1a1", "ulx3s_25f", (2, 48, 1), "ecp5", 1),
    ("tfc_w1a1", "ulx3s_25f", (2, 48, 1), "ecp5", 2),
    ("cnn_mnist_w1a1", "ulx3s_25f", (16, 16, 4), "ecp5", 1),
    ("cnn_mnist_w1a1", "ulx3s_25f", (16, 16, 4), "ecp5", 2),
    ("cnn_mnist_w1a1", "ulx3s_25f", (16, 16, 4), "generic", 1),
    ("cnn_mnist_w1a1", "ulx3s_25f", (32, 32, 3), "ecp5", 2),
    ("lenet_w1a1", "ulx3s_12f", (16, 32, 4), "ecp5", 2),
    ("cnv_w1a1", "ulx3s_85f", (64, 64, 1), "ecp5", 2),
    ("tfc_w1a1", "tang_nano_9k", (4, 32, 1), "gowin", 1),
    ("tfc_w1a1", "tang_nano_9k", (4, 32, 1), "gowin", 2),
    ("tfc_w1a1", "tang_nano_9k", (4, 24, 1), "gowin", 2),
    ("tfc_w1a1", "tang_nano_9k", (4, 24, 1), "generic", 1),
    ("cnn_mnist_w1a1", "tang_nano_9k", (24, 24, 1), "gowin", 2),
)
"""Model, board, (P, S, Q), cells, stages."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A bitstream: levels of adders between its registers, LUTs, and its longest path on the device that counts 1, in
    nanoseconds."""

    kind: tuple[str, str]
    levels: int
    luts: int
    path: float


def refit(measured: list[Measured], start: dict[tuple[str, str], Paths]) -> dict[tuple[str, str], Paths]:
    """Least squares of the relative errors, with `start` for what the designs do not tell."""
    return {kind: _refit([m for m in measured if m.kind == kind], paths) for kind, paths in start.items()}


def _refit(measured, start: Paths) -> Paths:
    # The longest path is one through adders from some number of levels on. Which number follows from the coefficients,
    # so that those for each are looked at, and the best kept, be it those that there were.
    tried = [start, *(_fit(measured, levels, start) for levels in sorted({m.levels for m in measured} | {math.inf}))]
    return min(tried, key=lambda paths: sum((paths.longest(m.levels, m.luts) / m.path - 1) ** 2 for m in measured))


def _fit(measured, least, start: Paths) -> Paths:
    """Where the longest path of what has at least so many levels is one through adders."""

    def amounts(m):
        adders = m.levels >= least
        return {"start": adders, "level": adders * m.levels, "control": not adders, "wire": m.luts**0.5}

    return Paths(**fitted([amounts(m) for m in measured], [m.path for m in measured], asdict(start)))


def main() -> None:
    rows, measured = [], []
    for model, name, shape, cells, stages in POINTS:
        board = boards.load(name)
        target: Target = board.target
        print(f"building {model} for {name}, {cells} cells, {stages} stages", file=sys.stderr, flush=True)
        planned = plan(models.load(model).network, board, *shape, cells=cells, stages=stages)
        fit = Fit.of(planned, target)
        size = " x ".join(map(str, shape))
        try:
            made = fpga.build(accelerator_top(planned, board), board, name=model, folder=Path("build"), seeds=[1])
        except BuildError as error:
            print(error, file=sys.stderr, flush=True)
            rows.append([model, name, size, cells, stages, None, fit.luts, None, round(fit.mhz, 1), None])
            continue
        path = 1000 / made.fmax_mhz / slowness(target.device)
        kind = (target.family, cells)
        measured.append(Measured(kind=kind, levels=adder_levels(planned), luts=made.luts, path=path))
        ratio = round(fit.mhz / made.fmax_mhz, 3)
        rows.append([model, name, size, cells, stages, made.luts, fit.luts, made.fmax_mhz, round(fit.mhz, 1), ratio])
    columns = ["model", "board", "P x S x Q", "cells", "stages", "LUTs", "planned", "Fmax, MHz", "estimated", "ratio"]
    print(Table(columns=columns, rows=rows).markdown())
    for kind, paths in refit(measured, PATHS).items():
        print(f"{kind}: {paths}")


if __name__ == "__main__":
    main()
