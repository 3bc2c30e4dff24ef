"""Registers behind ECP5's block RAM: taken into it where all of a port's bits allow, and only there."""

import copy

import pytest

from hwgen.flow.output_registers import absorb

CLOCK, SLOWER = 1, 2


def register(name, data, output, **changes):
    parameters = {"CLKMUX": "CLK", "CEMUX": "1 ", "LSRMUX": "LSR", "REGSET": "RESET"}
    connections = {"CLK": [CLOCK], "DI": [data], "LSR": ["0"], "Q": [output]}
    for key, value in changes.items():
        (parameters if key in parameters else connections)[key] = value
    directions = {port: "output" if port == "Q" else "input" for port in connections}
    return name, {
        "type": "TRELLIS_FF", "parameters": parameters, "connections": connections, "port_directions": directions
    }  # fmt: skip


def ram(width, **outputs):
    parameters = {"DATA_WIDTH_A": f"{width:b}", "DATA_WIDTH_B": f"{width:b}", "CLKAMUX": "CLKA", "CLKBMUX": "CLKB"}
    parameters |= {"REGMODE_A": "NOREG", "REGMODE_B": "NOREG"}
    connections = {"CLKA": [CLOCK], "CLKB": [CLOCK], **{port: [bit] for port, bit in outputs.items()}}
    directions = {port: "output" if port.startswith("DO") else "input" for port in connections}
    return "ram", {
        "type": "DP16KD", "parameters": parameters, "connections": connections, "port_directions": directions
    }  # fmt: skip


def netlist(*cells, out=(20, 21)):
    ports = {"out": {"direction": "output", "bits": list(out)}}
    return {"modules": {"top": {"ports": ports, "cells": dict(cells)}}}


TWO = (register("first", 10, 20), register("second", 11, 21))


def test_both_bits_of_a_port():
    design = netlist(ram(2, DOB0=10, DOB1=11, DOA0=12), *TWO)
    assert absorb(design) == 1
    cells = design["modules"]["top"]["cells"]
    assert list(cells) == ["ram"]
    connections, parameters = cells["ram"]["connections"], cells["ram"]["parameters"]
    assert (connections["DOB0"], connections["DOB1"], connections["OCEB"]) == ([20], [21], ["1"])
    assert (parameters["REGMODE_A"], parameters["REGMODE_B"]) == ("NOREG", "OUTREG")
    assert absorb(design) == 0


def test_a_wide_port_is_both_sides():
    design = netlist(ram(36, DOA0=10, DOB0=11), *TWO)
    assert absorb(design) == 1
    parameters = design["modules"]["top"]["cells"]["ram"]["parameters"]
    assert (parameters["REGMODE_A"], parameters["REGMODE_B"]) == ("OUTREG", "OUTREG")


@pytest.mark.parametrize(
    "cells, out",
    [
        ((register("first", 10, 20), register("second", 11, 21, CE=[5], CEMUX="CE")), (20, 21)),
        ((register("first", 10, 20), register("second", 11, 21, LSR=[5])), (20, 21)),
        ((register("first", 10, 20), register("second", 11, 21, REGSET="SET")), (20, 21)),
        ((register("first", 10, 20), register("second", 11, 21, CLKMUX="INV")), (20, 21)),
        ((register("first", 10, 20), register("second", 11, 21, CLK=[SLOWER])), (20, 21)),
        ((register("first", 10, 20),), (20, 11)),
        ((*TWO, register("third", 11, 22)), (20, 21, 22)),
        (TWO, (20, 21, 11)),
    ],
    ids=["enable", "reset", "begins as 1", "other edge", "other clock", "unregistered", "two registers", "also read"],
)
def test_all_of_a_port_or_nothing(cells, out):
    design = netlist(ram(2, DOB0=10, DOB1=11), *cells, out=out)
    before = copy.deepcopy(design)
    assert absorb(design) == 0
    assert design == before
