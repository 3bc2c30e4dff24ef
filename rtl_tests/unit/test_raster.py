"""The raster: every pixel of a map in order, at the place that its layout gives it."""

import pytest

from hwgen.hdl.raster import Raster
from hwgen.plan.layout import Layout, pitch
from rtl_tests.helpers.sim import simulate


def layout(height, width, words, step, span, banks):
    cells = pitch(width, step[1], span, banks)
    return Layout(base=0, height=height, width=width, words=words, planes=1, step=step, pitch=cells, banks=banks)


MAPS = [
    [(5, 7, 1, (1, 1), 5, 1)],
    [(5, 7, 2, (1, 1), 5, 3), (4, 4, 1, (4, 4), 1, 3), (1, 1, 3, (1, 1), 1, 3)],
    [(6, 9, 3, (2, 2), 3, 4), (5, 8, 1, (3, 1), 8, 4), (7, 5, 2, (1, 3), 2, 4)],
]


@pytest.mark.parametrize("maps", MAPS, ids=len)
def test_maps(maps):
    layouts = [layout(*of_map) for of_map in maps]
    unit = Raster([*layouts, None], 12)
    compared = 0

    async def bench(ctx):
        nonlocal compared
        for _ in range(2):
            for number, at in enumerate(layouts):
                ctx.set(unit.advance, 0)
                ctx.set(unit.map, number)
                ctx.set(unit.select, 1)
                await ctx.tick()
                ctx.set(unit.map, len(layouts))  # which does not count without `select`
                ctx.set(unit.select, 0)
                for y in range(at.height):
                    for x in range(at.width):
                        assert (ctx.get(unit.bank), ctx.get(unit.address)) == at.locate(y, x)
                        assert ctx.get(unit.row_last) == (x == at.width - 1)
                        assert ctx.get(unit.last) == ((y, x) == (at.height - 1, at.width - 1))
                        ctx.set(unit.advance, 0)
                        await ctx.tick()
                        ctx.set(unit.advance, 1)
                        await ctx.tick()
                        compared += 1

    simulate(unit, bench, limit=2000)
    assert compared == 2 * sum(at.height * at.width for at in layouts)


@pytest.mark.parametrize("step, width, banks, lanes", [(1, 7, 3, 3), (2, 10, 4, 4), (2, 16, 6, 6), (3, 12, 2, 6)])
def test_pairs(step, width, banks, lanes):
    """A paired map between two that are not: of a cell and the one to the right, pixel by pixel, `lanes` a group."""
    other = layout(3, 4, 1, (2, 2), 2, banks)
    at = layout(4, width, 3, (2, step), width // step, banks)
    unit = Raster([at, other], 12, pairs=True)
    turns = []  # first column of each, and whether there are two
    for group in range(0, width, lanes):
        for cell in range(group, group + lanes, 2 * step):
            two = cell + step < group + lanes
            turns += [(cell + i, two) for i in range(step) if cell < width]
    compared = 0

    async def bench(ctx):
        nonlocal compared
        for _ in range(2):
            for number in (1, 0):
                ctx.set(unit.advance, 0)
                ctx.set(unit.map, number)
                ctx.set(unit.select, 1)
                await ctx.tick()
                ctx.set(unit.select, 0)
                height, walked = (other.height, [(x, False) for x in range(4)]) if number else (at.height, turns)
                of_map = other if number else at
                for y in range(height):
                    for x, two in walked:
                        ctx.set(unit.pair, int(two))
                        last = x + step * two
                        assert (ctx.get(unit.bank), ctx.get(unit.address)) == of_map.locate(y, x)
                        if two:
                            assert ctx.get(unit.pair_inside) == (last < width)
                        if two and last < width:
                            assert (ctx.get(unit.pair_bank), ctx.get(unit.pair_address)) == of_map.locate(y, last)
                            compared += 1
                        assert ctx.get(unit.row_last) == ((x, two) == walked[-1])
                        assert ctx.get(unit.last) == ((x, two) == walked[-1] and y == height - 1)
                        ctx.set(unit.advance, 1)
                        await ctx.tick()
                        ctx.set(unit.advance, 0)

    simulate(unit, bench, limit=2000)
    assert compared == 2 * at.height * len([x for x, two in turns if two and x + step < width])
