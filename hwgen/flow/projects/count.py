"""What a project's design takes of a vendor's FPGA, as Yosys synthesises it."""

import json
import tempfile
from pathlib import Path

from .. import toolchain
from .vendors import VENDORS

__all__ = ["count"]

_HERE = Path(__file__).parent
_FILES = ("quartus_cells.v", "m10k.txt", "m9k.txt", "block_ram.v")
"""What the scripts of `VENDORS` read."""


def count(verilog: str, family: str, *, log: Path | None = None, limit: float | None = None) -> dict[str, int]:
    """Cells by the names of `project.Project`'s counts. The vendor's tools come to other figures.

    Parameters
    ----------
    verilog : a whole design of a board
    log : file for what Yosys says
    limit : seconds

    Raises
    ------
    BuildError : Yosys refuses the design
    """
    vendor = VENDORS[family]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in _FILES:
            (work / name).write_text((_HERE / name).read_text())
        (work / "design.v").write_text(verilog)
        (work / "count.ys").write_text(f"read_verilog design.v\n{vendor.synthesis}tee -q -o count.json stat -json\n")
        toolchain.run("yosys", ["count.ys"], cwd=work, log=log, limit=limit)
        made = json.loads((work / "count.json").read_text())["design"]["num_cells_by_type"]
    return {name: sum(made.get(cell, 0) * each for cell, each in cells.items()) for name, cells in vendor.cells.items()}
