"""python -m hwgen.bench.calibrate: the planner's LUT and RAM figures against synthesis, as a Markdown table.

Minutes of work; the table in docs/numbers.md is its output. Fit `hwgen.plan.cost` again when it drifts.
"""

import sys

from .. import boards, models
from ..hdl.accelerator import Accelerator
from ..plan import plan
from ..plan.cost import estimate_luts
from ..plan.memory import total_rams
from ..report.table import Table
from .counts import synthesise

POINTS = (
    ("tfc_w1a1", "icebreaker", 4, 32, 1),
    ("tfc_w1a1", "icebreaker", 8, 8, 1),
    ("tfc_w1a1", "icebreaker", 16, 16, 1),
    ("cnn_mnist_w1a1", "icebreaker", 8, 16, 1),
    ("cnn_mnist_w1a1", "icebreaker", 16, 16, 1),
    ("cnn_mnist_w1a1", "hx8k_b_evn", 16, 16, 2),
    ("tfc_w1a1", "ulx3s_25f", 32, 32, 1),
    ("cnn_mnist_w1a1", "ulx3s_25f", 16, 16, 1),
    ("cnn_mnist_w1a1", "ulx3s_25f", 16, 16, 4),
    ("cnn_mnist_w1a1", "ulx3s_25f", 16, 16, 8),
    ("cnv_random", "ulx3s_85f", 32, 32, 1),
    ("cnv_random", "ulx3s_85f", 64, 32, 1),
)


def main() -> None:
    rows = []
    for model, name, p, s, q in POINTS:
        board = boards.load(name)
        planned = plan(models.load(model).network, board, p, s, q)
        print(f"synthesising {model} at {p} x {s} x {q} for {board.target.family}", file=sys.stderr)
        made = synthesise(Accelerator(planned), board.target.family)
        expected = estimate_luts(planned, board.target.family)
        ratio = round(expected / made.luts, 3)
        rams = total_rams(planned, board.target)
        rows.append([model, board.target.family, p, s, q, made.luts, expected, ratio, made.rams, rams])
    columns = ["model", "family", "P", "S", "Q", "LUT4", "planned", "ratio", "block RAMs", "planned RAMs"]
    print(Table(columns=columns, rows=rows).markdown(), end="")


if __name__ == "__main__":
    main()
