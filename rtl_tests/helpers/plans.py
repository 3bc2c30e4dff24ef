"""Plans for the tests, and the steps of a plan as plain nested loops: what the sequencer has to issue."""

from collections.abc import Iterator
from dataclasses import dataclass

from hwgen.network import Network
from hwgen.plan.compile import ArrayShape
from hwgen.plan.lowering import lower
from hwgen.plan.plan import Plan, make_plan


def plan_for(network: Network, p: int, s: int, q: int, **lanes) -> Plan:
    """The plan of a network on an array of P x S x Q; `lanes` as `make_plan` takes them."""
    return make_plan(network, lower(network), ArrayShape(p=p, s=s, q=q), **lanes)


@dataclass(frozen=True)
class Step:
    """One step of a stage, by its loop variables.

    `first`, `plane_first` and `last` are those of a capture, of a plane and of a capture; `tile_first` of a tile.
    `address`, `x`, `y` are the origin to which the tap table's entry `entry` is relative.
    """

    stage: int
    tile: int
    row: int
    column: int
    phase: int
    window: int
    plane: int
    tap: int
    word: int
    entry: int
    address: int
    x: int
    y: int
    first: bool
    plane_first: bool
    last: bool
    tile_first: bool


def steps(plan: Plan, stage: int, place: int = 0) -> Iterator[Step]:
    """Steps of a stage in order; `place` says which of the two images the first stage reads."""
    planned = plan.stages[stage]
    compiled, source = planned.compiled, planned.source
    base = plan.inputs[place].base if stage == 0 else source.base
    windows = len(compiled.stage.window)
    before = sum(len(table) for table in plan.tap_tables[:stage])
    down = compiled.stage.step[0] * compiled.stage.window_step[0]
    planes = [0] if compiled.packed else list(reversed(range(compiled.planes)))
    for tile in range(compiled.tiles):
        tile_first = True
        for row in range(compiled.rows):
            for column in range(compiled.columns):
                group = row * down * source.row_words + column * compiled.lane_step * source.words
                for phase in range(compiled.phases):
                    for window in range(windows):
                        for plane in planes:
                            for tap in range(len(compiled.taps)):
                                for word in range(compiled.words):
                                    plane_first = tap == 0 and word == 0
                                    plane_last = tap == len(compiled.taps) - 1 and word == compiled.words - 1
                                    yield Step(
                                        stage=stage,
                                        tile=tile,
                                        row=row,
                                        column=column,
                                        phase=phase,
                                        window=window,
                                        plane=plane,
                                        tap=tap,
                                        word=word,
                                        entry=before + (phase * windows + window) * len(compiled.taps) + tap,
                                        address=base + group + plane * source.plane_words + word,
                                        x=column * compiled.lane_step * plan.shape.q,
                                        y=row * down,
                                        first=plane_first and plane == planes[0],
                                        plane_first=plane_first,
                                        last=plane_last and plane == planes[-1],
                                        tile_first=tile_first,
                                    )
                                    tile_first = False


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

    `pointer` and `column` are where its codes go (None for logits); `bits` is the width of a code.
    """

    stage: int
    tile: int
    window: int
    window_first: bool
    window_last: bool
    tile_last: bool
    tile_ends: bool
    frame_ends: bool
    column: int
    pointer: int | None
    mode: str
    bits: int


def captures(plan: Plan) -> Iterator[Capture]:
    """Captures of one frame in order."""
    p, s, q = plan.shape.p, plan.shape.s, plan.shape.q
    columns = max(1, s // p)
    for stage, planned in enumerate(plan.stages):
        compiled, target = planned.compiled, planned.target
        groups = [
            (row, column, phase)
            for row in range(compiled.rows)
            for column in range(compiled.columns)
            for phase in range(compiled.phases)
        ]
        windows = len(compiled.stage.window)
        for tile in range(compiled.tiles):
            word = tile * p // s
            for row, column, phase in groups:
                pixel = column * compiled.phases * q + phase
                for window in range(windows):
                    ends = (row, column, phase) == groups[-1] and window == windows - 1
                    yield Capture(
                        stage=stage,
                        tile=tile,
                        window=window,
                        window_first=window == 0,
                        window_last=window == windows - 1,
                        tile_last=tile == compiled.tiles - 1,
                        tile_ends=ends,
                        frame_ends=ends and tile == compiled.tiles - 1 and stage == len(plan.stages) - 1,
                        column=tile % columns,
                        pointer=target.locate(row, pixel, word, 0)[1] if target else None,
                        mode=compiled.mode,
                        bits=compiled.stage.output_type.bits if target else 0,
                    )
