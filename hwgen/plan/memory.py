"""How many block RAMs a memory takes in a family's shapes, as Yosys maps it."""

from ..boards import Family, Target
from .layout import ceil_div
from .plan import MemorySpec, Plan


def tiling(spec: MemorySpec, family: Family) -> tuple[int, int]:
    """Block RAMs that one memory takes side by side for width and one after another for depth: the fewest in all, and
    of those the fewest for depth, whose words come together in multiplexers."""
    tilings = [(ceil_div(spec.width, width), ceil_div(spec.depth, depth)) for depth, width in family.ram_shapes]
    return min(tilings, key=lambda tiles: (tiles[0] * tiles[1], tiles[1]))


def block_rams(spec: MemorySpec, target: Target) -> int:
    """Block RAMs of a memory."""
    if not spec.block:
        return 0
    across, deep = tiling(spec, target.traits)
    return spec.count * across * deep


def multiplexers(plan: Plan, family: Family) -> int:
    """Two-way multiplexers behind block RAMs, in bits."""
    specs = [spec for spec in plan.memories if spec.block]
    return sum(spec.count * spec.width * (tiling(spec, family)[1] - 1) for spec in specs)


def total_rams(plan: Plan, target: Target) -> int:
    return sum(block_rams(spec, target) for spec in plan.memories)
