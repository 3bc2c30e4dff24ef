"""The FPGA families that hwgen knows: what all of their devices share, as far as planner, hardware and flow need it."""

from dataclasses import dataclass

__all__ = ["FAMILIES", "Family"]


@dataclass(frozen=True, kw_only=True)
class Family:
    """What all devices of an FPGA family share, as far as hwgen uses it.

    Parameters
    ----------
    name : ``"ice40"``, ``"ecp5"``, ``"gowin"`` (its GW1N devices), ``"xc7"`` (Artix-7), ``"cyclonev"`` or ``"max10"``
    toolchain : the tools that make its bitstreams, as Amaranth's platforms call them
    ram_shapes : the (depth, width) pairs that one block RAM can take, widest first; one read and one write port
    spram_shape : (depth, width) of one single-port RAM without initial contents
    plls : the cells that make other clocks, keys of `hwgen.pll.CELLS`
    pin_attributes : of a pin of 3.3 V, as constraints spell them
    pulled_up : the same, more of a pin with a pull-up
    """

    name: str
    toolchain: str
    ram_shapes: tuple[tuple[int, int], ...]
    spram_shape: tuple[int, int] | None
    plls: tuple[str, ...]
    pin_attributes: dict[str, str | int]
    pulled_up: dict[str, str | int]

    def tiling(self, width: int, depth: int) -> tuple[int, int, int]:
        """Block RAMs that a memory takes side by side for width and one after another for depth, and the depth of each:
        the fewest in all, and of those the fewest for depth, whose words come together in multiplexers."""
        tilings = [(-(-width // bits), -(-depth // words), words) for words, bits in self.ram_shapes]
        return min(tilings, key=lambda tiles: (tiles[0] * tiles[1], tiles[1]))


FAMILIES = {
    family.name: family
    for family in (
        Family(
            name="ice40",
            toolchain="IceStorm",
            ram_shapes=((256, 16), (512, 8), (1024, 4), (2048, 2)),
            spram_shape=(16384, 16),
            plls=("SB_PLL40_CORE", "SB_PLL40_PAD"),
            pin_attributes={"IO_STANDARD": "SB_LVCMOS"},
            pulled_up={"PULLUP": 1},
        ),
        Family(
            name="ecp5",
            toolchain="Trellis",
            ram_shapes=((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
            spram_shape=None,
            plls=("EHXPLLL",),
            pin_attributes={"IO_TYPE": "LVCMOS33"},
            pulled_up={"PULLMODE": "UP"},
        ),
        Family(
            name="gowin",
            toolchain="Apicula",
            ram_shapes=((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
            spram_shape=None,
            plls=("rPLL",),
            pin_attributes={"IO_TYPE": "LVCMOS33"},
            pulled_up={"PULL_MODE": "UP"},
        ),
        Family(
            name="xc7",
            toolchain="Vivado",
            ram_shapes=((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
            spram_shape=None,
            plls=("MMCME2_BASE",),
            pin_attributes={"IOSTANDARD": "LVCMOS33"},
            pulled_up={"PULLUP": "TRUE"},
        ),
        Family(
            name="cyclonev",
            toolchain="Quartus",
            ram_shapes=((256, 40), (512, 20), (1024, 10), (2048, 5), (4096, 2), (8192, 1)),
            spram_shape=None,
            plls=("altera_pll",),
            pin_attributes={"io_standard": "3.3-V LVTTL"},
            pulled_up={"weak_pull_up_resistor": "ON"},
        ),
        Family(
            name="max10",
            toolchain="Quartus",
            ram_shapes=((256, 36), (512, 18), (1024, 9), (2048, 4), (4096, 2), (8192, 1)),
            spram_shape=None,
            plls=("altpll",),
            pin_attributes={"io_standard": "3.3-V LVTTL"},
            pulled_up={"weak_pull_up_resistor": "ON"},
        ),
    )
}
