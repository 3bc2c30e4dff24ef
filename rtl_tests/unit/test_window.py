"""The packer: its region against pixels by their coordinates, windows against the twin, groups as close as planned."""

import random

import pytest

from hwgen.hdl.window import Packer
from hwgen.plan import pipeline
from rtl_tests.helpers.plans import captured_group
from rtl_tests.helpers.sim import simulate
from rtl_tests.helpers.zoo import CASES

PACKED = [case for case in CASES if case.plan().stages[0].compiled.packed]
TILES = 2
IDLE = {name: 0 for name in ("step", "first", "plane", "last", "tile", "frame", "index", "split")}


class Source:
    """The input map: a random word for every pixel that is asked for."""

    def __init__(self, plan, rng):
        self.compiled, self.rng, self.pixels = plan.stages[0].compiled, rng, {}
        self.bits = plan.shape.s // self.compiled.planes * self.compiled.planes

    def word(self, y, x, word):
        return self.pixels.setdefault((y, x, word), self.rng.getrandbits(self.bits))

    def part(self, row, output):
        """The pixels of one output's part of the region, as `Packer.compute` takes them."""
        gathering, (down, across) = self.compiled.gathering, self.compiled.pitch
        return {
            (r, c): [
                self.word(row * down + dy, output * across + gathering.left + c, word)
                for word in range(self.compiled.words)
            ]
            for r, dy in enumerate(gathering.rows)
            for c in range(gathering.width)
        }


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("case", PACKED, ids=lambda case: case.name)
def test_windows(case, close):
    plan = case.plan()
    timing, compiled, q = plan.stages[0].timing, plan.stages[0].compiled, plan.shape.q
    gathering, positions = compiled.gathering, compiled.stage.window
    unit, rng = Packer(plan), random.Random(case.name)
    source = Source(plan, rng)
    count = len(compiled.taps) * compiled.words
    cycles = []  # (words per lane, control) or None
    expected = {}  # cycle -> (word per lane, control)
    ended = -timing.spacing  # cycle of the last step of the group before
    for tile in range(TILES):
        for load in range(compiled.walked_groups):
            group = captured_group(plan, 0, load)
            for i in range(count):
                tap, word = divmod(i, compiled.words)
                while not close and rng.random() < 0.1:
                    cycles.append(None)
                last = i == count - 1 and group is not None
                while last and len(cycles) < ended + timing.spacing:  # the group before is still played
                    cycles.append(None)
                row, column = divmod(load * q, compiled.span)
                dy, dx = compiled.taps[tap]
                y, x = row * compiled.pitch[0] + dy, column * compiled.pitch[1] + dx
                words = [source.word(y, x + lane * compiled.pitch[1], word) for lane in range(q)]
                begins = load == i == 0
                control = {"step": 1, "first": i == 0, "last": last, "tile": begins, "frame": begins and not tile}
                cycles.append((words, {**IDLE, **control}))
            if group is None:
                continue
            ended = len(cycles) - 1
            row, first = divmod(group, gathering.row_groups)
            parts = [source.part(row, first * q + lane) for lane in range(q)]
            for number, position in enumerate(positions):
                played = [unit.compute(part, position) for part in parts]
                for i in range(compiled.array_steps):
                    plane, word = divmod(i, compiled.array_words)
                    begins = i == number == group == 0
                    control = {
                        "step": 1,
                        "first": int(i == 0),
                        "plane": int(word == 0 and i > 0),
                        "last": int(i == compiled.array_steps - 1),
                        "tile": int(begins),
                        "frame": int(begins and not tile),
                        "index": compiled.passes - 1 - plane,
                        "split": int(compiled.left > 0),
                    }
                    at = ended + unit.latency + number * timing.pace + i
                    expected[at] = ([lane[i] for lane in played], control)
    seen = {}

    async def bench(ctx):
        ctx.set(unit.packed, 1)
        for cycle in range(len(cycles) + timing.spacing + unit.latency + 2):
            entry = cycles[cycle] if cycle < len(cycles) else None
            words, control = entry or ([rng.getrandbits(plan.shape.s) for _ in range(q)], IDLE)
            ctx.set(unit.words, words)
            ctx.set(unit.control, {name: int(value) for name, value in control.items()})
            if ctx.get(unit.playing):
                window, played = ctx.get(unit.window), ctx.get(unit.played)
                seen[cycle] = ([window[lane] for lane in range(q)], {name: played[name] for name in IDLE})
            await ctx.tick()

    simulate(unit, bench, limit=len(cycles) + 2000)
    assert unit.latency == pipeline.PACK
    assert seen.keys() == expected.keys()
    assert all(seen[cycle] == expected[cycle] for cycle in seen)
    assert len(seen) == TILES * compiled.groups * len(positions) * compiled.array_steps


def test_cases():
    names = ["packed rgb", "ramps", "packed bipolar", "packed late", "packed apart", "two planes", "idle channels"]
    names.append("packed pairs")
    assert [case.name for case in PACKED] == names
    gatherings = [case.plan().stages[0].compiled.gathering for case in PACKED]
    assert {min(2, gathering.leads) for gathering in gatherings} == {0, 1, 2}
    assert any(len(case.plan().stages[0].compiled.stage.window) > 1 for case in PACKED)
    assert any(case.plan().stages[0].compiled.left for case in PACKED)
    assert any(gathering.width < gathering.step for gathering in gatherings)
