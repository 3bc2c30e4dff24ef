"""The packer: gathered pixels against the twin's bit planes, windows as close together as the schedule puts them."""

import random

import pytest

from hwgen.hdl.window import Packer
from hwgen.plan import pipeline
from rtl_tests.helpers.sim import simulate
from rtl_tests.helpers.zoo import CASES

WINDOWS = 12
PACKED = [case for case in CASES if case.plan().stages[0].compiled.packed]


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("case", PACKED, ids=lambda case: case.name)
def test_windows(case, close):
    plan = case.plan()
    compiled, s, q = plan.stages[0].compiled, plan.shape.s, plan.shape.q
    unit, rng = Packer(plan), random.Random(case.name)
    per_word = s // compiled.planes * compiled.planes
    count = len(compiled.taps) * compiled.words
    cycles = []  # (words per lane, control) or None
    expected = {}  # cycle -> (word per lane, control)
    ended = 0  # cycle of the last step of the window before
    for number in range(WINDOWS):
        tile, frame = rng.getrandbits(1), int(number == 0)
        words = [[rng.getrandbits(per_word) for _ in range(q)] for _ in range(count)]
        for i in range(count):
            while not close and rng.random() < 0.2:
                cycles.append(None)
            if i == count - 1 and number:  # no window may end before the one before has been played
                while len(cycles) < ended + compiled.array_steps:
                    cycles.append(None)
            first = i == 0
            control = {"first": first, "plane": 0, "last": i == count - 1, "tile": tile and first, "index": 0}
            cycles.append((words[i], {**control, "frame": frame and first, "step": 1}))
        ended = len(cycles) - 1
        played = [unit.compute([words[i][lane] for i in range(count)]) for lane in range(q)]
        for i in range(compiled.array_steps):
            plane, word = divmod(i, compiled.array_words)
            control = {
                "step": 1,
                "first": int(i == 0),
                "plane": int(word == 0 and i > 0),
                "last": int(i == compiled.array_steps - 1),
                "tile": int(tile and i == 0),
                "frame": int(frame and i == 0),
                "index": compiled.planes - 1 - plane,
            }
            expected[ended + unit.latency + i] = ([lane[i] for lane in played], control)
    seen = {}

    async def bench(ctx):
        ctx.set(unit.packed, 1)
        for cycle in range(len(cycles) + compiled.array_steps + unit.latency + 2):
            entry = cycles[cycle] if cycle < len(cycles) else None
            words, control = entry or ([rng.getrandbits(s)] * q, {"step": 0})
            ctx.set(unit.words, words)
            ctx.set(unit.control, {name: int(value) for name, value in control.items()})
            if ctx.get(unit.playing):
                window, played = ctx.get(unit.window), ctx.get(unit.played)
                names = ("step", "first", "plane", "last", "tile", "frame", "index")
                seen[cycle] = ([window[lane] for lane in range(q)], {name: played[name] for name in names})
            await ctx.tick()

    simulate(unit, bench, limit=len(cycles) + 200)
    assert unit.latency == pipeline.PACK
    assert seen == expected
    assert len(seen) == WINDOWS * compiled.array_steps


def test_cases():
    names = ["packed rgb", "thin kernels", "ramps", "identities", "packed bipolar", "packed late"]
    assert [case.name for case in PACKED] == names
