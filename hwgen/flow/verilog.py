"""Amaranth component to plain Verilog: the same component gives the same text, whatever folder it was built in."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from . import toolchain

__all__ = ["emit", "of_rtlil"]

ATTRIBUTES = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")
"""What Amaranth notes for itself, of no use to a reader of Verilog."""


class _Platform:
    """What components see as their platform: with one they make cells, without one what the cells do (`hdl.ecp5`).

    models : whether processing elements are models (`hdl.popcount_model`)
    """

    def __init__(self, folder: Path, models: bool):
        self.folder, self.models, self.files = folder, models, []

    def add_file(self, name: str, text: str) -> None:
        """A file of RTLIL that goes with the design (`hdl.repeated`)."""
        if name not in self.files:
            (self.folder / name).write_text(text)
            self.files.append(name)


def emit(component: wiring.Component, name: str = "top", models: bool = False) -> str:
    """Verilog of `component` and all below it, as one text; the top module is called `name`.

    A port of the component becomes a port of the module, with ``__`` between the parts of its name; ``clk`` and
    ``rst`` are added where it has synchronous logic. Yosys writes it, natively: Amaranth's own way through a Yosys in
    WebAssembly takes about ten times as long on large arrays.

    With `models` the processing elements are models of themselves, which only a simulator takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        platform = _Platform(work, models)
        (work / "top.il").write_text(rtlil.convert(component, name=name, platform=platform, emit_src=False))
        return of_rtlil(work, ["top.il", *platform.files])


def of_rtlil(folder: Path, files: Iterable[str], attributes: str = "") -> str:
    """Verilog of a design that lies in `files` of RTLIL in `folder`.

    Parameters
    ----------
    attributes : Yosys's commands that change attributes of cells before it is written
    """
    removed = " ".join(f"-remove {attribute}" for attribute in ATTRIBUTES)
    reads = "".join(f"read_rtlil {file}\n" for file in files)
    script = f"""
        proc -nomux -norom
        memory_collect
        attrmap {removed}
        attrmap -modattr {removed}
        {attributes}
        write_verilog -norename top.v
    """
    (folder / "emit.ys").write_text(reads + script)
    toolchain.run("yosys", ["emit.ys"], cwd=folder, log=None)
    return (folder / "top.v").read_text()
