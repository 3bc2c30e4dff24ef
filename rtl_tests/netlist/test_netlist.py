"""The netlist that Yosys makes, with the cells' models, against the golden model; its block RAMs against the plan."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hwgen import boards, data, golden
from hwgen.flow import synthesis, toolchain, verilog
from hwgen.flow.floorplan import fix_weights, grid
from hwgen.hdl.accelerator import Accelerator
from hwgen.integers import BIPOLAR, unsigned
from hwgen.layers import Flatten, Lookup
from hwgen.plan.memory import block_rams, total_rams
from hwgen.plan.plan import Plan
from hwgen.plan.style import Style
from hwgen.sim import verilator
from hwgen.sim.cells import MODELS
from hwgen.sim.trace import harness_defines, read_trace
from hwgen.sim.verify import compare, script_for
from rtl_tests.helpers.networks import Chain
from rtl_tests.helpers.plans import plan_for
from rtl_tests.helpers.zoo import CASES
from rtl_tests.netlist.ecp5_ram import dp16kd
from rtl_tests.netlist.gowin_ram import gowin_rams

FOLDER = Path("build/rtl_tests")
RAM_CELLS = {
    "ice40": ("SB_RAM40_4K",),
    "ecp5": ("DP16KD",),
    "gowin": ("SP", "SPX9", "DPB", "DPX9B", "SDPB", "SDPX9B"),
}
BOARDS = {"ice40": "icebreaker", "ecp5": "ulx3s_25f", "gowin": "tang_nano_9k"}
MEMORIES = {
    "weights": "weights.table_",
    "activations": "activations.memory",
    "parameters": "parameters.table",
    "taps": "reader.table",
    "thresholds": "thresholds.table",
    "pixels": "loader.table",
}
"""How the netlist names each of the plan's memories."""


def digits(style: Style) -> Plan:
    """A small network for 28x28 digits: a packed layer, 2-bit and 1-bit activations, a zero border, many tiles."""
    chain = Chain(np.random.default_rng(28), (1, 28, 28), unsigned(8))
    chain.add(Lookup(table=np.where(np.arange(256) < 128, -1, 1)[None], output=BIPOLAR))
    chain.convolution(4, (4, 4), stride=(3, 3)).threshold(unsigned(2))
    chain.convolution(5, (3, 3), stride=(2, 2), padding=(1, 1, 1, 1)).threshold(BIPOLAR)
    chain.add(Flatten(order="CHW")).dense(10)
    return plan_for(chain.network("digits"), 2, 8, 1, style=style)


@dataclass(frozen=True)
class Netlist:
    """Verilog of the netlist, how many of each cell it has, block RAMs with output registers, and the memories that
    Yosys kept out of RAM."""

    text: str
    cells: dict[str, int]
    registered: int
    gate_memories: tuple[str, ...]


def netlist(plan: Plan, family: str, work: Path) -> Netlist:
    made = synthesised(verilog.emit(Accelerator(plan), "accelerator"), "accelerator", family, work)
    assert (work / "yosys.log").read_text().count("mapping memory") > 0
    return made


def synthesised(text: str, top: str, family: str, work: Path) -> Netlist:
    """The netlist of Verilog with a module `top`; nothing of its memories is left."""
    (work / "top.v").write_text(text)
    script = ["read_verilog top.v", synthesis.script(family, top)]
    script += ["write_json netlist.json"]
    (work / "make.ys").write_text("\n".join(script) + "\n")
    toolchain.run("yosys", ["make.ys"], cwd=work, log=work / "yosys.log", limit=600)
    log = (work / "yosys.log").read_text()
    synthesis.finish(family, work / "netlist.json")
    script = ["read_json netlist.json", "tee -q -o stat.json stat -json", "write_verilog -noattr netlist.v"]
    (work / "read.ys").write_text("\n".join(script) + "\n")
    toolchain.run("yosys", ["read.ys"], cwd=work, log=work / "read.log", limit=600)
    design = json.loads((work / "stat.json").read_text())["design"]
    assert design["num_memories"] == 0
    gates = re.findall(r"using FF mapping for memory (\S+)", log)
    cells = json.loads((work / "netlist.json").read_text())["modules"][top]["cells"].values()
    registered = sum("OUTREG" in cell["parameters"].values() for cell in cells)
    # Nextpnr has a port only where something is, be it unknown; Verilator finds that strange at an output.
    text = (work / "netlist.v").read_text().replace(".COUT(1'hx)", ".COUT()")
    return Netlist(text, design["num_cells_by_type"], registered, tuple(gates))


