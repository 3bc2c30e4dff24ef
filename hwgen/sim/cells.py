"""Verilog, for simulators, of the cells that ours instantiates: an FPGA's, or a model's."""

import re
from pathlib import Path

__all__ = ["with_cells"]

NAMES = ("ALU", "CCU2C", "SB_LUT4", "SB_CARRY", "COUNTONES")
MODELS = {name: Path(__file__).with_name(f"{name.lower()}.v") for name in NAMES}


def with_cells(verilog: str) -> str:
    """`verilog`, followed by a model of each cell that it instantiates."""
    used = [path for name, path in MODELS.items() if re.search(rf"^\s*{name}\b", verilog, re.MULTILINE)]
    return "\n".join([verilog, *(path.read_text() for path in used)])
