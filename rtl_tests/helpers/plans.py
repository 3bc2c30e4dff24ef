"""Plans for the tests, and the steps of a plan as plain nested loops: what the sequencer has to issue."""

from collections.abc import Iterator
from dataclasses import dataclass

from hwgen.network import Network
from hwgen.plan.compile import ArrayShape
from hwgen.plan.lowering import lower
from hwgen.plan.placing import make_plan
from hwgen.plan.plan import Plan


def plan_for(network: Network, p: int, s: int, q: int, **lanes) -> Plan:
    """The plan of a network on an array of P x S x Q; `lanes` as `make_plan` takes them."""
    return make_plan(network, lower(network), ArrayShape(p=p, s=s, q=q), **lanes)


@dataclass(frozen=True)
class Step:
    """One step of a stage, by its loop variables.

    `first`, `plane_first` and `last` are those of a capture, of a plane and of a capture; `tile_first` of a tile.
    `address` is what goes with the tap table's entry `entry`, whatever the lane; `group_last` and `tile_last` say that
    it is the last step of a group, of a tile.
    """

    stage: int
    tile: int
    group: int
    window: int
    plane: int
    tap: int
    word: int
    entry: int
    address: int
    first: bool
    plane_first: bool
    last: bool
    group_last: bool
    tile_first: bool
    tile_last: bool


def steps(plan: Plan, stage: int, place: int = 0) -> Iterator[Step]:
    """Steps of a stage in order; `place` says which of the two images the first stage reads."""
    planned = plan.stages[stage]
    compiled, source = planned.compiled, planned.source
    base = plan.inputs[place].base if stage == 0 else source.base
    windows = compiled.windows
    before = sum(len(table) for table in plan.tap_tables[:stage])
    planes = [0] if compiled.packed else list(reversed(range(compiled.planes)))
    for tile in range(compiled.tiles):
        tile_first = True
        for group in range(compiled.walked_groups):
            for window in range(windows):
                for plane in planes:
                    for tap in range(len(compiled.taps)):
                        for word in range(compiled.words):
                            plane_first = tap == 0 and word == 0
                            plane_last = tap == len(compiled.taps) - 1 and word == compiled.words - 1
                            ends = plane_last and plane == planes[-1]
                            group_last = ends and window == windows - 1
                            yield Step(
                                stage=stage,
                                tile=tile,
                                group=group,
                                window=window,
                                plane=plane,
                                tap=tap,
                                word=word,
                                entry=before + window * len(compiled.taps) + tap,
                                address=base + plane * source.plane_words + word,
                                first=plane_first and plane == planes[0],
                                plane_first=plane_first,
                                last=ends and captured_group(plan, stage, group) is not None,
                                group_last=group_last,
                                tile_first=tile_first,
                                tile_last=group_last and group == compiled.walked_groups - 1,
                            )
                            tile_first = False


def captured_group(plan: Plan, stage: int, walked: int) -> int | None:
    """Which group of results follows a group that the lanes walk through; None for a load that only leads."""
    gathering = plan.stages[stage].compiled.gathering
    if gathering is None:
        return walked
    row, load = divmod(walked, gathering.row_loads)
    return row * gathering.row_groups + load - gathering.leads if load >= gathering.leads else None


def walk(plan: Plan, stage: int, group: int) -> list[tuple[int, int]]:
    """(row, column), in output pixels, of where every lane stands in a group that the lanes walk through."""
    return [divmod(group * plan.shape.q + lane, plan.stages[stage].compiled.span) for lane in range(plan.shape.q)]


def output_pixels(plan: Plan, stage: int, group: int) -> list[tuple[int, int] | None]:
    """(row, column) of the output pixel of every lane of a group of results; None for a lane beyond the map, or, in a
    packed stage, beyond the row."""
    compiled, q = plan.stages[stage].compiled, plan.shape.q
    _, height, width = compiled.stage.output_shape
    if compiled.gathering is None:
        pixels = [divmod(group * q + lane, width) for lane in range(q)]
    else:
        row, first = divmod(group, compiled.gathering.row_groups)
        pixels = [(row, first * q + lane) for lane in range(q)]
    return [(row, column) if row < height and column < width else None for row, column in pixels]


def control_word(plan: Plan, step: Step) -> dict:
    """The step's control word, as `hwgen.hdl.step.step_layout` names its members."""
    return {
        "step": 1,
        "first": int(step.first),
        "plane": int(step.plane_first and not step.first),
        "last": int(step.last),
        "tile": int(step.tile_first),
        "frame": int(step.tile_first and step.tile == 0 and step.stage == 0),
        "index": step.plane,
    }


@dataclass(frozen=True)
class Capture:
    """One capture of a stage: the end of a pixel group at one position of the pooling window.

    `word` and `column` are where its tile's codes go in a pixel; `bits` is the width of a code, 0 for logits.
    """

    stage: int
    tile: int
    group: int
    window: int
    window_first: bool
    window_last: bool
    tile_last: bool
    tile_ends: bool
    frame_ends: bool
    column: int
    word: int
    mode: str
    bits: int


def captures(plan: Plan) -> Iterator[Capture]:
    """Captures of one frame in order."""
    p, s = plan.shape.p, plan.shape.s
    for stage, planned in enumerate(plan.stages):
        compiled, windows = planned.compiled, len(planned.compiled.stage.window)
        for tile in range(compiled.tiles):
            for group in range(compiled.groups):
                for window in range(windows):
                    ends = group == compiled.groups - 1 and window == windows - 1
                    yield Capture(
                        stage=stage,
                        tile=tile,
                        group=group,
                        window=window,
                        window_first=window == 0,
                        window_last=window == windows - 1,
                        tile_last=tile == compiled.tiles - 1,
                        tile_ends=ends,
                        frame_ends=ends and tile == compiled.tiles - 1 and stage == len(plan.stages) - 1,
                        column=tile % max(1, s // p),
                        word=tile * p // s,
                        mode=compiled.mode,
                        bits=compiled.stage.output_type.bits if planned.target else 0,
                    )
