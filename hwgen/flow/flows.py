"""The tools that make a family's bitstreams, and how they call their files, cells and options."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import floorplan

__all__ = ["FLOWS", "TOP", "Flow"]

TOP = "top"
"""Name of the whole design."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Of one family.

    Attributes
    ----------
    nextpnr, packer : names of the tools
    placement : nextpnr's options; ``{mhz}`` stands for the clock, where Amaranth's platform writes no constraint of it
    netlist, product : what Yosys and the packer write
    cells : the kinds in nextpnr's report that make up each count of `fpga.Bitstream`
    pack : nextpnr's option to go no further than is needed to count cells
    packed : the kinds that differ there
    floorplan : fixes places in the netlist, for the device of that name
    """

    nextpnr: str
    packer: str
    placement: str
    netlist: str = f"{TOP}.json"
    product: str
    cells: dict[str, tuple[str, ...]]
    pack: str = "--pack-only"
    packed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    floorplan: Callable[[Path, str], object] | None = None


FLOWS = {
    # On an iCE40-HX8K router1 was seen to make no progress for minutes with arrays in logic cells; with smaller ones on
    # an UP5K it reached up to a sixth more.
    "ice40": Flow(
        nextpnr="nextpnr-ice40",
        packer="icepack",
        placement="--placer heap --router router2",
        product=f"{TOP}.bin",
        cells={
            "luts": ("ICESTORM_LC",),
            "rams": ("ICESTORM_RAM",),
            "sprams": ("ICESTORM_SPRAM",),
            "dsps": ("ICESTORM_DSP",),
        },
    ),
    # Router2 took longer than router1 for CNV on 64 x 64 x 1 elements on an LFE5U-85F, for a lower clock (decision 14).
    "ecp5": Flow(
        nextpnr="nextpnr-ecp5",
        packer="ecppack",
        placement="--placer static --router router1",
        product=f"{TOP}.bit",
        cells={"luts": ("TRELLIS_COMB",), "rams": ("DP16KD",), "sprams": (), "dsps": ("MULT18X18D",)},
        floorplan=floorplan.write,
    ),
    # An ALU is a LUT4 in another mode, and takes its place; until it routes, nextpnr counts for each ALU a LUT4, which
    # keeps the place free. A flip-flop takes the LUT beside it where that is not the one that drives it, so that LUTs
    # are known only when they are placed.
    "gowin": Flow(
        nextpnr="nextpnr-himbaechel-gowin",
        packer="gowin_pack",
        placement="--placer heap --router router2 --freq {mhz}",
        netlist=f"{TOP}.syn.json",
        product=f"{TOP}.fs",
        cells={"luts": ("LUT4", "ALU"), "rams": ("BSRAM",), "sprams": (), "dsps": ("MULT18X18",)},
        pack="--no-route",
        packed={"luts": ("LUT4",)},
    ),
}
