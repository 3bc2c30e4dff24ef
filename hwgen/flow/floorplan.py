"""ECP5: which block RAMs hold the weights of which processing elements, of arrays in its own cells.

Block RAMs lie in a few rows across the device, and their words go to one processing element each: most of the wire of
an array. nextpnr's static placer draws the elements together and leaves the RAMs where they happen to be; told where
they are, it puts the elements beside them (docs/decisions/0016-floorplan.md).
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import toolchain

__all__ = ["Grid", "Site", "fix_weights", "grid", "write"]

FILL = 0.7
"""How much of the tiles that it takes the placer fills."""
CELLS_OF_TILE = 8
"""LUTs, and flip-flops; most stand apart from each other."""

_RAM = "DP16KD"
_THROUGH = ("LUT4", "TRELLIS_FF")
_ELEMENT = re.compile(r"\barray\.(?:weights_(\d+)_|pe_(\d+)_\d+__weights)")
"""Names of the registers that hold an element's weights (`hdl.array`); where all come at once, the element's port's."""
_STEPS = 3
"""How many cells behind a block RAM one has such a name, at most: where memories are deep, some choose between rows."""

Site = tuple[int, int, str]
"""Column, row and name of a BEL."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What a device has, in the numbers of nextpnr's BELs.

    Attributes
    ----------
    columns, rows : of the device
    tiles : of logic
    rams : its block RAMs
    """

    columns: int
    rows: int
    tiles: int
    rams: Sequence[Site]


@cache
def grid(device: str) -> Grid:
    """Of a device, ``LFE5U-85F``. Source: Project Trellis's database, which comes with nextpnr."""
    file = toolchain.trellis_database() / "ECP5" / device / "tilegrid.json"
    columns, rows, tiles, rams = 0, 0, 0, []
    for name, tile in json.loads(file.read_text()).items():
        row, column = (int(number) for number in re.findall(r"R(\d+)C(\d+)", name)[0])
        columns, rows = max(columns, column + 1), max(rows, row + 1)
        if tile["type"] == "PLC2":
            tiles += 1
        # A block RAM takes two tiles, four of them nine columns; the first of each four is called otherwise at times.
        elif tile["type"] in ("MIB_EBR2", "MIB_EBR4", "MIB_EBR6"):
            number = int(tile["type"][-1]) // 2
            rams.append((column, row, f"EBR{number}"))
            if number == 1:
                rams.append((column - 2, row, "EBR0"))
    return Grid(columns=columns, rows=rows, tiles=tiles, rams=sorted(rams))


def write(netlist: Path, device: str) -> None:
    """`fix_weights` in the file that Yosys has written."""
    design = json.loads(netlist.read_text())
    if fix_weights(design, grid(device)):
        netlist.write_text(json.dumps(design))


def fix_weights(design: dict, grid: Grid) -> int:
    """Gives block RAMs of weights in a Yosys netlist (`write_json`) their places; how many.

    Elements that come one after the other, which share copies of the activations, stay together: they are halved, and
    so are the sites, along the longer side of where these lie, until each RAM has its own. The sites are those about
    the middle of the device, as far out as the logic will come.
    """
    (cells,) = (module["cells"] for module in design["modules"].values() if module["attributes"].get("top"))
    element = _elements(cells)
    order = sorted(element, key=element.__getitem__)
    if len(order) > len(grid.rams):
        return 0  # nextpnr will say that it is too much
    for name, (x, y, bel) in _halved(order, _middle(grid, len(order), _tiles(cells))).items():
        cells[name]["attributes"]["BEL"] = f"X{x}/Y{y}/{bel}"
    return len(order)


def _elements(cells) -> dict[str, float]:
    """Names of block RAMs with weights, and the mean number of the elements that these go to."""
    readers = defaultdict(list)
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for bit in bits:
                    readers[bit].append(name)

    def outputs(cell):
        ports = cell["port_directions"].items()
        return (bit for port, way in ports if way == "output" for bit in cell["connections"].get(port, []))

    def elements(cell, steps):
        for bit in outputs(cell):
            for name in readers[bit]:
                if found := _ELEMENT.search(name):
                    yield int(found[1] or found[2])
                elif steps > 1 and cells[name]["type"] in _THROUGH:
                    yield from elements(cells[name], steps - 1)

    found = {name: list(elements(cell, _STEPS)) for name, cell in cells.items() if cell["type"] == _RAM}
    return {name: sum(numbers) / len(numbers) for name, numbers in found.items() if numbers}


def _tiles(cells) -> float:
    """Tiles over which the placer spreads them."""
    number = Counter(cell["type"] for cell in cells.values())
    return (number["LUT4"] + 2 * number["CCU2C"] + number["TRELLIS_FF"]) / CELLS_OF_TILE / FILL


def _middle(grid: Grid, least: int, tiles: float) -> list[Site]:
    """The sites where so many tiles about the device's middle lie, but no fewer than `least`."""

    def out(site: Site) -> float:
        """0 in the middle, 1 at the edge."""
        return max(abs(2 * site[0] / grid.columns - 1), abs(2 * site[1] / grid.rows - 1))

    sites = sorted(grid.rams, key=lambda site: (out(site), site))
    within = sum(out(site) <= (tiles / grid.tiles) ** 0.5 for site in sites)
    return sites[: max(least, within)]


def _halved(names: Sequence[str], sites: Sequence[Site]) -> dict[str, Site]:
    """A site for each name: neighbours in one are neighbours in the other."""
    if not names:
        return {}
    spans = [max(numbers) - min(numbers) for numbers in list(zip(*sites, strict=True))[:2]]
    axis = spans.index(max(spans))
    ordered = sorted(sites, key=lambda site: (site[axis], site[1 - axis]))
    if len(names) == 1:
        return {names[0]: ordered[len(ordered) // 2]}
    half = len(names) // 2
    cut = len(sites) * half // len(names)
    return _halved(names[:half], ordered[:cut]) | _halved(names[half:], ordered[cut:])
