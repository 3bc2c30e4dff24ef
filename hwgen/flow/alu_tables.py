"""Gowin: a LUT of two inputs that an ALU takes for a carry-in becomes part of the ALU's table.

An ALU in mode ADDSUB whose I0 and I1 are one signal, and whose I3 is 1, gives out the carry from below and makes that
signal the carry (`hwgen.hdl.gowin`). Where a LUT of two inputs drives it, the ALU's own table can hold that LUT, as
nextpnr and gowin_pack take it: RAW_ALU_LUT, of which bits 15..12 and 7..4 are P for I3 = 1 and 0, and bits 3..0 are
G(I0, I1). Those tables are what apycula has found; Gowin's primitive has but its ten modes.
"""

from collections import Counter

__all__ = ["absorb"]


def absorb(netlist: dict) -> int:
    """Moves LUTs of a Yosys netlist (`write_json`) into the ALUs behind them; how many went."""
    return sum(_absorb(module) for module in netlist["modules"].values())


def _absorb(module) -> int:
    cells = module.get("cells", {})
    readers: Counter[int | str] = Counter(bit for port in module["ports"].values() for bit in port["bits"])
    ones = {cell["connections"]["V"][0] for cell in cells.values() if cell["type"] == "VCC"} | {"1"}
    driver: dict[int | str, str] = {}
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                readers.update(bits)
        if cell["type"] in ("LUT1", "LUT2"):
            driver[cell["connections"]["F"][0]] = name
    absorbed = 0
    for alu in [cell for cell in cells.values() if cell["type"] == "ALU"]:
        inputs = alu["connections"]
        carried = inputs["I0"][0]
        if int(alu["parameters"]["ALU_MODE"], 2) != 2 or inputs["I1"] != [carried] or inputs["I3"][0] not in ones:
            continue
        if readers[carried] != 2 or carried not in driver:
            continue
        lut = cells.pop(driver[carried])
        first = lut["connections"]["I0"]
        table = lut["parameters"]["INIT"][-4:]
        inputs["I0"], inputs["I1"] = first, lut["connections"].get("I1", first)
        if lut["type"] == "LUT1":
            table = 2 * table[-2:]
        alu["parameters"]["RAW_ALU_LUT"] = f"{int(table, 2):016b}"
        absorbed += 1
    return absorbed
