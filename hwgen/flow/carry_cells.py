"""ECP5: ports of carry cells that need no wire, and no cell of nextpnr's, are left open.

An input that is left open reads as 1, so nextpnr leaves constant ones out. A zero it brings there from a look-up table,
all of them by one net: a thirteenth of what there is to route for an array of 64 x 64 x 4. For a carry that goes into a
chain or out of it it adds a cell of two LUTs, also where that carry is a constant that the first half does not ask for,
or nobody reads it.
"""

from collections import Counter

__all__ = ["open_ports"]

_LETTERS = "ABCD"
_OPEN = "x"


def open_ports(netlist: dict) -> int:
    """Changes the CCU2Cs of a Yosys netlist (`write_json`), which still do the same; how many ports it changed."""
    return sum(_open_all(module) for module in netlist["modules"].values())


def _open_all(module) -> int:
    cells = module.get("cells", {}).values()
    read = Counter(bit for port in module.get("ports", {}).values() for bit in port["bits"])
    for cell in cells:
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                read.update(bits)
    carry_cells = [cell for cell in cells if cell["type"] == "CCU2C"]
    opened = sum(_open_zeros(cell, half) for cell in carry_cells for half in "01")
    for cell in carry_cells:
        connections = cell["connections"]
        useless = []
        if connections["COUT"] != [_OPEN] and not any(read[bit] for bit in connections["COUT"]):
            useless.append("COUT")
        if connections["CIN"] in (["0"], ["1"]) and _ignores_carry(cell, read):
            useless.append("CIN")
        # Nextpnr looks for either without asking whether it is there.
        connections.update({port: [_OPEN] for port in useless})
        opened += len(useless)
    return opened


def _open_zeros(cell, half) -> int:
    """Zeros become ones. Where the table has the same for both values of the input, both the LUT4 and the LUT2 (its
    lowest four bits) are what they were with 0."""
    zeros = [i for i, letter in enumerate(_LETTERS) if cell["connections"].get(letter + half) == ["0"]]
    clear = sum(1 << i for i in zeros)
    table = int(cell["parameters"][f"INIT{half}"], 2)
    changed = sum((table >> (address & ~clear) & 1) << address for address in range(16))
    cell["parameters"][f"INIT{half}"] = f"{changed:016b}"
    for i in zeros:
        cell["connections"][_LETTERS[i] + half] = ["1"]
    return len(zeros)


def _ignores_carry(cell, read) -> bool:
    """Whether the first half's LUT4 is 0, whatever its inputs that are not constant, and its S is not read."""
    connections = cell["connections"]
    ones = sum(1 << i for i, letter in enumerate(_LETTERS) if connections.get(letter + "0") == ["1"])
    table = int(cell["parameters"]["INIT0"], 2)
    passes = any(table >> address & 1 for address in range(16) if address & ones == ones)
    return not passes and not any(read[bit] for bit in connections.get("S0", []))
