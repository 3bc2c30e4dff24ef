"""Verilog, for simulators, of the cells that ours instantiates: an FPGA's, or a model's."""

from pathlib import Path

__all__ = ["with_cells"]

MODELS = {name: Path(__file__).with_name(f"{name.lower()}.v") for name in ("CCU2C", "COUNTONES")}


def with_cells(verilog: str) -> str:
    """`verilog`, followed by a model of each cell that it instantiates."""
    used = [path for name, path in MODELS.items() if f"{name} #" in verilog]
    return "\n".join([verilog, *(path.read_text() for path in used)])
