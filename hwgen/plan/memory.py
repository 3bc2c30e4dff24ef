"""How many block RAMs a memory takes in a family's shapes, as Yosys maps it."""

from ..boards import Target
from ..families import Family
from .plan import MemorySpec, Plan


def block_rams(spec: MemorySpec, target: Target) -> int:
    """Block RAMs of a memory."""
    if not spec.block:
        return 0
    across, deep, _ = target.traits.tiling(spec.width, spec.depth)
    return spec.count * across * deep


def multiplexers(plan: Plan, family: Family) -> int:
    """Two-way multiplexers behind block RAMs, in bits."""
    specs = [spec for spec in plan.memories if spec.block]
    return sum(spec.count * spec.width * (family.tiling(spec.width, spec.depth)[1] - 1) for spec in specs)


def total_rams(plan: Plan, target: Target) -> int:
    return sum(block_rams(spec, target) for spec in plan.memories)
