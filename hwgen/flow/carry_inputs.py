"""ECP5: inputs of carry cells that are 0 become 1, with a table that does not ask.

An input that is left open reads as 1, so nextpnr leaves constant ones out. A zero it brings there from a look-up table,
all of them by one net: a thirteenth of what there is to route for an array of 64 x 64 x 4.
"""

__all__ = ["open_zeros"]

_LETTERS = "ABCD"


def open_zeros(netlist: dict) -> int:
    """Changes the CCU2Cs of a Yosys netlist (`write_json`), which do what they did; how many inputs became 1.

    Where the table has the same for both values of the input, both the LUT4 and the LUT2 (its lowest four bits) are
    what they were with 0.
    """
    return sum(
        _open(cell, half)
        for module in netlist["modules"].values()
        for cell in module.get("cells", {}).values()
        if cell["type"] == "CCU2C"
        for half in "01"
    )


def _open(cell, half) -> int:
    zeros = [i for i, letter in enumerate(_LETTERS) if cell["connections"].get(letter + half) == ["0"]]
    clear = sum(1 << i for i in zeros)
    table = int(cell["parameters"][f"INIT{half}"], 2)
    opened = sum((table >> (address & ~clear) & 1) << address for address in range(16))
    cell["parameters"][f"INIT{half}"] = f"{opened:016b}"
    for i in zeros:
        cell["connections"][_LETTERS[i] + half] = ["1"]
    return len(zeros)
