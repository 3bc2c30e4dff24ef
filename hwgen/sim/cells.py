"""Models of the FPGA cells that our Verilog instantiates, for simulators."""

from pathlib import Path

__all__ = ["with_cells"]

MODELS = {"CCU2C": Path(__file__).with_name("ccu2c.v")}


def with_cells(verilog: str) -> str:
    """`verilog`, followed by a model of each cell that it instantiates."""
    used = [path for name, path in MODELS.items() if f"{name} #" in verilog]
    return "\n".join([verilog, *(path.read_text() for path in used)])
