"""Constant zeros at ECP5's carry cells: open in the end, and the cell does the same."""

import itertools

import numpy as np

from hwgen.flow.carry_inputs import open_zeros


def carry_cell(tables, inputs):
    parameters = {f"INIT{half}": f"{table:016b}" for half, table in enumerate(tables)}
    connections = {"CIN": ["0"], **{f"{letter}{half}": [bit] for (half, letter), bit in inputs.items()}}
    return {"type": "CCU2C", "parameters": parameters, "connections": connections}


def netlist(*cells):
    return {"modules": {"top": {"cells": {str(i): cell for i, cell in enumerate(cells)}}}}


def outputs(cell, values):
    """S0, S1 and COUT (Lattice FPGA-TN-02200, ripple mode) with the inputs' `values`."""
    carry, sums = int(cell["connections"]["CIN"][0]), []
    for half in "01":
        table = int(cell["parameters"][f"INIT{half}"], 2)
        bits = [cell["connections"][letter + half][0] for letter in "ABCD"]
        a, b, c, d = (values[bit] if isinstance(bit, int) else int(bit) for bit in bits)
        propagate, generate = table >> (8 * d + 4 * c + 2 * b + a) & 1, table >> (2 * b + a) & 1
        sums.append(propagate ^ carry)
        carry = carry if propagate else generate
    return *sums, carry


def test_the_cell_does_the_same():
    rng = np.random.default_rng(0)
    for zeros in itertools.product((False, True), repeat=8):
        tables = [int(table) for table in rng.integers(1 << 16, size=2)]
        names = [(half, letter) for half in range(2) for letter in "ABCD"]
        inputs = {name: "0" if zero else 2 + i for i, (name, zero) in enumerate(zip(names, zeros, strict=True))}
        before, after = carry_cell(tables, inputs), carry_cell(tables, inputs)
        assert open_zeros(netlist(after)) == sum(zeros)
        assert "0" not in [bits[0] for port, bits in after["connections"].items() if port != "CIN"]
        free = [bit for bit in inputs.values() if isinstance(bit, int)]
        for values in itertools.product((0, 1), repeat=len(free)):
            named = dict(zip(free, values, strict=True))
            assert outputs(after, named) == outputs(before, named), (tables, zeros, named)


def test_what_is_not_zero_stays():
    cell = carry_cell((0x6996, 0x5A5A), {(half, letter): "1" for half in range(2) for letter in "ABCD"})
    lut = {"type": "LUT4", "parameters": {"INIT": "0"}, "connections": {"A": ["0"]}}
    design = netlist(cell, lut)
    before = str(design)
    assert open_zeros(design) == 0
    assert str(design) == before
