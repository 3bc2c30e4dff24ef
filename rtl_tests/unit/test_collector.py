"""The collector's counters against plain nested loops, for two frames."""

import random

import pytest

from hwgen.hdl.collector import Collector
from rtl_tests.helpers.plans import captures
from rtl_tests.helpers.sim import simulate
from rtl_tests.helpers.zoo import CASES

FIELDS = ("stage", "window_first", "window_last", "tile_last", "tile_ends", "frame_ends")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_captures(case):
    plan = case.plan()
    unit = Collector(plan)
    expected = list(captures(plan)) * 2
    rng = random.Random(case.name)
    compared = 0

    async def bench(ctx):
        nonlocal compared
        for capture in expected:
            while rng.random() < 0.1:
                await ctx.tick()
            ctx.set(unit.capture, 1)
            assert {name: ctx.get(getattr(unit, name)) for name in FIELDS} == {
                name: int(getattr(capture, name)) for name in FIELDS
            }
            if capture.bits:
                assert (ctx.get(unit.column), ctx.get(unit.word)) == (capture.column, capture.word)
            await ctx.tick()
            ctx.set(unit.capture, 0)
            compared += 1

    simulate(unit, bench, limit=2 * len(expected) + 10)
    groups = sum(s.compiled.tiles * s.compiled.groups * len(s.compiled.stage.window) for s in plan.stages)
    assert compared == 2 * groups
