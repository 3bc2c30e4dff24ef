"""ParameterLoader: rows in order, at the tightest spacing of swaps and at random ones, round and round."""

import random

import pytest
from amaranth import Signal
from amaranth.hdl import ResetInserter

from hwgen.hdl.parameters import ParameterLoader
from rtl_tests.helpers.sim import simulate

BITS = 9


def field(start, low, minimum, planes, pools_minimum):
    value = start & ((1 << BITS) - 1) | low << BITS
    return value | (minimum << (BITS + planes - 1) if pools_minimum else 0)


@pytest.mark.parametrize("tight", [True, False])
@pytest.mark.parametrize(
    "p, lanes, planes, pools_minimum", [(1, 1, 1, False), (4, 1, 3, True), (6, 2, 2, False), (4, 4, 8, True)]
)
@pytest.mark.parametrize("block", [True, False])
def test_tiles(tight, p, lanes, planes, pools_minimum, block):
    rng = random.Random(f"{tight},{p},{lanes},{planes}")
    tiles = [
        [(rng.randint(-256, 255), rng.getrandbits(planes - 1), rng.getrandbits(1)) for _ in range(p)] for _ in range(3)
    ]
    fields = [field(*channel, planes, pools_minimum) for tile in tiles for channel in tile]
    width = BITS + planes - 1 + pools_minimum
    rows = [sum(f << (i * width) for i, f in enumerate(fields[at : at + lanes])) for at in range(0, len(fields), lanes)]
    copies = -(-p // 3)
    unit = ParameterLoader(rows, p, lanes, BITS, planes, pools_minimum, block, copies)
    seen = []

    async def bench(ctx):
        for _ in range(10):
            for _ in range(p // lanes + (0 if tight else rng.randint(0, 5))):
                await ctx.tick()
            ctx.set(unit.swap, (1 << copies) - 1)
            await ctx.tick()
            ctx.set(unit.swap, 0)
            low = [ctx.get(unit.low[i]) for i in range(p)] if planes > 1 else [0] * p
            minimum = ctx.get(unit.minimum) if pools_minimum else 0
            seen.append([(ctx.get(unit.start[i]), low[i], minimum >> i & 1) for i in range(p)])

    async def settle(ctx):
        await ctx.tick()  # the first swap comes p / lanes + 1 cycles after reset at the earliest
        await bench(ctx)

    simulate(unit, settle, limit=300)
    expected = [[(s, low, m if pools_minimum else 0) for s, low, m in tiles[i % 3]] for i in range(10)]
    assert seen == expected


@pytest.mark.parametrize("cycle", range(8))
@pytest.mark.parametrize("p, lanes", [(4, 1), (6, 2), (2, 2)])
def test_after_a_reset_the_first_tile_comes_first(p, lanes, cycle):
    """Whatever was being fetched, and whatever registers without a reset hold of that."""
    tiles = [[tile * p + i + 1 for i in range(p)] for tile in range(3)]
    fields = [start for tile in tiles for start in tile]
    rows = [sum(f << (i * BITS) for i, f in enumerate(fields[at : at + lanes])) for at in range(0, len(fields), lanes)]
    unit, reset = ParameterLoader(rows, p, lanes, BITS, 1, False, True, 2), Signal()
    seen = []

    async def swap(ctx):
        for _ in range(p // lanes):
            await ctx.tick()
        ctx.set(unit.swap, 3)
        await ctx.tick()
        ctx.set(unit.swap, 0)

    async def bench(ctx):
        await ctx.tick()
        await swap(ctx)
        await swap(ctx)
        for _ in range(cycle):
            await ctx.tick()
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await ctx.tick()
        for _ in tiles:
            await swap(ctx)
            seen.append([ctx.get(unit.start[i]) for i in range(p)])

    simulate(ResetInserter(reset)(unit), bench, limit=60)
    assert seen == tiles
