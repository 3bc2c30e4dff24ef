"""What a simulation wrote down, put back together: the feature maps of every stage of every frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import BuildError
from ..plan.plan import Plan

RESULT = np.dtype([("cycle", "u8"), ("value", "i4"), ("last", "u4")])
CYCLES = np.dtype([("stage", "u4"), ("cycles", "u4")])
FRAMES_MARK = 0xFFFFFFFF
REGISTER_MARK = 0x80000000


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Recorded frames, in the order in which they ran.

    Attributes
    ----------
    logits : int64 (frames, classes)
    classes : int64 (frames,)
    finished : cycle in which each class was taken, int64 (frames,)
    cycles : cycles of every stage, int64 (frames, stages)
    registers : the cycle counters as the registers showed them after each run, int64 (runs, stages)
    values : per stage that writes memory, its output: int64 (frames, channels, height, width)
    """

    logits: np.ndarray
    classes: np.ndarray
    finished: np.ndarray
    cycles: np.ndarray
    registers: np.ndarray
    values: dict[int, np.ndarray]


def harness_defines(plan: Plan) -> list[str]:
    """What the harness has to know of the trace's ports."""
    return [f"-DTRACE_BYTES={_data_bytes(plan)}", f"-DTRACE_WRITES={plan.writes}"]


def _data_bytes(plan):
    """Bytes of the data of a write."""
    bits = plan.shape.s
    return 1 if bits <= 8 else 2 if bits <= 16 else -(-bits // 32) * 4


def write_dtype(plan: Plan) -> np.dtype:
    fields = [("columns", "u8"), ("stage", "u4"), ("bank", "u4"), ("address", "u4"), ("zero", "u4")]
    return np.dtype([*fields, ("data", "u1", _data_bytes(plan))])


def read_trace(plan: Plan, folder: Path) -> Trace:
    """Read the harness's records. Raises BuildError when they do not form whole frames."""
    results = np.fromfile(folder / "results.bin", RESULT)
    classes = plan.logits.count
    if len(results) % (classes + 1) or (results["last"].reshape(-1, classes + 1)[:, -1] != 1).any():
        raise BuildError(f"the simulation gave {len(results)} result words, which are no frames of {classes} + 1")
    values = results["value"].reshape(-1, classes + 1).astype(np.int64)
    frames = len(values)
    cycles = np.fromfile(folder / "cycles.bin", CYCLES)
    counted = cycles[cycles["stage"] < REGISTER_MARK]
    stages = len(plan.stages)
    if len(counted) % stages or (counted["stage"].reshape(-1, stages) != np.arange(stages)).any():
        raise BuildError("the simulation's stages did not follow one another in order")
    registers = cycles[(cycles["stage"] >= REGISTER_MARK) & (cycles["stage"] != FRAMES_MARK)]
    return Trace(
        logits=values[:, :-1],
        classes=values[:, -1],
        finished=results["cycle"].reshape(-1, classes + 1)[:, -1].astype(np.int64),
        cycles=counted["cycles"].reshape(-1, stages)[:frames].astype(np.int64),
        registers=registers["cycles"].reshape(-1, stages).astype(np.int64),
        values=_values(plan, np.fromfile(folder / "writes.bin", write_dtype(plan)), frames),
    )


def _values(plan, writes, frames):
    per_stage = []
    for planned in plan.stages:
        tiles, (_, height, width) = planned.compiled.tiles, planned.compiled.stage.output_shape
        per_stage.append(tiles * height * width * planned.pixel_words if planned.target else 0)
    total = sum(per_stage)
    if len(writes) != frames * total:
        raise BuildError(f"the simulation wrote {len(writes)} words for {frames} frames of {total}")
    if not total:
        return {}
    writes = writes.reshape(frames, total)
    expected = np.repeat(np.arange(len(per_stage)), per_stage)
    same = writes["stage"] == expected
    for field in ("bank", "address", "columns"):
        same &= writes[field] == writes[field][0]
    if not same.all():
        raise BuildError("the simulation's frames wrote to different places")
    values, at = {}, 0
    for index, count in enumerate(per_stage):
        if count:
            values[index] = _stage_values(plan, index, writes[:, at : at + count])
        at += count
    return values


def _stage_values(plan, index, writes):
    """Replays a stage's writes into a picture of its memory, then reads its map out by `Layout.locate`."""
    planned, shape = plan.stages[index], plan.shape
    target, type_ = planned.target, planned.compiled.stage.output_type
    frames = len(writes)
    bits = np.unpackbits(writes["data"], axis=2, bitorder="little", count=shape.s)  # (frames, words, S)
    memory = np.full((frames, shape.q, target.size, shape.s), 255, np.uint8)  # 255: never written
    columns = max(1, shape.s // shape.p)
    width = shape.s // columns
    bank, address = writes["bank"][0], writes["address"][0].astype(np.int64) - target.base
    for column in range(columns):
        chosen = writes["columns"][0] >> np.uint64(column) & np.uint64(1) == 1
        lanes = slice(column * width, (column + 1) * width)
        memory[:, bank[chosen], address[chosen], lanes] = bits[:, chosen, lanes]
    channels, height, width = planned.compiled.stage.output_shape
    used = -(-channels // shape.s)
    codes = np.zeros((frames, used * shape.s, height, width), np.int64)
    for y in range(height):
        for x in range(width):
            for plane in range(target.planes):
                bank, first = target.locate(y, x, 0, plane)
                first -= target.base
                word = memory[:, bank, first : first + used, :].reshape(frames, -1)
                if (word == 255).any():
                    raise BuildError(f"stage {planned.name!r} never wrote pixel ({y}, {x})")
                codes[:, :, y, x] |= word.astype(np.int64) << plane
    if codes[:, channels:].any():
        raise BuildError(f"stage {planned.name!r} left lanes without a channel that are not 0")
    return type_.minimum + type_.step * codes[:, :channels]
