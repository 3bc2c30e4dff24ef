"""The planner: for a network and a board, the array that is fastest among those that fit, or a refusal in words."""

from dataclasses import dataclass

from ..boards import Board, Target
from ..errors import InputError
from ..network import Network
from .compile import ArrayShape
from .cost import estimate_luts
from .lowering import Lowered, lower
from .memory import block_rams, total_rams
from .plan import Plan, make_plan

CHANNELS = (2, 4, 8, 16, 32, 64, 128)
LANES = (4, 8, 16, 32, 64, 128)
PIXELS = (1, 2, 4, 8)
LUT_SHARE = 0.60
"""Part of a device's LUTs that the planner fills by itself; beyond it place and route get slow and clocks drop."""

SHELL_LUTS = 350
"""LUTs of the board shell (serial port, reset)."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A plan against a target.

    Attributes
    ----------
    luts : estimated LUT4, shell included
    rams : block RAMs, exact
    """

    plan: Plan
    target: Target
    luts: int
    rams: int

    @classmethod
    def of(cls, plan: Plan, target: Target) -> "Fit":
        luts = estimate_luts(plan, target.family) + SHELL_LUTS
        return cls(plan=plan, target=target, luts=luts, rams=total_rams(plan, target))

    @property
    def fits(self) -> bool:
        return self.rams <= self.target.rams and self.luts <= self.target.luts

    @property
    def fps(self) -> float:
        """Frames per second at the target's clock; an image takes at least a cycle per sample to come in."""
        channels, height, width = self.plan.lowered.image_shape
        return self.target.clock_hz / max(self.plan.cycles, channels * height * width)

    def excess(self) -> str:
        """What is too much, by how much."""
        parts = []
        if self.rams > self.target.rams:
            largest = max(self.plan.memories, key=lambda spec: block_rams(spec, self.target))
            parts.append(
                f"{self.rams} block RAMs of {self.target.rams} (the {largest.name} alone take "
                f"{block_rams(largest, self.target)})"
            )
        if self.luts > self.target.luts:
            parts.append(f"about {self.luts} LUTs of {self.target.luts}")
        return " and ".join(parts)


def plan(
    network: Network,
    board: Board,
    p: int | None = None,
    s: int | None = None,
    q: int | None = None,
) -> Plan:
    """The plan for a board: the given P, S, Q, and for those not given the fastest that fit.

    Raises
    ------
    InputError : the array cannot do the network, or nothing fits: which memory, how much over, what would fit
    """
    lowered = lower(network)
    target = board.target
    fits: list[Fit] = []
    refusals: list[InputError] = []
    for shape in _shapes(p, s, q):
        try:
            fits.append(Fit.of(make_plan(network, lowered, shape), target))
        except InputError as error:
            refusals.append(error)
    if not fits:
        raise refusals[0]
    chosen = None not in (p, s, q)
    usable = [fit for fit in fits if fit.fits and (chosen or fit.luts <= LUT_SHARE * target.luts)]
    if not usable:
        raise _refusal(network, lowered, board, fits)
    # Among equally fast plans the smallest.
    best = max(usable, key=lambda fit: (round(fit.fps, 3), -fit.plan.cycles, -fit.luts, -fit.rams))
    return best.plan


def _shapes(p, s, q):
    """Array shapes to try: those given, or all powers of two that go together."""
    for channels in [p] if p else CHANNELS:
        for lanes in [s] if s else LANES:
            if channels % lanes and lanes % channels:
                if not (p and s):
                    continue
            for pixels in [q] if q else PIXELS:
                yield ArrayShape(p=channels, s=lanes, q=pixels)


def _refusal(network, lowered, board, fits):
    """What stands in the way of the nearest miss, and which board or change would do."""
    nearest = min(fits, key=lambda fit: max(fit.rams / board.target.rams, fit.luts / (LUT_SHARE * board.target.luts)))
    shape = nearest.plan.shape
    excess = nearest.excess() or (
        f"about {nearest.luts} LUTs, over the {LUT_SHARE:.0%} of {board.target.luts} that the planner fills by itself"
    )
    weight_rams = network.weight_bits / board.target.ram_bits
    mend = (
        f"the {network.weight_bits} weight bits alone are {weight_rams:.1f} times its block RAM; take a larger board "
        f"or a smaller network"
        if weight_rams > 1
        else "take a larger board, a smaller network or, with --p, --s and --q, another array"
    )
    return InputError(
        f"{network.name} does not fit on {board.name}: the nearest array ({shape.p} x {shape.s} x {shape.q}) needs "
        f"{excess}; {mend}"
    )
