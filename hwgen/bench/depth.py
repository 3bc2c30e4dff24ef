"""python -m hwgen.bench.depth: clock and LUTs of bitstreams against their popcounts' cells and depth, a Markdown table.

To hold the defaults of `hwgen.plan.style` against. Half an hour of work; bitstreams stay in build/ and are found again.
"""

import sys
from pathlib import Path

from .. import boards, models
from ..errors import BuildError
from ..flow import fpga as flow
from ..hdl.shells.board_top import accelerator_top
from ..plan import plan
from ..plan.style import Style
from ..report.table import Table

OWN = {"ice40": (1, 2, 3), "ecp5": (1, 2, 3)}
POINTS = (
    ("tfc_w1a1", "icebreaker", (4, 32, 1)),
    ("cnn_mnist_w1a1", "hx8k_b_evn", (8, 24, 2)),
    ("sfc_w1a1", "ulx3s_12f", (8, 64, 1)),
    ("cnn_mnist_w1a1", "ulx3s_25f", (16, 16, 4)),
)


def main() -> None:
    rows = []
    for model, name, shape in POINTS:
        board = boards.load(name)
        family = board.target.family
        for style in (Style(), *(Style(cells=family, stages=n) for n in OWN[family])):
            print(f"building {model} for {name}, {style}", file=sys.stderr, flush=True)
            planned = plan(models.load(model).network, board, *shape, style)
            size = " x ".join(map(str, shape))
            try:
                made = flow.build(accelerator_top(planned, board), board, name=model, folder=Path("build"), seeds=[1])
            except BuildError as error:
                print(error, file=sys.stderr, flush=True)
                rows.append([model, name, size, style.cells, style.stages, None, None, planned.cycles, None])
                continue
            per_second = round(1e6 * made.fmax_mhz / planned.interval)
            rows.append(
                [model, name, size, style.cells, style.stages, made.luts, made.fmax_mhz, planned.cycles, per_second]
            )
    columns = ["model", "board", "P x S x Q", "cells", "stages", "LUTs", "Fmax, MHz", "cycles", "images/s at Fmax"]
    print(Table(columns=columns, rows=rows).markdown())


if __name__ == "__main__":
    main()
