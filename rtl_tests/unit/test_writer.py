"""The writer: codes of a group as words in memory, for P below, at and above S, one and several planes."""

import random

import pytest

from hwgen.hdl.writer import Writer
from hwgen.plan.style import Style
from rtl_tests.helpers.plans import captures, output_pixels
from rtl_tests.helpers.sim import simulate
from rtl_tests.helpers.zoo import CASES

NAMES = {"packed rgb": -1, "identities": -1, "sums": 0, "eight bits": 0, "dense only": 1, "points": 1}
PAIRED = {"packed late": -1, "packed pairs": 1}
"""Cases with P below (-1), at (0) and above (1) S; in those that are paired two pixels are written at a time."""

SHORTENED = ("packed rgb", "packed late", "packed pairs")
"""Those of them where the last group of a map, or of a row, has lanes beyond it."""


def expected_writes(plan, capture, codes):
    """For every turn that is not beyond the map, for every cycle of it: what each of the turn's pixels has written,
    (bank, address, columns, {part of the word: value}), or None for one beyond it."""
    p, s = plan.shape.p, plan.shape.s
    target = plan.stages[capture.stage].target
    columns, parts = max(1, s // p), max(1, p // s)
    enables = [c for c in range(columns) if c == capture.column or capture.tile_last and c > capture.column]
    pixels = output_pixels(plan, capture.stage, capture.group)

    def write(lane, plane, part):
        if pixels[lane] is None:
            return None
        bits = [codes[i][lane] >> plane & 1 for i in range(p)][part * s : (part + 1) * s]
        value = sum(bit << i for i, bit in enumerate(bits))
        bank, address = target.locate(*pixels[lane], capture.word + part, plane)
        return bank, address, enables, {c: value if c == capture.column else 0 for c in enables}

    return [
        [write(lane, plane, part) for lane in turn]
        for turn in plan.stages[capture.stage].compiled.turns
        if pixels[turn[0]]
        for plane in range(capture.bits)
        for part in range(parts)
    ]


@pytest.mark.parametrize("cells", ["generic", "ecp5"])
@pytest.mark.parametrize("name", [*NAMES, *PAIRED])
def test_groups(name, cells):
    plan = next(case for case in CASES if case.name == name).plan(style=Style(cells=cells))
    p, s, q = plan.shape.p, plan.shape.s, plan.shape.q
    assert {**NAMES, **PAIRED}[name] == (p > s) - (p < s)
    assert plan.writes == (2 if name in PAIRED else 1)
    rng = random.Random(name)
    unit = Writer(plan)
    columns = max(1, s // p)
    width = s // columns
    groups = [c for c in captures(plan) if c.window_last and c.bits]
    written = shortened = paired = 0

    async def bench(ctx):
        nonlocal written, shortened, paired
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
                assert not any(ctx.get(port.enable) for port in unit.writes)
                await ctx.tick()
            ctx.set(unit.codes, codes)
            ctx.set(unit.done, 1)
            writes = expected_writes(plan, group, codes)
            for turn in writes:
                await ctx.tick()
                ctx.set(unit.done, 0)
                assert ctx.get(unit.written_stage) == group.stage
                seen = []
                for port in unit.writes:
                    enables = [c for c in range(columns) if ctx.get(port.columns) >> c & 1]
                    word = ctx.get(port.data)
                    values = {c: word >> (c * width) & ((1 << width) - 1) for c in enables}
                    there = ctx.get(port.enable)
                    seen.append((ctx.get(port.bank), ctx.get(port.address), enables, values) if there else None)
                assert seen == turn + [None] * (plan.writes - len(turn))
                written += len([write for write in turn if write])
                paired += None not in seen and len(turn) == 2
            shorter = plan.stages[group.stage].timing.written - len(writes)
            for _ in range(shorter + 1):  # lanes beyond the map pass without a write
                await ctx.tick()
                assert not any(ctx.get(port.enable) for port in unit.writes)
            shortened += shorter > 0

    simulate(unit, bench, limit=20000)
    sizes = [(plan.stages[g.stage], g) for g in groups]
    assert written == sum(
        planned.pixel_words
        for planned, group in sizes
        for pixel in output_pixels(plan, group.stage, group.group)
        if pixel
    )
    assert len(groups) >= 4
    assert (paired > 0) == (name in PAIRED)
    assert (shortened > 0) == (name in SHORTENED)
