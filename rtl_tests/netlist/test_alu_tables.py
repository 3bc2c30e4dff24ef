"""ALUs of Gowin: our model is Yosys's, and an ALU that has taken a LUT's table does what both did. Proven by Yosys."""

import json

import pytest
from amaranth import Cat, Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.errors import BuildError
from hwgen.flow import alu_tables, synthesis, toolchain, verilog
from hwgen.hdl.gowin import AluChain, Same
from hwgen.sim.cells import MODELS

CELLS = toolchain.yosys_share() / "gowin" / "cells_sim.v"


class Lanes(wiring.Component):
    """A chain with every kind of operand that an ALU can have, and a carry-in that two ALUs and a port read."""

    def __init__(self):
        super().__init__({"a": In(8), "b": In(8), "x": In(3), "sums": Out(11), "read": Out(1)})

    def elaborate(self, platform):
        m = Module()
        a, b, x = self.a, self.b, self.x
        lanes = [Same(a[i], b[i]) for i in range(8)]
        chain = AluChain("chain")
        sums = [chain.inject(lanes[0]), chain.add(lanes[1], lanes[2]), chain.inject(x[0]), chain.add(x[1], x[2])]
        sums += [chain.inject(lanes[3]), chain.add(x[1], lanes[4]), chain.inject(lanes[5].bit), chain.add(x[0], 1)]
        sums += [chain.inject(Same(a[6], Const(0, 1))), chain.add(x[2], 0)]
        sums.append(chain.top(inverted=True))
        chain.close(m)
        m.d.comb += [self.sums.eq(Cat(*sums)), self.read.eq(lanes[5].bit)]
        return m


def prove(work, *scripts):
    """Yosys's proof that modules `gold` and `gate` are the same function."""
    script = [*scripts, "proc", "miter -equiv -flatten -make_outputs gold gate miter"]
    script.append("sat -verify -prove trigger 0 miter")
    (work / "prove.ys").write_text("\n".join(script) + "\n")
    toolchain.run("yosys", ["prove.ys"], cwd=work, log=work / "prove.log")


def models(work, table="16'h609a"):
    """ALUs called theirs and ours, without the parts that say how fast they are."""
    (work / "theirs.v").write_text(CELLS.read_text())
    (work / "ours.v").write_text(MODELS["ALU"].read_text().replace("16'h609a", table))
    return [
        "read_verilog theirs.v",
        "chparam -set ALU_MODE 2 ALU",
        "rename ALU gold",
        "setattr -mod -unset blackbox -unset whitebox -unset lib_whitebox -unset abc9_box gold",
        "read_verilog ours.v",
        "rename ALU gate",
        "select gold gate",
        "delete =%n",
        "select -clear",
    ]


def test_our_model_is_that_of_yosys(tmp_path):
    prove(tmp_path, *models(tmp_path))
    with pytest.raises(BuildError, match="proof did fail"):
        prove(tmp_path, *models(tmp_path, table="16'h609b"))


def netlists(work):
    """Netlists of `Lanes` before and after ALUs have taken tables; how many did."""
    (work / "lanes.v").write_text(verilog.emit(Lanes(), "lanes"))
    script = ["read_verilog lanes.v", synthesis.script("gowin", "lanes"), "write_json all.json"]
    (work / "make.ys").write_text("\n".join(script) + "\n")
    toolchain.run("yosys", ["make.ys"], cwd=work, log=work / "yosys.log")
    netlist = {"modules": {"lanes": json.loads((work / "all.json").read_text())["modules"]["lanes"]}}
    (work / "gold.json").write_text(json.dumps(netlist))
    count = alu_tables.absorb(netlist)
    (work / "gate.json").write_text(json.dumps(netlist))
    return netlist["modules"]["lanes"]["cells"], count


def with_cells(work):
    """Both netlists as modules without cells."""
    (work / "cells.v").write_text(CELLS.read_text())
    (work / "alu.v").write_text(MODELS["ALU"].read_text())
    script = []
    for name in ("gold", "gate"):
        script += [
            "design -reset",
            "read_verilog cells.v",
            "delete ALU",
            "read_verilog alu.v",
            f"read_json {name}.json",
        ]
        script += [f"rename lanes {name}", f"hierarchy -top {name}", "proc", "flatten", f"write_rtlil {name}.il"]
    return [*script, "design -reset", "read_rtlil gold.il", "read_rtlil gate.il"]


def test_an_alu_takes_the_table_of_what_it_carries(tmp_path):
    cells, count = netlists(tmp_path)
    tables = [cell["parameters"].get("RAW_ALU_LUT") for cell in cells.values() if cell["type"] == "ALU"]
    # Of two inputs and of one, but not what is read elsewhere.
    assert count == 3 and sorted(filter(None, tables)) == ["0000000000000101", *["0000000000001001"] * 2]
    prove(tmp_path, *with_cells(tmp_path))


def test_another_table_is_found_to_be_wrong(tmp_path):
    netlists(tmp_path)
    gate = tmp_path / "gate.json"
    gate.write_text(gate.read_text().replace("0000000000001001", "0000000000001000"))
    with pytest.raises(BuildError, match="proof did fail"):
        prove(tmp_path, *with_cells(tmp_path))
