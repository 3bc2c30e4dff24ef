"""What synthesis makes of a component: LUTs and block RAMs."""

import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring

from ..flow import synthesis, toolchain, verilog

__all__ = ["Counts", "synthesise"]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """LUT4 and block RAMs. An ECP5 carry cell counts as two LUT4, an iCE40 carry gate as one where its logic cell's
    LUT4 has no other use, a Gowin ALU as one, with those that nextpnr puts at the ends of chains."""

    luts: int
    rams: int


def synthesise(component: wiring.Component, family: str) -> Counts:
    """Counts of a component by the recipe of a family, before place and route."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "top.v").write_text(verilog.emit(component, "top"))
        script = f"read_verilog top.v\n{synthesis.script(family, 'top')}write_json net.json\n"
        (work / "top.ys").write_text(script)
        toolchain.run("yosys", ["top.ys"], cwd=work, log=None)
        synthesis.finish(family, work / "net.json")
        cells = json.loads((work / "net.json").read_text())["modules"]["top"]["cells"].values()
    number = Counter(cell["type"] for cell in cells)
    if family == "ice40":
        return Counts(luts=number["SB_LUT4"] + _lone_carries(cells), rams=number["SB_RAM40_4K"])
    if family == "gowin":
        luts = sum(number[f"LUT{inputs}"] for inputs in range(1, 5))
        rams = sum(number[kind] for kind in ("SP", "SPX9", "DPB", "DPX9B", "SDPB", "SDPX9B"))
        return Counts(luts=luts + _alus(cells), rams=rams)
    return Counts(luts=number["LUT4"] + 2 * number["CCU2C"], rams=number["DP16KD"])


def _lone_carries(cells):
    """Carry gates that share no logic cell with a LUT4: of its inputs I1, I2 and I3 are theirs."""

    def inputs(kind, names):
        return [tuple(cell["connections"][name][0] for name in names) for cell in cells if cell["type"] == kind]

    shared = set(inputs("SB_LUT4", ("I1", "I2", "I3")))
    return sum(carry not in shared for carry in inputs("SB_CARRY", ("I0", "I1", "CI")))


def _alus(cells):
    """ALUs as nextpnr packs them: one more in front of each chain for its carry-in, one more behind where the last
    carry goes elsewhere, and an even number in all."""
    alus = [cell["connections"] for cell in cells if cell["type"] == "ALU"]
    readers = Counter(bit for cell in cells for name, bits in cell["connections"].items() for bit in bits)
    above = {alu["CIN"][0]: alu for alu in alus}
    below = {alu["COUT"][0] for alu in alus if alu.get("COUT")}

    def goes_on(alu):
        """Whether the carry has one reader, an ALU; the bit itself is counted too."""
        carry = alu.get("COUT", [None])[0]
        return carry in above and readers[carry] == 2

    total = 0
    for alu in alus:
        carry = alu["CIN"][0]
        if carry in below and readers[carry] == 2:
            continue
        length = 2
        while goes_on(alu):
            alu = above[alu["COUT"][0]]
            length += 1
        length += readers[alu.get("COUT", [None])[0]] > 1
        total += length + length % 2
    return total
