"""ProcessingElement against its twin: captures of random planes, taps, masks, low bits and pauses."""

import random

import pytest

from hwgen.hdl.pe import processing_element
from hwgen.plan.style import Style
from rtl_tests.helpers.sim import drive_lanes, simulate

LANES, BITS, CAPTURES = 8, 16, 60


def random_capture(rng, most_planes):
    """(start, planes of (weights, activations, valid), low): the arguments of `compute`."""
    planes = rng.randint(1, most_planes)
    steps = rng.randint(1, 5)
    return (
        rng.randint(-300, 300),
        [
            [(rng.getrandbits(LANES), rng.getrandbits(LANES), int(rng.random() < 0.8)) for _ in range(steps)]
            for _ in range(planes)
        ],
        rng.getrandbits(planes - 1) if planes > 1 else 0,
    )


STYLES = [
    Style(), Style(stages=2),
    Style(cells="ice40"), Style(cells="ice40", stages=2),
    Style(cells="gowin"), Style(cells="gowin", stages=2),
    Style(cells="ecp5"), Style(cells="ecp5", stages=2),
]  # fmt: skip


@pytest.mark.parametrize("style", STYLES, ids=str)
@pytest.mark.parametrize("most_planes", [1, 4])
@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("model", [False, True], ids=["cells", "model"])
def test_captures(most_planes, pauses, style, model):
    rng = random.Random(f"{most_planes}{pauses}")
    unit = processing_element(LANES, BITS, most_planes > 1, style, model=model)
    assert unit.latency == style.element_latency(LANES)
    captures = [random_capture(rng, most_planes) for _ in range(CAPTURES)]
    cycles = []  # what stands at the ports in each cycle: inputs, then (one later) the control of that step
    for start, planes, low in captures:
        for k, steps in zip(reversed(range(len(planes))), planes, strict=True):
            for i, inputs in enumerate(steps):
                first = k == len(planes) - 1 and i == 0
                control = {"step": 1, "first": first, "plane": i == 0 and not first, "start": start}
                control["low"] = low >> k & 1
                cycles.append((inputs, control))
                while pauses and rng.random() < 0.3:
                    garbage = (rng.getrandbits(LANES), rng.getrandbits(LANES), 1)
                    cycles.append((garbage, {**control, "step": 0, "first": rng.getrandbits(1)}))
    ends, at = [], -1
    for _, planes, _ in captures:
        for _ in range(sum(map(len, planes))):
            at = next(i for i in range(at + 1, len(cycles)) if cycles[i][1]["step"])
        ends.append(at)
    seen = {}

    async def bench(ctx):
        for cycle in range(len(cycles) + unit.latency):
            drive_lanes(ctx, unit, unit.popcount, [inputs for inputs, _ in cycles], cycle)
            behind = cycle - unit.popcount.latency
            control = cycles[behind][1] if 0 <= behind < len(cycles) else {"step": 0}
            for name, value in control.items():
                ctx.set(getattr(unit, name), int(value))
            seen[cycle] = ctx.get(unit.accumulator)
            await ctx.tick()

    simulate(unit, bench, limit=len(cycles) + 10)
    got = [seen[end + unit.latency] for end in ends]
    assert got == [unit.compute(*capture) for capture in captures]
    assert len(got) == CAPTURES
