"""Clock estimate of a plan: its longest paths, with coefficients that fit routed designs (`hwgen.bench.clock`).

Two kinds of path are the longest by turns: through the adders of a popcount, between two of its registers, and from the
sequencer's counters through what may be issued, or through the reader's or the shell's. Wires add to both as far as the
design is wide.
"""

from dataclasses import dataclass
from itertools import pairwise

from .plan import Plan

__all__ = ["DEVICES", "PATHS", "Paths", "adder_levels", "estimate_mhz", "slowness"]


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Nanoseconds of a family's arrays in cells of one kind, on the device that `DEVICES` gives 1.

    Attributes
    ----------
    start : a path through a popcount, less its adders
    level : an adder
    control : any other path
    wire : more for each, per square root of the design's LUTs
    """

    start: float
    level: float
    control: float
    wire: float

    def longest(self, levels: int, luts: int) -> float:
        """Nanoseconds of the longest path of a design with so many levels of adders between registers, and LUTs."""
        return max(self.start + self.level * levels, self.control) + self.wire * luts**0.5


PATHS = {
    ("ice40", "generic"): Paths(start=6.12, level=0.841, control=8.01, wire=0.0731),
    ("ice40", "ice40"): Paths(start=4.03, level=1.52, control=9.07, wire=0.054),
    ("ecp5", "generic"): Paths(start=7.57, level=1.54, control=6.0, wire=0.0155),
    ("ecp5", "ecp5"): Paths(start=1.42, level=1.84, control=6.26, wire=0.0104),
    ("gowin", "generic"): Paths(start=6.0, level=1.8, control=11.0, wire=0.02),
    ("gowin", "gowin"): Paths(start=5.97, level=2.59, control=11.0, wire=0.0216),
}
"""By family and cells."""

STAND_INS = {"xc7": "ecp5", "cyclonev": "ecp5", "max10": "gowin"}
"""Families whose paths only their vendors' tools know: another whose they are taken to be. An Artix-7 and a Cyclone V
should be no slower than an ECP5 of speed 6, a MAX 10 no slower than a GW1NR; the vendors' tools check the clock."""

DEVICES = {"": 1.0, "iCE40UP": 2.33, "iCE40LP": 1.36, "LFE5UM5G": 0.7}
"""How much longer paths take, by how a device's name begins; the longest beginning counts."""


def adder_levels(plan: Plan) -> int:
    """Most levels of a popcount's adders between two registers."""
    return max(b - a for a, b in pairwise((0, *plan.style.registers(plan.shape.s))))


def slowness(device: str) -> float:
    """How much longer the device's paths take."""
    return DEVICES[max(filter(device.startswith, DEVICES), key=len)]


def estimate_mhz(plan: Plan, family: str, device: str, luts: int) -> float:
    """The clock that nextpnr can be expected to reach, with any seed, for a design of so many LUTs."""
    longest = PATHS[STAND_INS.get(family, family), plan.style.cells].longest(adder_levels(plan), luts)
    return 1000 / (longest * slowness(device))
