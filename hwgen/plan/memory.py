"""How many block RAMs a memory takes in a target's shapes, as Yosys maps it."""

from ..boards import Target
from .layout import ceil_div
from .plan import MemorySpec, Plan


def block_rams(spec: MemorySpec, target: Target) -> int:
    """Block RAMs of a memory: the best of the target's shapes, side by side for width, one after another for depth."""
    if not spec.block:
        return 0
    shapes = target.traits.ram_shapes
    return spec.count * min(ceil_div(spec.width, width) * ceil_div(spec.depth, depth) for depth, width in shapes)


def total_rams(plan: Plan, target: Target) -> int:
    return sum(block_rams(spec, target) for spec in plan.memories)
