"""ECP5's carry cells: zeros and carries that need no wire are open in the end, and the cells do the same."""

import itertools
import random

import pytest

from hwgen.flow.carry_cells import open_ports

NAMES = [(half, letter) for half in range(2) for letter in "ABCD"]
OUTPUTS = ("S0", "S1", "COUT")


def carry_cell(tables, inputs, carry, first):
    """Its outputs are the bits `first` and the two after it."""
    parameters = {f"INIT{half}": f"{table:016b}" for half, table in enumerate(tables)}
    connections = {"CIN": [carry]} | {f"{letter}{half}": [bit] for (half, letter), bit in inputs.items()}
    connections |= {port: [first + i] for i, port in enumerate(OUTPUTS)}
    directions = {port: "output" if port in OUTPUTS else "input" for port in connections}
    return {
        "type": "CCU2C", "parameters": parameters, "connections": connections, "port_directions": directions
    }  # fmt: skip


def netlist(*cells, read=()):
    ports = {"out": {"direction": "output", "bits": list(read)}}
    return {"modules": {"top": {"ports": ports, "cells": {str(i): cell for i, cell in enumerate(cells)}}}}


def outputs(cell, values, unknown):
    """S0, S1 and COUT (Lattice FPGA-TN-02200, ripple mode) with the inputs' `values`; what is open is `unknown`."""

    def value(port):
        (bit,) = cell["connections"][port]
        return values[bit] if isinstance(bit, int) else unknown if bit == "x" else int(bit)

    carry, sums = value("CIN"), []
    for half in "01":
        table = int(cell["parameters"][f"INIT{half}"], 2)
        a, b, c, d = (value(letter + half) for letter in "ABCD")
        propagate, generate = table >> (8 * d + 4 * c + 2 * b + a) & 1, table >> (2 * b + a) & 1
        sums.append(propagate ^ carry)
        carry = carry if propagate else generate
    return *sums, carry


def test_zeros_become_ones():
    draw = random.Random(0)
    for zeros in itertools.product((False, True), repeat=8):
        tables = [draw.getrandbits(16) for _ in range(2)]
        inputs = {name: "0" if zero else 2 + i for i, (name, zero) in enumerate(zip(NAMES, zeros, strict=True))}
        before, after = (carry_cell(tables, inputs, 10, 20) for _ in range(2))
        design = netlist(after, read=(20, 21, 22))
        assert open_ports(design) == sum(zeros)
        assert ["0"] not in after["connections"].values()
        free = [bit for bit in (*inputs.values(), 10) if isinstance(bit, int)]
        for values in itertools.product((0, 1), repeat=len(free)):
            named = dict(zip(free, values, strict=True))
            assert outputs(after, named, 0) == outputs(before, named, 0), (tables, zeros, named)
        assert open_ports(design) == 0


@pytest.mark.parametrize("carry", ["0", "1"])
@pytest.mark.parametrize(
    "table, d, read, opened",
    [
        (0x0006, "1", (21,), True),  # the half that makes its operand the next one's carry
        (0x0006, "1", (20, 21), False),
        (0x0006, 9, (21,), False),
        (0x0106, "1", (21,), False),
        (0x0000, 9, (21,), True),
    ],
    ids=["ignored", "sum is read", "table decides", "passes at times", "nothing at all"],
)
def test_a_carry_that_is_ignored(table, d, read, opened, carry):
    inputs = dict(zip(NAMES, (2, 3, 4, d, 5, 6, 7, 8), strict=True))
    before, after = (carry_cell((table, 0x6996), inputs, carry, 20) for _ in range(2))
    open_ports(netlist(after, read=(*read, 22)))
    assert (after["connections"]["CIN"] == ["x"]) == opened
    bits = [bit for bit in inputs.values() if isinstance(bit, int)]
    for values, unknown in itertools.product(itertools.product((0, 1), repeat=len(bits)), (0, 1)):
        named = dict(zip(bits, values, strict=True))
        one, other = outputs(before, named, unknown), outputs(after, named, unknown)
        assert all(a == b for a, b, bit in zip(one, other, (20, 21, 22), strict=True) if bit in (*read, 22))


def test_a_carry_from_below_stays():
    inputs = dict.fromkeys(NAMES, "1")
    low, high = carry_cell((0, 0), inputs, "0", 20), carry_cell((0, 0), inputs, 22, 30)
    assert open_ports(netlist(low, high, read=(21, 31))) == 2
    assert (low["connections"]["CIN"], low["connections"]["COUT"]) == (["x"], [22])
    assert (high["connections"]["CIN"], high["connections"]["COUT"]) == ([22], ["x"])


def test_other_cells_stay():
    lut = {"type": "LUT4", "parameters": {"INIT": "0"}, "connections": {"A": ["0"]}, "port_directions": {"A": "input"}}
    design = netlist(lut)
    before = str(design)
    assert open_ports(design) == 0
    assert str(design) == before
