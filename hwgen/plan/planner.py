"""The planner: for a network and a board, the array that is fastest among those that fit, or a refusal in words."""

from dataclasses import dataclass

from ..boards import Board, Target
from ..errors import InputError
from ..network import Network
from .compile import ArrayShape
from .cost import coefficients, estimate_luts
from .lowering import lower
from .memory import block_rams, total_rams
from .placing import make_plan
from .plan import Plan
from .style import Style, family_style

CHANNELS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
LANES = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
PIXELS = (1, 2, 3, 4, 5, 6, 8)
"""What the planner tries for P, S and Q."""

AIMS = ("fps", "latency", "luts")
LUT_SHARE = 0.80
AUTOMATIC_LUTS = 13_000
"""How much of a device the planner fills; without an aim, no more than is placed and routed in minutes."""


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
        return cls(plan=plan, target=target, luts=estimate_luts(plan, target.family), rams=total_rams(plan, target))

    @property
    def fits(self) -> bool:
        return self.rams <= self.target.rams and self.luts <= self.target.luts

    @property
    def fps(self) -> float:
        """Frames per second at the target's clock."""
        return self.target.clock_hz / self.plan.interval

    @property
    def latency_us(self) -> float:
        """Microseconds from the last sample of an image to its class."""
        return 1e6 * self.plan.latency / self.target.clock_hz

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
    style: Style | None = None,
    *,
    aim: str | None = None,
    fps: float = 0,
) -> Plan:
    """The plan for a board: the given P, S, Q and style, for sizes not given the best that fit, and for no style the
    family's.

    Parameters
    ----------
    aim : ``"fps"``: most frames per second; ``"latency"``: the shortest way from an image to its class; ``"luts"``: the
        fewest LUTs. Without one, most frames per second in a design that is placed and routed in minutes
    fps : least frames per second, at the board's clock

    Raises
    ------
    InputError : the array cannot do the network, or nothing fits: which memory, how much over, what would fit; or the
        style's cells are those of another family; or there is no such aim
    """
    target = board.target
    style = style or family_style(target.family)
    if style.cells not in ("generic", target.family):
        raise InputError(
            f"{board.name} is of the family {target.family}, which has no {style.cells} cells; take generic"
        )
    if aim not in (None, *AIMS):
        raise InputError(f"the aim is one of {', '.join(AIMS)}, not {aim!r}")
    given = None not in (p, s, q)
    limit = target.luts if given else LUT_SHARE * target.luts
    if not given and aim is None:
        limit = min(limit, AUTOMATIC_LUTS)
    most = None if given else limit / coefficients(target.family, style.cells).lanes
    lowered = lower(network)
    fits: list[Fit] = []
    refusals: list[InputError] = []
    for sizes in _sizes(p, s, q, most):
        try:
            fits.append(Fit.of(make_plan(network, lowered, ArrayShape(**sizes), style=style), target))
        except InputError as error:
            refusals.append(error)
    if not fits and not refusals:
        named = [f"{name} is {size}" for name, size in (("P", p), ("S", s), ("Q", q)) if size]
        named = " and ".join(named) or f"{board.name} has {target.luts} LUTs"
        raise InputError(f"{named}, and no array of that is among those that the planner tries; give P, S and Q")
    if not fits:
        raise refusals[0]
    usable = [fit for fit in fits if fit.fits and fit.luts <= limit]
    if not usable:
        raise _refusal(network, board, fits, limit)
    fast = [fit for fit in usable if fit.fps >= fps]
    if not fast:
        most_fps = max(fit.fps for fit in usable)
        raise InputError(
            f"{network.name} on {board.name} reaches {most_fps:,.0f} images/s, not {fps:,.0f}; "
            f"take --aim fps, a faster --clock or a larger board"
        )
    return _best(fast, aim).plan


def _best(fits, aim):
    """Among those that come within 2 % of the aim the smallest."""
    if aim == "luts":
        return min(fits, key=lambda fit: (fit.luts, fit.rams))
    cost = [fit.latency_us if aim == "latency" else 1 / fit.fps for fit in fits]
    near = [fit for fit, each in zip(fits, cost, strict=True) if each < 1.02 * min(cost)]
    return min(near, key=lambda fit: (fit.luts, fit.rams))


def _sizes(p, s, q, most):
    """P, S and Q to try: those given, or all that go together, of at most `most` lanes in all."""
    for channels in [p] if p else CHANNELS:
        for lanes in [s] if s else LANES:
            if channels % lanes and lanes % channels and not (p and s):
                continue
            for pixels in [q] if q else PIXELS:
                if most is None or channels * lanes * pixels <= most:
                    yield {"p": channels, "s": lanes, "q": pixels}


def _refusal(network, board, fits, limit):
    """What stands in the way of the nearest miss, and which board or change would do."""
    target = board.target
    nearest = min(fits, key=lambda fit: max(fit.rams / target.rams, fit.luts / limit))
    shape = nearest.plan.shape
    which = "the nearest array" if len(fits) > 1 else "an array of"
    dimensions = f"{shape.p} x {shape.s} x {shape.q}"
    excess = nearest.excess() or f"about {nearest.luts} LUTs, over the {limit:.0f} that the planner fills by itself"
    times = network.weight_bits / target.ram_bits
    if times > 1:
        mend = f"its {network.weight_bits} weight bits are {times:.1f} times the block RAM there; take a larger board"
    else:
        mend = "take a larger board, a smaller network or, with --p, --s and --q, another array"
    return InputError(f"{network.name} does not fit on {board.name}: {which} {dimensions} needs {excess}; {mend}")
