"""python -m hwgen.bench.calibrate: the planner's LUT and RAM figures against synthesis, as a Markdown table.

Minutes of work; the table in docs/numbers.md is its output. Fit `hwgen.plan.cost` again when it drifts.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .. import boards, models
from ..flow import synthesis, toolchain, verilog
from ..hdl.accelerator import Accelerator
from ..plan import plan
from ..plan.cost import estimate_luts
from ..plan.memory import total_rams
from ..plan.plan import Plan
from ..report.table import Table

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


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What synthesis made of a core: LUT4 (an ECP5 carry cell counts as two) and block RAMs."""

    luts: int
    rams: int


def synthesise(planned: Plan, family: str) -> Counts:
    """Counts of the core of `planned`, without a board's shell."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "top.v").write_text(verilog.emit(Accelerator(planned), "top"))
        script = f"read_verilog top.v\n{synthesis.script(family, 'top')}tee -q -o stat.json stat -json\n"
        (work / "top.ys").write_text(script)
        toolchain.run("yosys", ["top.ys"], cwd=work, log=None)
        text = (work / "stat.json").read_text()
        cells = json.loads(text[text.index("{") :])["modules"]["\\top"]["num_cells_by_type"]
    if family == "ice40":
        return Counts(luts=cells.get("SB_LUT4", 0), rams=cells.get("SB_RAM40_4K", 0))
    return Counts(luts=cells.get("LUT4", 0) + 2 * cells.get("CCU2C", 0), rams=cells.get("DP16KD", 0))


def main() -> None:
    rows = []
    for model, name, p, s, q in POINTS:
        board = boards.load(name)
        planned = plan(models.load(model).network, board, p, s, q)
        print(f"synthesising {model} at {p} x {s} x {q} for {board.target.family}", file=sys.stderr)
        made = synthesise(planned, board.target.family)
        expected = estimate_luts(planned, board.target.family)
        ratio = round(expected / made.luts, 3)
        rams = total_rams(planned, board.target)
        rows.append([model, board.target.family, p, s, q, made.luts, expected, ratio, made.rams, rams])
    columns = ["model", "family", "P", "S", "Q", "LUT4", "planned", "ratio", "block RAMs", "planned RAMs"]
    print(Table(columns=columns, rows=rows).markdown(), end="")


if __name__ == "__main__":
    main()
