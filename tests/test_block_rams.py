"""Our maps of block RAM make the cells that Yosys's own do."""

import json

import pytest

from hwgen.flow import block_rams, toolchain

OWN = {
    "ice40": "memory_libmap -lib +/ice40/brams.txt\ntechmap -map +/ice40/brams_map.v",
    "ecp5": "memory_libmap -lib +/lattice/brams_16kd.txt\ntechmap -map +/lattice/brams_map_16kd.v",
}
CELL = {"ice40": "SB_RAM40_4K", "ecp5": "DP16KD"}
SHAPES = [(36, 512, False), (16, 256, True), (7, 1100, True)]


def memory(number: int, width: int, depth: int, written: bool) -> str:
    """Verilog of a memory with contents that no two words share."""
    words = [(word * 0x9E3779B97F4A7C15 + number) % (1 << 64) * 0xD1342543DE82EF95 for word in range(depth)]
    contents = " ".join(f"words[{at}] = {width}'d{word % (1 << 80) >> (80 - width)};" for at, word in enumerate(words))
    bits = (depth - 1).bit_length()
    write = f"always @(posedge clk) if (we) words[to] <= d[{width - 1}:0];" if written else ""
    return f"""
    module memory_{number}(input clk, we, input [{bits - 1}:0] to, at, input [79:0] d, output reg [{width - 1}:0] q);
      (* ram_style = "block" *) reg [{width - 1}:0] words [0:{depth - 1}];
      initial begin {contents} end
      {write}
      always @(posedge clk) q <= words[at];
    endmodule"""


def rams(folder, cell):
    """Parameters of the block RAMs, by module and name."""
    modules = json.loads((folder / "netlist.json").read_text())["modules"]
    return {
        (module, name): each["parameters"]
        for module, content in modules.items()
        for name, each in content["cells"].items()
        if each["type"] == cell
    }


@pytest.mark.parametrize("family", OWN)
def test_the_same_cells(family, tmp_path):
    (tmp_path / "top.v").write_text("\n".join(memory(i, *shape) for i, shape in enumerate(SHAPES)))
    made = []
    for commands in (OWN[family], block_rams.commands(family)):
        (tmp_path / "make.ys").write_text(
            f"read_verilog top.v\nproc\nopt\nmemory -nomap\n{commands}\nclean\nwrite_json netlist.json\n"
        )
        toolchain.run("yosys", ["make.ys"], cwd=tmp_path, log=None)
        made.append(rams(tmp_path, CELL[family]))
    own, ours = made
    assert {module for module, _ in own} == {f"memory_{i}" for i in range(len(SHAPES))}
    assert len({tuple(parameters.items()) for parameters in own.values()}) == len(own)
    assert ours == own