def cell_models(family: str) -> str:
    """Verilog of the family's cells, for simulation."""
    folder = toolchain.yosys_share() / family
    text = (folder / "cells_sim.v").read_text()
    if family == "ecp5":
        text = re.sub(r"module DP16KD\(.*?endmodule", "", text, flags=re.DOTALL)
        while "`include" in text:
            text = re.sub(r'`include "(\w+\.vh)"', lambda match: (folder / match[1]).read_text(), text)
        text += dp16kd()
    if family == "gowin":
        names = "|".join([*RAM_CELLS[family], "ALU"])  # Yosys's ALU has no table of its own
        text = re.sub(rf"module (?:{names}) .*?endmodule", "", text, flags=re.DOTALL)
        text += gowin_rams() + MODELS["ALU"].read_text()
    return re.sub(r"\bspecify\b.*?\bendspecify\b", "", text, flags=re.DOTALL)  # delays: the simulation has none


def check_rams(plan: Plan, family: str, made: Netlist, count: int):
    """Every memory that the plan puts in block RAM is there, in as many as the plan counts, and no other is."""
    target = boards.load(BOARDS[family]).target
    each = {spec.name: block_rams(spec, target) for spec in plan.memories}
    print(family, each)
    found = sum(made.cells.get(cell, 0) for cell in RAM_CELLS[family])
    assert found == sum(each.values()) == total_rams(plan, target) == count
    assert each["weights"] > 0 and each["activations"] > 0
    for spec in plan.memories:
        assert any(MEMORIES[spec.name] in name for name in made.gate_memories) != spec.block, spec.name


@pytest.mark.parametrize("stages", [1, 2])
def test_every_block_ram_of_weights_gets_a_place(stages, tmp_path):
    plan = digits(Style(cells="ecp5", stages=stages))
    netlist(plan, "ecp5", tmp_path)
    design = json.loads((tmp_path / "netlist.json").read_text())
    (weights,) = (spec for spec in plan.memories if spec.name == "weights")
    count = block_rams(weights, boards.load(BOARDS["ecp5"]).target)
    assert fix_weights(design, grid("LFE5U-25F")) == count > 0


@pytest.mark.parametrize(
    "family, style, rams, registered",
    [
        pytest.param("ice40", Style(), 7, 0, marks=pytest.mark.slow),
        ("ice40", Style(cells="ice40"), 7, 0),
        ("ecp5", Style(), 6, 0),
        ("ecp5", Style(cells="ecp5", stages=2), 6, 6),
        pytest.param("gowin", Style(), 6, 0, marks=pytest.mark.slow),
        ("gowin", Style(cells="gowin", stages=2), 6, 0),
    ],
    ids=["ice40", "logic cells", "ecp5", "carry cells", "gowin", "ALUs"],
)
def test_digits(family, style, rams, registered, tmp_path):
    plan = digits(style)
    made = netlist(plan, family, tmp_path)
    check_rams(plan, family, made, rams)
    assert made.registered == registered
    images = data.load("mnist-sample:test", 3).images
    simulation = verilator.build(made.text + cell_models(family), harness_defines(plan), FOLDER)
    script, order, unstalled = script_for(plan, len(images), 5)
    simulation.run(images, script, tmp_path)
    expected = golden.run(plan.network, images)
    assert len({tuple(row) for row in expected.logits.tolist()}) == 3
    report = compare(plan, read_trace(plan, tmp_path), expected, order, unstalled)
    print(report)
    assert report.frames == 9
    assert (report.mismatches, report.cycle_mismatches) == (0, 0)
    assert sum(stage.values for stage in report.stages) == 9 * (4 * 81 + 5 * 25 + 11)


@pytest.mark.parametrize(
    "name, family, rams",
    [("eight bits", "ice40", 16), ("eight bits", "ecp5", 6), ("eight bits", "gowin", 6), ("identities", "ice40", 14)],
)
def test_block_rams(name, family, rams, tmp_path):
    """Thresholds in block RAM; activations in several columns."""
    plan = next(case for case in CASES if case.name == name).plan()
    check_rams(plan, family, netlist(plan, family, tmp_path), rams)
