"""The writer: codes of a group as words in memory, for P below, at and above S, one and several planes."""

import random

import pytest

from hwgen.hdl.writer import Writer
from rtl_tests.helpers.plans import captures
from rtl_tests.helpers.sim import simulate
from rtl_tests.helpers.zoo import CASES

NAMES = {"packed rgb": -1, "identities": -1, "sums": 0, "eight bits": 0, "dense only": 1, "points": 1}
"""Cases with P below (-1), at (0) and above (1) S."""


def expected_writes(plan, capture, codes):
    """[(address, columns, {part of the word: value} per bank)] of a complete pixel group."""
    p, s, q = plan.shape.p, plan.shape.s, plan.shape.q
    target = plan.stages[capture.stage].target
    columns, parts = max(1, s // p), max(1, p // s)
    width = s // columns
    writes = []
    for plane in range(capture.bits):
        for part in range(parts):
            enables = [c for c in range(columns) if c == capture.column or capture.tile_last and c > capture.column]
            words = []
            for lane in range(q):
                bits = [codes[i][lane] >> plane & 1 for i in range(p)][part * s : (part + 1) * s]
                value = sum(bit << i for i, bit in enumerate(bits))
                words.append({c: value if c == capture.column else 0 for c in enables})
            writes.append((capture.pointer + plane * target.plane_words + part, enables, words))
    return writes, columns, width


@pytest.mark.parametrize("name", NAMES)
def test_groups(name):
    plan = next(case for case in CASES if case.name == name).plan()
    p, s, q = plan.shape.p, plan.shape.s, plan.shape.q
    assert NAMES[name] == (p > s) - (p < s)
    rng = random.Random(name)
    unit = Writer(plan)
    groups = [c for c in captures(plan) if c.window_last and c.pointer is not None]
    groups = sorted(rng.sample(range(len(groups)), min(80, len(groups)))), groups
    groups = [groups[1][i] for i in groups[0]]
    written = 0

    async def bench(ctx):
        nonlocal written
        for group in groups:
            codes = [[rng.getrandbits(group.bits) for _ in range(q)] for _ in range(p)]
            for field in ("stage", "window_last", "tile_last", "column", "pointer"):
                ctx.set(getattr(unit, field), int(getattr(group, field)))
            ctx.set(unit.capture, 1)
            await ctx.tick()
            ctx.set(unit.capture, 0)
            for field in ("stage", "column", "pointer"):  # belong to the capture, not to what follows
                ctx.set(getattr(unit, field), 0)
            for _ in range(rng.randint(0, 3)):
                assert not ctx.get(unit.write)
                await ctx.tick()
            ctx.set(unit.codes, codes)
            ctx.set(unit.done, 1)
            writes, columns, width = expected_writes(plan, group, codes)
            for address, enables, words in writes:
                assert ctx.get(unit.write) == 1
                assert ctx.get(unit.address) == address
                assert ctx.get(unit.written_stage) == group.stage
                assert [c for c in range(columns) if ctx.get(unit.write_columns) >> c & 1] == enables
                for lane in range(q):
                    data = ctx.get(unit.data[lane])
                    assert {c: data >> (c * width) & ((1 << width) - 1) for c in enables} == words[lane]
                await ctx.tick()
                ctx.set(unit.done, 0)
                written += 1
            assert not ctx.get(unit.write)

    simulate(unit, bench, limit=3000)
    assert written == sum(plan.stages[g.stage].timing.written for g in groups)
    assert len(groups) >= 4
