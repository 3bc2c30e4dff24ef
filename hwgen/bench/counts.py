"""What synthesis makes of a component: LUTs and block RAMs."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring

from ..flow import synthesis, toolchain, verilog

__all__ = ["Counts", "synthesise"]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """LUT4 (an ECP5 carry cell counts as two) and block RAMs."""

    luts: int
    rams: int


def synthesise(component: wiring.Component, family: str) -> Counts:
    """Counts of a component by the recipe of a family, before place and route."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "top.v").write_text(verilog.emit(component, "top"))
        script = f"read_verilog top.v\n{synthesis.script(family, 'top')}tee -q -o stat.json stat -json\n"
        (work / "top.ys").write_text(script)
        toolchain.run("yosys", ["top.ys"], cwd=work, log=None)
        text = (work / "stat.json").read_text()
        cells = json.loads(text[text.index("{") :])["modules"]["\\top"]["num_cells_by_type"]
    if family == "ice40":
        return Counts(luts=cells.get("SB_LUT4", 0), rams=cells.get("SB_RAM40_4K", 0))
    return Counts(luts=cells.get("LUT4", 0) + 2 * cells.get("CCU2C", 0), rams=cells.get("DP16KD", 0))
