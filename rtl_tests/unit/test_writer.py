"""The writer: codes of a group as words in memory, for P below, at and above S, one and several planes."""

import random

import pytest

from hwgen.hdl.writer import Writer
from rtl_tests.helpers.plans import captures, output_pixels
from rtl_tests.helpers.sim import simulate
from rtl_tests.helpers.zoo import CASES

NAMES = {"packed rgb": -1, "identities": -1, "sums": 0, "eight bits": 0, "dense only": 1, "points": 1}
"""Cases with P below (-1), at (0) and above (1) S."""

SHORTENED = ("packed rgb",)
"""Those of them where the last group of a map has lanes beyond it."""


def expected_writes(plan, capture, codes):
    """[(bank, address, columns, {part of the word: value})] of a complete pixel group."""
    p, s = plan.shape.p, plan.shape.s
    target = plan.stages[capture.stage].target
    columns, parts = max(1, s // p), max(1, p // s)
    enables = [c for c in range(columns) if c == capture.column or capture.tile_last and c > capture.column]
    writes = []
    for lane, pixel in enumerate(output_pixels(plan, capture.stage, capture.group)):
        for plane in range(capture.bits if pixel else 0):
            for part in range(parts):
                bits = [codes[i][lane] >> plane & 1 for i in range(p)][part * s : (part + 1) * s]
                value = sum(bit << i for i, bit in enumerate(bits))
                bank, address = target.locate(*pixel, capture.word + part, plane)
                writes.append((bank, address, enables, {c: value if c == capture.column else 0 for c in enables}))
    return writes


@pytest.mark.parametrize("name", NAMES)
def test_groups(name):
    plan = next(case for case in CASES if case.name == name).plan()
    p, s, q = plan.shape.p, plan.shape.s, plan.shape.q
    assert NAMES[name] == (p > s) - (p < s)
    rng = random.Random(name)
    unit = Writer(plan)
    columns = max(1, s // p)
    width = s // columns
    groups = [c for c in captures(plan) if c.window_last and c.bits]
    written = shortened = 0

    async def bench(ctx):
        nonlocal written, shortened
        for group in groups:
            codes = [[rng.getrandbits(group.bits) for _ in range(q)] for _ in range(p)]
            for field in ("stage", "window_last", "tile_last", "column", "word"):
                ctx.set(getattr(unit, field), int(getattr(group, field)))
            ctx.set(unit.capture, 1)
            await ctx.tick()
            ctx.set(unit.capture, 0)
            for field in ("stage", "column", "word"):  # belong to the capture, not to what follows
                ctx.set(getattr(unit, field), 0)
            for _ in range(rng.randint(0, 3)):
                assert not ctx.get(unit.write)
                await ctx.tick()
            ctx.set(unit.codes, codes)
            ctx.set(unit.done, 1)
            writes = expected_writes(plan, group, codes)
            for bank, address, enables, values in writes:
                await ctx.tick()
                ctx.set(unit.done, 0)
                assert ctx.get(unit.write) == 1
                assert (ctx.get(unit.bank), ctx.get(unit.address)) == (bank, address)
                assert ctx.get(unit.written_stage) == group.stage
                assert [c for c in range(columns) if ctx.get(unit.write_columns) >> c & 1] == enables
                data = ctx.get(unit.data)
                assert {c: data >> (c * width) & ((1 << width) - 1) for c in enables} == values
                written += 1
            shorter = plan.stages[group.stage].timing.written - len(writes)
            for _ in range(shorter + 1):  # lanes beyond the map pass without a write
                await ctx.tick()
                assert not ctx.get(unit.write)
            shortened += shorter > 0

    simulate(unit, bench, limit=20000)
    sizes = [(plan.stages[g.stage], g) for g in groups]
    assert written == sum(
        planned.timing.written // planned.compiled.lanes
        for planned, group in sizes
        for pixel in output_pixels(plan, group.stage, group.group)
        if pixel
    )
    assert len(groups) >= 4
    assert (shortened > 0) == (name in SHORTENED)
