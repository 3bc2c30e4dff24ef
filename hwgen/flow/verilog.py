"""Amaranth component to plain Verilog: the same component gives the same text, whatever folder it was built in."""

import tempfile
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from . import toolchain

__all__ = ["emit"]

PLATFORM = "verilog"
"""What components see as their platform: with one they make cells, without one what the cells do (`hdl.ecp5`)."""

ATTRIBUTES = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")
"""What Amaranth notes for itself, of no use to a reader of Verilog."""


def emit(component: wiring.Component, name: str = "top") -> str:
    """Verilog of `component` and all below it, as one text; the top module is called `name`.

    A port of the component becomes a port of the module, with ``__`` between the parts of its name; ``clk`` and
    ``rst`` are added where it has synchronous logic. Yosys writes it, natively: Amaranth's own way through a Yosys in
    WebAssembly takes about ten times as long on large arrays.
    """
    removed = " ".join(f"-remove {attribute}" for attribute in ATTRIBUTES)
    script = f"""
        read_rtlil top.il
        proc -nomux -norom
        memory_collect
        attrmap {removed}
        attrmap -modattr {removed}
        write_verilog -norename top.v
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "top.il").write_text(rtlil.convert(component, name=name, platform=PLATFORM, emit_src=False))
        (work / "emit.ys").write_text(script)
        toolchain.run("yosys", ["emit.ys"], cwd=work, log=None)
        return (work / "top.v").read_text()
