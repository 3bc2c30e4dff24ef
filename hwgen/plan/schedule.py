"""Cycles of every stage, to the cycle: the recurrence that the sequencer follows, in closed form.

A stage takes, for each tile, groups * windows captures, each of `steps` issued steps. Three rules hold steps back:
the last step of a capture waits for the post-processing of the one before (`spacing`), the first step of a tile for
the parameter registers, and the first step of a stage for the results that it reads (`gap`). In a packed stage the
packer makes the captures, one for each position of the pooling window after each load that completes a group.
"""

from dataclasses import dataclass, replace

from . import pipeline
from .compile import ArrayShape, CompiledStage
from .layout import ceil_div
from .style import Style


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Cycles of one stage.

    Attributes
    ----------
    written : cycles in which a full group writes activation words
    spacing : least cycles between the last steps of two captures (packed: of two loads that complete a group)
    pace : packed: cycles from one position of the pooling window to the next
    latency : cycles from a capture's last step to the first edge that writes its codes
    gap : idle cycles between the last step of the stage before and the first step of this one
    cycles : from the last step of the stage before (first stage: from its own first step) to its last step
    """

    written: int
    spacing: int
    pace: int
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
    return len(compiled.turns) * compiled.stage.code_bits * max(1, shape.p // shape.s)


def _search(compiled, shape, threshold_lanes):
    """Cycles in which codes of 2 or more bits are found, 0 where the sign is the code."""
    if not compiled.threshold_rounds:
        return 0
    return compiled.threshold_rounds * ring_length(shape, threshold_lanes) + 1


def _post(compiled, shape, threshold_lanes, array_latency):
    """Cycles that the post-processing of a capture takes from the next one."""
    if compiled.mode == "logits":
        # A tile's logits leave one a cycle once captured; the next capture waits until they are gone.
        tile = min(shape.p, len(compiled.stage.weights))
        return pipeline.capture(array_latency) + 1 + tile if compiled.tiles > 1 else 1
    return _search(compiled, shape, threshold_lanes) + _written(compiled, shape)


@dataclass(frozen=True, kw_only=True)
class _Pace:
    """How the captures of a tile follow one another.

    Attributes
    ----------
    spacing, window : as `spacing` and `pace` of `Timing`
    group, row : cycles from a group's last step to the next one's (in the same row, where rows begin anew)
    lead : steps before the first capture's last one
    drain : cycles by which a packed stage's array steps trail its loads
    """

    compiled: CompiledStage
    spacing: int
    window: int
    group: int
    row: int
    lead: int
    drain: int

    @classmethod
    def of(cls, compiled: CompiledStage, post: int, parameters: int) -> "_Pace":
        gathering, steps = compiled.gathering, compiled.steps
        if gathering is None:
            interval = max(steps, post)
            group = interval * compiled.windows
            return cls(
                compiled=compiled, spacing=post, window=interval, group=group, row=group, lead=steps - 1, drain=0
            )
        window = max(post, compiled.array_steps)
        # Tiles whose loads are held back are as far apart as their parameters need.
        spacing = max(window * len(compiled.stage.window), ceil_div(parameters, compiled.groups))
        filling = (gathering.leads + 1) * steps
        return cls(
            compiled=compiled,
            spacing=spacing,
            window=window,
            group=max(steps, spacing),
            row=max(filling, spacing),
            lead=filling - 1,
            drain=pipeline.PACK + spacing - window + compiled.array_steps - 1,
        )

    def begins(self, group: int) -> int:
        """From the last step of group 0 (of its first window position) to that of a group."""
        if self.compiled.gathering is None:
            return group * self.group
        row = group // self.compiled.gathering.row_groups
        return row * (self.row - self.group) + group * self.group

    @property
    def total(self) -> int:
        """From the last step of a tile's first capture to that of its last."""
        return self.begins(self.compiled.groups - 1) + (self.compiled.windows - 1) * self.window


def _dependency(before: _Pace, after: _Pace, delay):
    """Least distance from the last step of `before` to the first step of `after`, by rows of the map between them.

    A row is complete `delay` cycles after the last step of the group that ends it. The first group of a row of outputs
    reads down to the lowest row that its taps reach; its first step comes right after the last one of the group before
    it, however long its own last step has to wait.
    """
    writer, reader = before.compiled, after.compiled
    _, height, width = writer.stage.output_shape
    lowest = max(dy for dy, _ in reader.taps) + reader.stage.step[0] * max(wy for wy, _ in reader.stage.window)
    last = before.begins(writer.groups - 1)
    distance = 0
    for row in range(reader.rows):
        y = min(row * reader.pitch[0] + lowest, height - 1)
        if y >= 0:
            ended = last - before.begins(writer.group_of(y, width - 1))
            group = reader.group_of(row, 0)
            begun = after.begins(group) - (after.window - reader.steps) if group else 0
            distance = max(distance, delay - ended - begun)
            if y == height - 1:  # which later rows read later
                break
    return distance


def schedule(
    stages: list[CompiledStage], shape: ArrayShape, parameter_lanes: int, threshold_lanes: int, style: Style
) -> tuple[list[Timing], int]:
    """Timing of every stage of one frame whose image is loaded and whose result is taken at once.

    The second value is how many cycles pass idle before the next frame can begin: its parameters may still be on
    their way. A frame so short that its first logits would have to wait for the last result to leave waits before it
    begins instead (the gap of the first stage), so that its stages take as many cycles as any other frame's.
    """
    parameters = parameter_time(shape, parameter_lanes)
    array_latency = style.latency(shape.s)
    reads, writes = pipeline.READ + style.address_registers, pipeline.write(array_latency) + style.port_registers
    timings: list[Timing] = []
    paces: list[_Pace] = []
    end, tile_first, first_capture, spacing_before = -1, -parameters, 0, 1
    for compiled in stages:
        pace = _Pace.of(compiled, _post(compiled, shape, threshold_lanes, array_latency), parameters)
        written = _written(compiled, shape)
        latency = writes + _search(compiled, shape, threshold_lanes) + pace.drain
        gap = 0
        if paces:
            delay = timings[-1].latency + timings[-1].written - reads
            distance = _dependency(paces[-1], pace, delay)
            if paces[-1].drain:  # its array steps, then its parameters, are in the way
                distance = max(distance, paces[-1].drain + 1 + max(parameters, paces[-1].window))
            gap = max(0, distance - 1)
        start = end
        first = end + 1 + gap
        total, distances = pace.total, []
        for tile in range(compiled.tiles):
            begun = max(first, tile_first + parameters)
            last = max(begun + pace.lead, end + spacing_before)
            tile_first = begun if pace.lead else last
            distances.append((last + total - end, last + total - tile_first))
            end = last + total
            spacing_before = pace.spacing
            first = end + 1
            if tile == 0:
                first_capture = last
            elif distances[-1] == distances[-2]:  # so are the rest
                rest = (compiled.tiles - 1 - tile) * distances[-1][0]
                end, tile_first = end + rest, tile_first + rest
                break
        paces.append(pace)
        timings.append(
            Timing(
                written=written, spacing=pace.spacing, pace=pace.window, latency=latency, gap=gap, cycles=end - start
            )
        )
    last_tile = len(stages[-1].stage.weights) - (stages[-1].tiles - 1) * shape.p
    result_gap = max(0, pipeline.capture(array_latency) + last_tile - first_capture)
    timings[0] = replace(timings[0], gap=result_gap)
    return timings, max(result_gap, tile_first + parameters - (end + 1))
