"""Copies of a register are there after synthesis, which merges registers that hold the same."""

import json

import pytest
from amaranth import Cat, Module
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.flow import synthesis, toolchain
from hwgen.hdl.repeated import copies

WIDTH, COUNT = 4, 8
CELLS = {"ice40": "SB_DFF", "ecp5": "TRELLIS_FF", "gowin": "DFF"}


class Fan(wiring.Component):
    def __init__(self):
        super().__init__({"d": In(WIDTH), "q": Out(WIDTH * COUNT)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.q.eq(Cat(*copies(m, platform, "fan", [self.d] * COUNT)))
        return m


class Files:
    """A platform that writes what `add_file` gives it, as that of a board does."""

    def __init__(self, folder):
        self.folder, self.names = folder, []

    def add_file(self, name, text):
        (self.folder / name).write_text(text)
        self.names.append(name)


@pytest.mark.parametrize("family", CELLS)
def test_copies_are_kept(family, tmp_path):
    platform = Files(tmp_path)
    (tmp_path / "top.il").write_text(rtlil.convert(Fan(), name="top", platform=platform, emit_src=False))
    reads = [f"read_rtlil {name}" for name in ["top.il", *platform.names]]
    (tmp_path / "make.ys").write_text(
        "\n".join([*reads, synthesis.script(family, "top"), "tee -q -o stat.json stat -json\n"])
    )
    toolchain.run("yosys", ["make.ys"], cwd=tmp_path, log=tmp_path / "yosys.log")
    text = (tmp_path / "stat.json").read_text()
    cells = json.loads(text[text.index("{") :])["design"]["num_cells_by_type"]
    assert cells[CELLS[family]] == WIDTH * COUNT
