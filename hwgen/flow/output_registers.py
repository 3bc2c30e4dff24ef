"""ECP5: registers that stand right behind block RAM become the RAM's own output registers.

Yosys infers no output registers (REGMODE "OUTREG"). With one, a word is there some 1 ns after the clock's edge instead
of 5.8 ns, and the flip-flops are saved. Source: Lattice FPGA-TN-02204, "Memory Usage Guide", output registers.
"""

from collections import Counter

__all__ = ["absorb"]

_PORTS = {side: [f"DO{side}{i}" for i in range(18)] for side in "AB"}


def absorb(netlist: dict) -> int:
    """Moves registers of a Yosys netlist (`write_json`) into the block RAMs before them; how many RAMs got some.

    A port's output bits go through its register together or not at all, so each bit that is used has to end in one
    flip-flop of the port's clock, without an enable or a reset, that begins as 0.
    """
    return sum(_absorb(module) for module in netlist["modules"].values())


def _absorb(module) -> int:
    cells = module.get("cells", {})
    readers: Counter[int] = Counter(bit for port in module["ports"].values() for bit in port["bits"])
    register_of: dict[int, str] = {}
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "output":
                continue
            readers.update(bits)
            if cell["type"] == "TRELLIS_FF" and port in ("DI", "M"):
                register_of.update((bit, name) for bit in bits)
    return sum(
        _absorb_side(cells, ram, side, readers, register_of)
        for ram in [cell for cell in cells.values() if cell["type"] == "DP16KD"]
        for side in "AB"
    )


def _absorb_side(cells, ram, side, readers, register_of) -> bool:
    connections, parameters = ram["connections"], ram["parameters"]
    wide = int(parameters["DATA_WIDTH_B"], 2) == 36  # read through B, in both sides' outputs
    if wide and side == "A":
        return False
    outputs = [*_PORTS["A"], *_PORTS["B"]] if wide else _PORTS[side]
    used = [port for port in outputs if any(readers[bit] for bit in connections.get(port, []))]
    bits = [connections[port][0] for port in used]
    if not used or any(readers[bit] != 1 or bit not in register_of for bit in bits):
        return False
    registers = [register_of[bit] for bit in bits]
    clock = connections[f"CLK{side}"]
    if parameters[f"CLK{side}MUX"] != f"CLK{side}" or not all(_plain(cells[name], clock) for name in registers):
        return False
    for port, name in zip(used, registers, strict=True):
        connections[port] = cells.pop(name)["connections"]["Q"]
    for each in "AB" if wide else side:
        parameters[f"REGMODE_{each}"] = "OUTREG"
    connections[f"OCE{side}"] = ["1"]
    ram["port_directions"][f"OCE{side}"] = "input"
    return True


def _plain(register, clock) -> bool:
    """A flip-flop of `clock` that neither waits nor is reset."""
    connections, parameters = register["connections"], register["parameters"]
    return (
        connections["CLK"] == clock
        and parameters["CLKMUX"] == "CLK"
        and (parameters["CEMUX"].strip() == "1" or connections.get("CE") == ["1"])
        and connections.get("LSR", ["0"]) in (["0"], [])
        and parameters["REGSET"] == "RESET"
    )
