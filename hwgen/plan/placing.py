"""From lowered stages to a `Plan` for an array of one shape: how each is compiled, where its maps lie, when it runs."""

from bisect import bisect_left
from dataclasses import replace

from ..errors import InputError
from ..network import Network
from .compile import ArrayShape, compile_stage
from .layout import Layout, pitch
from .loads import check_loads
from .lowering import Lowered
from .plan import Plan, PlannedStage
from .schedule import ring_length, schedule
from .style import Style

__all__ = ["make_plan"]


def make_plan(
    network: Network,
    lowered: Lowered,
    shape: ArrayShape,
    *,
    style: Style | None = None,
    parameter_lanes: int | None = None,
    threshold_lanes: int | None = None,
    loadable: bool = False,
) -> Plan:
    """Place and time a lowered network on an array of `shape`. Lanes not given are chosen. Fast: no ROM is filled."""
    style = style or Style()
    compiled = _compile(lowered, shape, style)
    options = [n for n in (1, 2, 4, 8, 16, 32, 64) if shape.p % n == 0]
    if parameter_lanes is None:
        parameter_lanes = _fewest(options, lambda n: _cycles(compiled, shape, n, options[-1], style))
    if threshold_lanes is None:
        usable = [n for n in options if ring_length(shape, n) >= 2]
        multi = any(c.threshold_rounds for c in compiled)
        if multi and not usable:
            raise InputError(f"P*Q is {shape.p * shape.q}; activations of 2 or more bits need at least 2")
        threshold_lanes = _fewest(usable, lambda n: _cycles(compiled, shape, parameter_lanes, n, style)) if multi else 1
    timings, idle = schedule(compiled, shape, parameter_lanes, threshold_lanes, style)
    inputs, layouts, depth = _memory_map(lowered, compiled, shape)
    stages = tuple(
        PlannedStage(compiled=c, source=source, target=target, timing=timing)
        for c, source, target, timing in zip(compiled, layouts, [*layouts[1:], None], timings, strict=True)
    )
    made = Plan(
        network=network,
        lowered=lowered,
        shape=shape,
        style=style,
        parameter_lanes=parameter_lanes,
        threshold_lanes=threshold_lanes,
        inputs=inputs,
        stages=stages,
        memory_depth=depth,
        idle=idle,
        loadable=loadable,
    )
    if loadable:
        check_loads(made)
    return made


SPLIT_COST = {"generic": 1.12, "ice40": 1.09, "ecp5": 1.04, "gowin": 1.1}
"""By how much two planes at a time have to be faster: for them the array grows as much (`hwgen.bench.array`)."""


def _compile(lowered, shape, style):
    """Every stage; the first one packed, and with two planes at a time, where that saves cycles.

    One that gives the logits is never packed: its array steps trail the sequencer's, which counts the last to its own.
    """
    first, *others = lowered.stages
    others = [compile_stage(stage, shape, packed=False) for stage in others]
    step = others[0].pitch[1] if others else 0
    ways = [compile_stage(first, shape, packed=False)]
    if others and len(first.taps) > 1 and max(2, first.input_type.bits) <= shape.s:
        packed = compile_stage(first, shape, packed=True)
        ways.append(_paired(packed, step, shape))
        left = style.left_lanes(shape.s)
        if packed.planes % 2 == 0 and first.weights[0].size <= min(left, shape.s - left):
            ways.append(_paired(compile_stage(first, shape, packed=True, left=left), step, shape))

    def cost(way):
        cycles = _cycles([way, *others], shape, shape.p, shape.p, style)
        return cycles * SPLIT_COST[style.cells] if way.left else cycles

    return [min(ways, key=cost), *others]


def _paired(packed, step, shape):
    """A packed stage, its pixels written two at a time where one at a time would hold the array up. Both halves of
    every row's groups are full cells of the next stage's map then, so that a pair lies in two banks."""
    width = packed.stage.output_shape[2]
    held_up = packed.lanes * packed.stage.code_bits * max(1, shape.p // shape.s) > packed.array_steps
    if not held_up or shape.q % step or width % step or packed.lanes < 2 * step:
        return packed
    return replace(packed, apart=step)


def _cycles(compiled, shape, parameter_lanes, threshold_lanes, style):
    timings, _ = schedule(compiled, shape, parameter_lanes, threshold_lanes, style)
    return sum(t.cycles for t in timings)


def _fewest(options, cycles):
    """The fewest lanes whose cycles are within 1 % of the best, which the most lanes give: more never cost cycles."""
    *fewer, most = options
    best = cycles(most)
    return options[bisect_left(fewer, True, key=lambda n: 100 * cycles(n) <= 101 * best)]


def _memory_map(lowered, compiled, shape):
    """Two images, then the maps between stages, in turn in one place and another."""

    def layout(base, i, channels, height, width):
        reader = compiled[i]
        words, planes = (reader.words, 1) if reader.packed else (reader.words, reader.planes)
        if i:
            words = max(words, compiled[i - 1].tiles * max(1, shape.p // shape.s) if shape.p > shape.s else words)
        return Layout(
            base=base,
            height=height,
            width=width,
            words=words,
            planes=planes,
            step=reader.pitch,
            pitch=pitch(width, reader.pitch[1], reader.span, shape.q),
            banks=shape.q,
        )

    first = layout(0, 0, *lowered.input.shape)
    second = replace(first, base=first.size)
    maps = [layout(0, i + 1, *c.stage.output_shape) for i, c in enumerate(compiled[:-1])]
    place = [2 * first.size, 2 * first.size + max((m.size for m in maps[::2]), default=0)]
    maps = [replace(m, base=place[i % 2]) for i, m in enumerate(maps)]
    depth = max([second.base + second.size, *(m.base + m.size for m in maps)])
    return (first, second), [first, *maps], depth
