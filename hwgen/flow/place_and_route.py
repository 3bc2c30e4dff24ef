"""nextpnr with several seeds; what it makes of the best one is kept."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import BuildError, StuckError
from . import toolchain

__all__ = ["ROUTED", "TIMING", "best", "hopeless", "place_and_route"]

ROUTED = (".asc", ".config", ".pnr.json")
"""How the names of what nextpnr makes end."""
TIMING = "nextpnr.json"
"""Its report."""

PATIENCE = 60
"""Rounds of router2 without fewer shared wires after which it will not end; designs that were routed had at most 9."""

SPARE = 2
"""Seeds more, where the router gets stuck with those that were asked for: it did with 3 of some 15 iCE40 designs."""

_ROUND = re.compile(rb"iter=\d+ wires=\d+ overused=(\d+)")


def place_and_route(
    tool: str,
    arguments: Sequence[str],
    seeds: Sequence[int],
    *,
    work: Path,
    logs: Path,
    jobs: int = 1,
    limit: float | None = None,
) -> dict[int, float | None]:
    """Fmax in MHz by every seed, None where it failed. In `work`, the files of the best one have their names, others
    are gone. Where the router gets stuck with every seed, `SPARE` more are tried, one after the other.

    Parameters
    ----------
    arguments : of `tool`, without a seed
    jobs : seeds side by side
    limit : seconds for each run

    Raises
    ------
    BuildError : it failed with every seed: what was wrong with the first
    """
    written = [TIMING, *(a for a in arguments if a.endswith(ROUTED))]

    def named(name: str, seed: int) -> str:
        return f"{seed}_{name}"

    def run(seeds: Sequence[int]) -> list[BuildError | None]:
        runs = [
            (
                ["--seed", str(seed), *(named(a, seed) if a in written else a for a in arguments)],
                logs / f"{tool}_{seed}.log",
            )
            for seed in seeds
        ]
        return toolchain.run_each(tool, runs, cwd=work, limit=limit, jobs=jobs, hopeless=hopeless)

    failures = dict(zip(seeds, run(seeds), strict=True))
    for seed in range(max(seeds) + 1, max(seeds) + 1 + SPARE):
        if not all(isinstance(failure, StuckError) for failure in failures.values()):
            break
        failures[seed] = run([seed])[0]
    tried = {seed: None if failure else _fmax(work / named(TIMING, seed)) for seed, failure in failures.items()}
    taken = best(tried)
    if taken is None:
        raise next(failure for failure in failures.values() if failure)
    for name in written:
        (work / named(name, taken)).rename(work / name)
        for seed in tried:
            (work / named(name, seed)).unlink(missing_ok=True)
    return tried


def hopeless(log: bytes) -> str | None:
    """What is wrong, and its mend, where a router2 that has written this tries the same wires for ever; it would never
    give up."""
    shared = [int(count) for count in _ROUND.findall(log)]
    if len(shared) <= PATIENCE or min(shared[-PATIENCE:]) < min(shared[:-PATIENCE]):
        return None
    return f"it got no further in its last {PATIENCE} rounds ({shared[-1]} wires are shared); take another --seed"


def _fmax(timing: Path) -> float:
    clocks = [clock["achieved"] for clock in json.loads(timing.read_text())["fmax"].values()]
    if not clocks:
        raise BuildError("nextpnr found no path between registers in the design; it has no clock")
    return round(min(clocks), 2)


def best(tried: dict[int, float | None]) -> int | None:
    """The seed that reached most, of those that reached as much the first."""
    reached = {seed: fmax for seed, fmax in tried.items() if fmax is not None}
    return max(reached, key=reached.__getitem__) if reached else None
