"""The planner: for a network and a board, the array that is fastest among those that fit, or a refusal in words."""

from dataclasses import dataclass, replace

from ..boards import Board, Target
from ..errors import InputError
from ..network import Network
from .compile import ArrayShape
from .cost import coefficients, estimate_luts
from .lowering import lower
from .memory import block_rams, total_rams
from .placing import make_plan
from .plan import Plan
from .speed import estimate_mhz
from .style import Style, family_style, family_styles

CHANNELS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
LANES = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
PIXELS = (1, 2, 3, 4, 5, 6, 8)
"""What the planner tries for P, S and Q."""

AIMS = ("fps", "latency", "luts")
LUT_SHARE = 0.85
AUTOMATIC_LUTS = 13_000
"""How much of a device the planner fills; without an aim, no more than is placed and routed in minutes."""

ROUTED = {"ecp5": {1: 13_200, 2: 20_200, 3: 39_300}}
"""Planned LUTs up to which nextpnr was seen to route designs with so many registers in a popcount, or more, where that
and not the device sets the limit (decision 16)."""

MARGIN = 0.9
"""How far seeds and what the clock's estimate does not know may take a design below it."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A plan against a target.

    Attributes
    ----------
    luts : estimated LUT4, shell included
    rams : block RAMs, exact
    mhz : estimated clock that nextpnr reaches
    """

    plan: Plan
    target: Target
    luts: int
    rams: int
    mhz: float

    @classmethod
    def of(cls, plan: Plan, target: Target) -> "Fit":
        luts = estimate_luts(plan, target.family)
        mhz = estimate_mhz(plan, target.family, target.device, luts)
        return cls(plan=plan, target=target, luts=luts, rams=total_rams(plan, target), mhz=mhz)

    def at(self, hertz: float) -> "Fit":
        """The same at another clock."""
        return replace(self, target=replace(self.target, clock_hz=int(hertz)))

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
    *,
    cells: str | None = None,
    stages: int | None = None,
    aim: str | None = None,
    fps: float = 0,
    fastest: bool = False,
    loadable: bool = False,
) -> Plan:
    """The plan for a board: of what is given, and for sizes, cells and stages not given the best that fit. Without an
    aim cells and stages are the family's.

    Parameters
    ----------
    cells, stages : as in `Style`
    aim : ``"fps"``: most frames per second; ``"latency"``: the shortest way from an image to its class; ``"luts"``: the
        fewest LUTs. Without one, most frames per second in a design that is placed and routed in minutes
    fps : least frames per second
    fastest : the design is to run at the clock that it reaches, not at the board's: by which aim and `fps` are judged
        then, as estimated
    loadable : as in `Plan`

    Raises
    ------
    InputError : the array cannot do the network, or nothing fits: which memory, how much over, what would fit; or
        cells are those of another family; or there is no such aim
    """
    target = board.target
    Style(cells=cells or "generic", stages=stages or 1)  # refuses what is none
    if cells not in (None, "generic", target.family):
        raise InputError(f"{board.name} is of the family {target.family}, which has no {cells} cells; take generic")
    if aim not in (None, *AIMS):
        raise InputError(f"the aim is one of {', '.join(AIMS)}, not {aim!r}")
    given = None not in (p, s, q)

    def limit(style):
        return target.luts if given else _most_luts(target, style, aim)

    if aim:
        styles = family_styles(target.family, cells, stages)
    else:
        styles = [family_style(target.family, cells, stages)]
    lowered = lower(network)
    fits: list[Fit] = []
    refusals: list[InputError] = []
    for style in styles:
        most = None if given else limit(style) / coefficients(target.family, style.cells).lanes
        for sizes in _sizes(p, s, q, most):
            try:
                fits.append(
                    Fit.of(make_plan(network, lowered, ArrayShape(**sizes), style=style, loadable=loadable), target)
                )
            except InputError as error:
                refusals.append(error)
    if not fits and not refusals:
        named = [f"{name} is {size}" for name, size in (("P", p), ("S", s), ("Q", q)) if size]
        named = " and ".join(named) or f"{board.name} has {target.luts} LUTs"
        raise InputError(f"{named}, and no array of that is among those that the planner tries; give P, S and Q")
    if not fits:
        raise refusals[0]
    usable = [fit for fit in fits if fit.fits and fit.luts <= limit(fit.plan.style)]
    if not usable:
        raise _refusal(network, board, fits, limit)
    if fastest:
        usable = [fit.at(board.fastest(1e6 * fit.mhz).target.clock_hz) for fit in usable]
    elif aim == "luts":  # where nothing can be expected to reach the clock, that is what building it will say
        usable = [fit for fit in usable if MARGIN * fit.mhz >= target.clock_hz / 1e6] or usable
    else:
        usable = [fit.at(min(target.clock_hz, MARGIN * 1e6 * fit.mhz)) for fit in usable]
    fast = [fit for fit in usable if fit.fps >= fps]
    if not fast:
        most_fps = max(fit.fps for fit in usable)
        faster = "" if fastest else ", a faster --clock"
        raise InputError(
            f"{network.name} on {board.name} reaches {most_fps:,.0f} images/s, not {fps:,.0f}; "
            f"take --aim fps{faster} or a larger board"
        )
    return _best(fast, aim).plan


def _best(fits, aim):
    """Among those that come within 2 % of the aim the smallest."""
    if aim == "luts":
        return min(fits, key=lambda fit: (fit.luts, fit.rams))
    cost = [fit.latency_us if aim == "latency" else 1 / fit.fps for fit in fits]
    near = [fit for fit, each in zip(fits, cost, strict=True) if each < 1.02 * min(cost)]
    return min(near, key=lambda fit: (fit.luts, fit.rams))


def _most_luts(target, style, aim):
    """LUTs of the largest design with such popcounts that is offered where sizes are not given."""
    limits = [LUT_SHARE * target.luts]
    if target.family in ROUTED:
        routed = ROUTED[target.family]
        limits.append(routed[min(style.stages, max(routed))])
    if not aim:
        limits.append(AUTOMATIC_LUTS)
    return min(limits)


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
    """What stands in the way of the nearest miss, and which board or change would do. `limit`: most LUTs by style."""
    target = board.target
    nearest = min(fits, key=lambda fit: max(fit.rams / target.rams, fit.luts / limit(fit.plan.style)))
    shape = nearest.plan.shape
    which = "the nearest array" if len(fits) > 1 else "an array of"
    dimensions = f"{shape.p} x {shape.s} x {shape.q}"
    most = limit(nearest.plan.style)
    excess = nearest.excess() or f"about {nearest.luts} LUTs, over the {most:.0f} that the planner fills by itself"
    times = network.weight_bits / target.ram_bits
    if times > 1:
        mend = f"its {network.weight_bits} weight bits are {times:.1f} times the block RAM there; take a larger board"
    else:
        mend = "take a larger board, a smaller network or, with --p, --s and --q, another array"
    return InputError(f"{network.name} does not fit on {board.name}: {which} {dimensions} needs {excess}; {mend}")
