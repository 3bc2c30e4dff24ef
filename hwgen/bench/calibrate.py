"""python -m hwgen.bench.calibrate: the planner's LUT and RAM figures against nextpnr's packing and, for vendors'
tools, Yosys's synthesis, as a Markdown table.

Minutes of work; the table in docs/numbers.md is its output. Below it stand the coefficients of `hwgen.plan.cost` that
fit these designs best, to be taken over when the planner drifts.
"""

import sys
from dataclasses import asdict, dataclass

from .. import boards, models
from ..flow.flows import FLOWS
from ..flow.fpga import pack
from ..flow.projects import estimate
from ..hdl.shells.board_top import accelerator_top
from ..plan import Plan, plan
from ..plan.cost import Coefficients, coefficients, estimate_luts, quantities
from ..plan.memory import total_rams
from ..report.table import Table
from .fit import fitted

POINTS = (
    ("tfc_w1a1", "icebreaker", "generic", 1, 8, 8, 1),
    ("tfc_w1a1", "icebreaker", "generic", 1, 16, 16, 1),
    ("cnn_mnist_w1a1", "hx8k_b_evn", "generic", 1, 16, 16, 2),
    ("tfc_w1a1", "icebreaker", "ice40", 1, 4, 32, 1),
    ("tfc_w1a1", "icebreaker", "ice40", 2, 4, 32, 1),
    ("tfc_w1a1", "icebreaker", "ice40", 1, 8, 8, 1),
    ("tfc_w1a1", "icebreaker", "ice40", 1, 16, 16, 1),
    ("tfc_w1a1", "hx8k_b_evn", "ice40", 1, 4, 24, 1),
    ("cnn_mnist_w1a1", "icebreaker", "ice40", 1, 8, 16, 1),
    ("cnn_mnist_w1a1", "icebreaker", "ice40", 1, 16, 16, 1),
    ("cnn_mnist_w1a1", "hx8k_b_evn", "generic", 2, 8, 24, 2),
    ("cnn_mnist_w1a1", "hx8k_b_evn", "ice40", 1, 16, 16, 2),
    ("tfc_w1a1", "ulx3s_25f", "generic", 1, 32, 32, 1),
    ("cnn_mnist_w1a1", "ulx3s_25f", "generic", 1, 16, 16, 4),
    ("cnv_w1a1", "ulx3s_85f", "generic", 1, 32, 32, 1),
    ("tfc_w1a1", "ulx3s_25f", "ecp5", 2, 32, 32, 1),
    ("sfc_w1a1", "ulx3s_12f", "generic", 2, 8, 64, 1),
    ("sfc_w1a1", "ulx3s_12f", "ecp5", 1, 8, 64, 1),
    ("sfc_w1a1", "ulx3s_12f", "ecp5", 2, 8, 64, 1),
    ("sfc_w1a1", "ulx3s_12f", "ecp5", 3, 8, 64, 1),
    ("cnn_mnist_w1a1", "ulx3s_25f", "ecp5", 2, 16, 16, 1),
    ("cnn_mnist_w1a1", "ulx3s_25f", "ecp5", 2, 16, 32, 4),
    ("lenet_w1a1", "ulx3s_12f", "ecp5", 2, 16, 32, 1),
    ("lfc_w1a1", "ulx3s_85f", "ecp5", 2, 32, 96, 1),
    ("cnv_w1a1", "ulx3s_45f", "ecp5", 2, 16, 64, 4),
    ("cnv_w1a1", "ulx3s_85f", "ecp5", 2, 32, 32, 1),
    ("cnv_w1a1", "ulx3s_85f", "ecp5", 2, 32, 64, 2),
    ("cnv_w1a1", "ulx3s_85f", "ecp5", 2, 64, 64, 1),
    ("cnv_w1a1", "ulx3s_85f", "ecp5", 2, 64, 64, 4),
    ("cnn_mnist_w1a1", "ulx3s_25f", "ecp5", 2, 32, 32, 3),
    ("cnv_w1a2", "ulx3s_85f", "ecp5", 2, 32, 32, 1),
    ("tfc_w1a1", "tang_nano_9k", "generic", 1, 4, 24, 1),
    ("tfc_w1a1", "tang_nano_9k", "generic", 1, 8, 8, 1),
    ("tfc_w1a1", "tang_nano_9k", "generic", 1, 16, 16, 1),
    ("cnn_mnist_w1a1", "tang_nano_9k", "generic", 1, 8, 16, 1),
    ("cnn_mnist_w1a1", "tang_nano_9k", "generic", 1, 16, 16, 1),
    ("cnn_mnist_w1a1", "tang_nano_9k", "generic", 1, 8, 8, 3),
    ("cnn_mnist_w1a1", "tang_nano_9k", "generic", 1, 24, 24, 1),
    ("tfc_w1a1", "tang_nano_9k", "gowin", 2, 4, 32, 1),
    ("tfc_w1a1", "tang_nano_9k", "gowin", 2, 8, 8, 1),
    ("tfc_w1a1", "tang_nano_9k", "gowin", 2, 16, 16, 1),
    ("cnn_mnist_w1a1", "tang_nano_9k", "gowin", 2, 8, 16, 1),
    ("cnn_mnist_w1a1", "tang_nano_9k", "gowin", 2, 16, 16, 1),
    ("cnn_mnist_w1a1", "tang_nano_9k", "gowin", 2, 8, 8, 3),
    ("cnn_mnist_w1a1", "tang_nano_9k", "gowin", 2, 24, 24, 1),
    ("tfc_w1a1", "tang_nano_9k", "gowin", 1, 4, 32, 1),
    *(
        (model, board, "generic", *size)
        for board in ("arty_a7_100t", "de10_nano", "de10_lite")
        for model, size in (
            ("tfc_w1a1", (1, 4, 24, 1)),
            ("tfc_w1a1", (1, 16, 16, 1)),
            ("sfc_w1a1", (2, 8, 64, 1)),
            ("cnn_mnist_w1a1", (1, 8, 16, 1)),
            ("cnn_mnist_w1a1", (1, 8, 8, 3)),
            ("cnn_mnist_w1a1", (2, 16, 16, 4)),
            ("lenet_w1a1", (1, 16, 32, 1)),
        )
    ),
    *(("cnv_w1a1", board, "generic", 1, 32, 32, 1) for board in ("arty_a7_100t", "de10_nano")),
    *(("cnv_w1a1", board, "generic", 1, 32, 32, 3) for board in ("arty_a7_100t", "de10_nano")),
    *(("cnv_w1a1", board, "generic", 2, 16, 64, 2) for board in ("arty_a7_100t", "de10_nano")),
)
"""Model, board, cells, stages, P, S, Q."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    plan: Plan
    family: str
    luts: int


def refit(measured: list[Measured], start: Coefficients) -> Coefficients:
    """Least squares of the relative errors, with `start` for what the designs do not tell."""
    rows = [quantities(m.plan, m.family) for m in measured]
    return Coefficients(**fitted(rows, [m.luts for m in measured], asdict(start)))


def main() -> None:
    rows, groups = [], {}
    for model, name, cells, stages, p, s, q in POINTS:
        board = boards.load(name)
        family = board.target.family
        planned = plan(models.load(model).network, board, p, s, q, cells=cells, stages=stages)
        print(f"packing {model} at {p} x {s} x {q} for {name}, {cells} cells, {stages} stages", file=sys.stderr)
        top = accelerator_top(planned, board)
        made = pack(top, board) if family in FLOWS else estimate(top, board)
        groups.setdefault((family, cells), []).append(Measured(plan=planned, family=family, luts=made["luts"]))
        expected = estimate_luts(planned, family)
        ratio = round(expected / made["luts"], 3)
        rams = total_rams(planned, board.target)
        rows.append([model, family, cells, stages, p, s, q, made["luts"], expected, ratio, made["rams"], rams])
    columns = [
        "model",
        "family",
        "cells",
        "stages",
        "P",
        "S",
        "Q",
        "LUTs",
        "planned",
        "ratio",
        "block RAMs",
        "planned RAMs",
    ]
    print(Table(columns=columns, rows=rows).markdown())
    for (family, cells), measured in groups.items():
        print(f"{family}, {cells} cells: {refit(measured, coefficients(family, cells))}")


if __name__ == "__main__":
    main()
