"""Gowin's block RAMs in every shape, contents and all: the netlist, with models of cells, beside what it is made of. Of
families whose netlists vendors' tools make, how many Yosys takes."""

import random
import re
import subprocess

import pytest
from amaranth import Mux, Signal
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.families import FAMILIES
from hwgen.flow import verilog
from hwgen.flow.projects.count import count
from hwgen.hdl.buffers import ActivationMemory, Table
from hwgen.sim import elements, verilator
from rtl_tests.netlist.test_netlist import FOLDER, RAM_CELLS, cell_models, synthesised

SHAPES = FAMILIES["gowin"].ram_shapes
SINGLE, DOUBLE = {36: "SPX9", 18: "SPX9", 9: "SPX9"}, {36: "SDPX9B", 18: "DPX9B", 9: "DPX9B"}
"""By width the cells that Yosys takes for ROM and RAM; for others SP and DPB."""
WORD = 36
BESIDE = """
module elements(input clk, input [71:0] noise, output began, output [35:0] built, model);
  assign began = 1;
  gate gate(.clk(clk), .rst(1'b0), .noise(noise), .word(built));
  gold gold(.clk(clk), .rst(1'b0), .noise(noise), .word(model));
endmodule
"""


class Memories(wiring.Component):
    """A ROM and a RAM of one shape, each of whose words is read; none while it is written."""

    def __init__(self, depth: int, width: int):
        self.depth, self.width = depth, width
        super().__init__({"noise": In(72), "word": Out(WORD)})

    def elaborate(self, platform):
        m, rng, bits = Module(), random.Random(self.width), (self.depth - 1).bit_length()
        rows = [rng.getrandbits(self.width) for _ in range(self.depth)]
        m.submodules.rom = rom = Table(rows, self.width, block=True)
        m.submodules.ram = ram = ActivationMemory(1, self.width, 1, self.depth)
        read = self.noise[:bits]
        chosen = Signal()
        m.d.sync += chosen.eq(self.noise[-1])
        m.d.comb += [
            rom.address.eq(read),
            ram.read_address[0].eq(read),
            ram.writes[0].enable.eq(self.noise[-2]),
            ram.writes[0].columns.eq(1),
            ram.writes[0].address.eq(read ^ (1 << bits - 1) ^ self.noise[bits : 2 * bits - 1]),
            ram.writes[0].data.eq(self.noise[30:66]),
            self.word.eq(Mux(chosen, rom.data, ram.read_data[0])),
        ]
        return m


def emitted(depth, width, name):
    return verilog.emit(Memories(depth, width), name)


def compare(text):
    program = verilator.compile_program(text, "elements", elements.HARNESS, ["-DNOISE_BITS=72"], FOLDER)
    return subprocess.run([str(program.resolve()), "200000"], capture_output=True, text=True)


@pytest.mark.parametrize(
    "depth, width", [pytest.param(*shape, marks=pytest.mark.slow if shape[0] > 4096 else ()) for shape in SHAPES]
)
def test_a_shape(depth, width, tmp_path):
    made = synthesised(emitted(depth, width, "gate"), "gate", "gowin", tmp_path)
    found = {cell: made.cells[cell] for cell in RAM_CELLS["gowin"] if cell in made.cells}
    assert found == {SINGLE.get(width, "SP"): 1, DOUBLE.get(width, "DPB"): 1}
    text = made.text + emitted(depth, width, "gold") + BESIDE + cell_models("gowin")
    answer = compare(text)
    assert (answer.returncode, answer.stdout) == (0, "")


class Several(wiring.Component):
    """`Memories` of several shapes."""

    def __init__(self, shapes):
        self.shapes = shapes
        super().__init__({"noise": In(72), "words": Out(WORD * len(shapes))})

    def elaborate(self, platform):
        m = Module()
        for i, (depth, width) in enumerate(self.shapes):
            m.submodules[f"shape_{i}"] = memories = Memories(depth, width)
            m.d.comb += [memories.noise.eq(self.noise), self.words.word_select(i, WORD).eq(memories.word)]
        return m


@pytest.mark.parametrize("family", ["cyclonev", "max10"])
def test_block_rams_of_vendors(family):
    """One for a ROM and one for a RAM of a shape, two for one that is a row deeper: those of our own maps."""
    (depth, width), *rest = FAMILIES[family].ram_shapes[:3]
    shapes = [(depth, min(width, WORD)), *rest, (depth + 1, WORD - 1)]
    made = count(verilog.emit(Several(shapes), "top"), family)
    assert made["rams"] == 2 * 3 + 2 * 2
    assert made["luts"] >= sum(width for _, width in shapes) / 2  # what chooses between the words of a ROM and a RAM


def test_other_contents_are_found(tmp_path):
    """One bit of one row of a ROM."""
    depth, width = SHAPES[1]
    made = synthesised(emitted(depth, width, "gate"), "gate", "gowin", tmp_path)
    row = re.search(r"INIT_RAM_2A\(288'h(?=[1-9a-f])", made.text)  # not the RAM's, which is all zeros
    assert row
    at = row.end() + 20
    changed = made.text[:at] + f"{int(made.text[at], 16) ^ 1:x}" + made.text[at + 1 :]
    answer = compare(changed + emitted(depth, width, "gold") + BESIDE + cell_models("gowin"))
    assert answer.returncode == 1 and "differ" in answer.stdout
