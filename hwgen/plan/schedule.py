"""Cycles of every stage, to the cycle: the recurrence that the sequencer follows, in closed form.

A stage takes, for each tile, groups * windows captures, each of `steps` issued steps. Three rules hold steps back:
the last step of a capture waits for the post-processing of the one before (`spacing`), the first step of a tile for
the parameter registers, and the first step of a stage for the results that it reads (`gap`).
"""

from dataclasses import dataclass, replace

from . import pipeline
from .compile import ArrayShape, CompiledStage
from .layout import ceil_div


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Cycles of one stage.

    Attributes
    ----------
    written : activation words that a full group writes
    spacing : least cycles between the last steps of two captures
    latency : cycles from a capture's last step to the first edge that writes its codes
    gap : idle cycles between the last step of the stage before and the first step of this one
    cycles : from the last step of the stage before (first stage: from its own first step) to its last step
    """

    written: int
    spacing: int
    latency: int
    gap: int
    cycles: int


def parameter_time(shape: ArrayShape, lanes: int) -> int:
    """Least cycles between the first steps of two tiles: the parameters of P channels come `lanes` at a time."""
    return ceil_div(shape.p, lanes) + pipeline.PARAMETER_SWAP


def ring_length(shape: ArrayShape, lanes: int) -> int:
    """Accumulators that each lane of the threshold unit takes in turn."""
    return shape.p * shape.q // lanes


def _written(compiled, shape):
    return compiled.lanes * compiled.stage.code_bits * max(1, shape.p // shape.s)


def _search(compiled, shape, threshold_lanes):
    """Cycles in which codes of 2 or more bits are found, 0 where the sign is the code."""
    if not compiled.threshold_rounds:
        return 0
    return compiled.threshold_rounds * ring_length(shape, threshold_lanes) + 1


def _spacing(compiled, shape, threshold_lanes, parameters, array_latency):
    if compiled.mode == "logits":
        # A tile's logits leave one a cycle once captured; the next capture waits until they are gone.
        tile = min(shape.p, len(compiled.stage.weights))
        post = pipeline.capture(array_latency) + 1 + tile if compiled.tiles > 1 else 1
    else:
        post = _search(compiled, shape, threshold_lanes) + _written(compiled, shape)
    if compiled.packed:
        post = max(post, compiled.array_steps)
        if compiled.groups * len(compiled.stage.window) == 1:
            post = max(post, parameters)
    return post


def _drain(compiled):
    """Cycles by which a packed stage's array steps trail its gathering."""
    return pipeline.PACK + compiled.array_steps - 1 if compiled.packed else 0


def _dependency(before, after, interval_before, interval_after, delay, q):
    """Least distance from the last step of `before` to the first step of `after`, by rows of the map between them.

    Row y is complete `delay` cycles after the last step of the group that ends it; it is first read, at the earliest,
    by the group with the first pixel of the first output row whose taps reach it. A group's first step comes right
    after the last one of the group before it, however long its own last step has to wait.
    """
    _, height, width = before.stage.output_shape
    per_group_before = interval_before * len(before.stage.window)
    per_group_after = interval_after * len(after.stage.window)
    early = interval_after - after.steps
    lowest = max(dy for dy, _ in after.taps) + after.stage.step[0] * max(wy for wy, _ in after.stage.window)
    distance = 0
    for y in range(height):
        first_row = max(0, ceil_div(y - lowest, after.pitch[0]))
        if first_row < after.rows:
            ends = ((y + 1) * width - 1) // q
            reads = first_row * after.span // q
            begun = reads * per_group_after - early if reads else 0
            distance = max(distance, delay - (before.groups - 1 - ends) * per_group_before - begun)
    return distance


def schedule(
    stages: list[CompiledStage], shape: ArrayShape, parameter_lanes: int, threshold_lanes: int, array_latency: int
) -> tuple[list[Timing], int]:
    """Timing of every stage of one frame whose image is loaded and whose result is taken at once.

    The second value is how many cycles pass idle before the next frame can begin: its parameters may still be on
    their way. A frame so short that its first logits would have to wait for the last result to leave waits before it
    begins instead (the gap of the first stage), so that its stages take as many cycles as any other frame's.
    """
    parameters = parameter_time(shape, parameter_lanes)
    timings: list[Timing] = []
    end, spacing_before, tile_first, first_capture = -1, 1, -parameters, 0
    for i, compiled in enumerate(stages):
        spacing = _spacing(compiled, shape, threshold_lanes, parameters, array_latency)
        interval = max(compiled.steps, spacing)
        written = _written(compiled, shape)
        latency = pipeline.write(array_latency) + _search(compiled, shape, threshold_lanes) + _drain(compiled)
        gap = 0
        if i:
            before = stages[i - 1]
            delay = timings[-1].latency + timings[-1].written - pipeline.READ
            distance = _dependency(before, compiled, max(before.steps, spacing_before), interval, delay, shape.q)
            if before.packed:
                distance = max(distance, pipeline.PACK + before.array_steps + max(parameters, spacing_before))
            gap = max(0, distance - 1)
        start = end
        first = end + 1 + gap
        captures = compiled.groups * len(compiled.stage.window)
        for tile in range(compiled.tiles):
            first = max(first, tile_first + parameters)
            last = max(first + compiled.steps - 1, end + spacing_before)
            tile_first = first if compiled.steps > 1 else last
            end = last + (captures - 1) * interval
            spacing_before = spacing
            first = end + 1
            if tile == 0:
                first_capture = last
        timings.append(Timing(written=written, spacing=spacing, latency=latency, gap=gap, cycles=end - start))
    last_tile = len(stages[-1].stage.weights) - (stages[-1].tiles - 1) * shape.p
    result_gap = max(0, pipeline.capture(array_latency) + last_tile + 1 - first_capture)
    timings[0] = replace(timings[0], gap=result_gap)
    return timings, max(result_gap, tile_first + parameters - (end + 1))
