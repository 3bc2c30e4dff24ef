"""Where block RAMs of weights are put: each has a place of its own, and neighbours are near."""

import itertools
import json

import pytest

from hwgen.flow import toolchain
from hwgen.flow.floorplan import Grid, fix_weights, grid

ROWS, COLUMNS = (10, 20, 30, 40), range(4, 84, 2)
GRID = Grid(
    columns=88, rows=50, tiles=80 * 40, rams=[(x, y, f"EBR{x % 8 // 2}") for y, x in itertools.product(ROWS, COLUMNS)]
)


def cell(kind, inputs, outputs):
    connections = {port: [bit] for port, bit in (inputs | outputs).items()}
    directions = dict.fromkeys(inputs, "input") | dict.fromkeys(outputs, "output")
    return {"type": kind, "attributes": {}, "connections": connections, "port_directions": directions}


def design(elements, rams_each, tiles=0, deep=False):
    """An array of so many elements, each with block RAMs of its own, one RAM of activations, and so many tiles more."""
    bits, cells = itertools.count(2), {}
    for p, i in itertools.product(range(elements), range(rams_each)):
        word, choice = next(bits), next(bits)
        cells[f"core.weights.memory_{p}_{i}"] = cell("DP16KD", {"ADA0": "0"}, {"DOA0": word})
        if deep:
            cells[f"core.choice_{p}_{i}"] = cell("LUT4", {"A": word}, {"Z": choice})
        ways = {"DI": choice if deep else word, "CLK": 1}
        cells[f"core.array.weights_{p}_1_TRELLIS_FF_Q_{i}"] = cell("TRELLIS_FF", ways, {"Q": next(bits)})
    word = next(bits)
    cells["core.activations.memory"] = cell("DP16KD", {"ADA0": "0"}, {"DOA0": word})
    cells["core.array.activations_0_1"] = cell("TRELLIS_FF", {"DI": word, "CLK": 1}, {"Q": next(bits)})
    for i in range(tiles * 8):
        cells[f"lut_{i}"] = cell("LUT4", {"A": "0"}, {"Z": next(bits)})
    return {"modules": {"cell": {"attributes": {}, "cells": {}}, "top": {"attributes": {"top": "1"}, "cells": cells}}}


def places_of(design):
    """By element, the sites of its RAMs."""
    found = {}
    for name, each in design["modules"]["top"]["cells"].items():
        if "BEL" in each["attributes"]:
            assert each["type"] == "DP16KD"
            x, y, bel = each["attributes"]["BEL"].split("/")
            found.setdefault(int(name.split("_")[1]), []).append((int(x[1:]), int(y[1:]), bel))
    return found


@pytest.mark.parametrize("elements, rams_each", [(1, 1), (3, 1), (32, 5), (40, 4), (64, 2), (160, 1)])
@pytest.mark.parametrize("deep", [False, True], ids=["register", "choice"])
def test_each_has_its_own_place(elements, rams_each, deep):
    made = design(elements, rams_each, deep=deep)
    assert fix_weights(made, GRID) == elements * rams_each
    taken = [site for sites in places_of(made).values() for site in sites]
    assert len(taken) == elements * rams_each == len(set(taken))
    assert set(taken) <= set(GRID.rams)
    assert "BEL" not in made["modules"]["top"]["cells"]["core.activations.memory"]["attributes"]


def test_neighbours_are_near():
    """Four elements have 20 of the 160 RAMs: they lie within a quarter of the columns and half the rows."""
    made = design(32, 5)
    fix_weights(made, GRID)
    found = places_of(made)
    for first in range(0, 32, 4):
        sites = [site for p in range(first, first + 4) for site in found[p]]
        width, height = (max(s[i] for s in sites) - min(s[i] for s in sites) for i in range(2))
        assert width <= 20 and height <= 20, sites


@pytest.mark.parametrize("tiles, least, most", [(0, 0, 16), (1000, 40, 50), (10_000, 70, 80)])
def test_as_far_out_as_the_logic(tiles, least, most):
    made = design(8, 2, tiles)
    fix_weights(made, GRID)
    columns = [x for sites in places_of(made).values() for x, _, _ in sites]
    assert least <= max(columns) - min(columns) <= most
    assert abs((max(columns) + min(columns)) / 2 - GRID.columns / 2) <= 8


def test_one_lies_in_the_middle():
    made = design(1, 1, tiles=10_000)
    fix_weights(made, GRID)
    (((x, _, _),),) = places_of(made).values()
    assert abs(x - GRID.columns / 2) <= 4


def test_too_many_are_left_to_nextpnr():
    made = design(161, 1)
    assert fix_weights(made, GRID) == 0
    assert not places_of(made)


@pytest.mark.parametrize(
    "device, option, tiles, rams",
    [
        ("LFE5U-12F", "--12k", 3036, 56),
        ("LFE5U-25F", "--25k", 3036, 56),
        ("LFE5U-45F", "--45k", 5481, 108),
        ("LFE5U-85F", "--85k", 10_455, 208),
        ("LFE5UM5G-85F", "--um5g-85k", 10_455, 208),
    ],
)
def test_nextpnr_knows_every_site(device, option, tiles, rams, tmp_path):
    """Counts: Lattice FPGA-DS-02012, "ECP5 Family Selection Guide", with eight LUT4 a tile; 12F is 25F's die."""
    found = grid(device)
    assert (found.tiles, len(found.rams)) == (tiles, rams)
    ram = cell("DP16KD", {}, {}) | {"parameters": {}, "hide_name": 0}
    places = {f"ram_{i}": f"X{x}/Y{y}/{bel}" for i, (x, y, bel) in enumerate(found.rams)}
    cells = {name: ram | {"attributes": {"BEL": place}} for name, place in places.items()}
    top = {"attributes": {"top": "1"}, "ports": {}, "cells": cells, "netnames": {}}
    (tmp_path / "top.json").write_text(json.dumps({"creator": "test", "modules": {"top": top}}))
    arguments = [option, "--json", "top.json", "--no-route", "--write", "placed.json"]
    toolchain.run("nextpnr-ecp5", arguments, cwd=tmp_path, log=tmp_path / "log", limit=120)
    (module,) = json.loads((tmp_path / "placed.json").read_text())["modules"].values()
    placed = {name: each["attributes"]["NEXTPNR_BEL"] for name, each in module["cells"].items() if name in places}
    assert placed == places
