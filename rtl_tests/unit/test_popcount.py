"""All popcounts against their twin: every input at small widths, random ones at large ones; and their cells."""

import itertools
import random

import pytest

from hwgen.hdl.ecp5 import CarryChain
from hwgen.hdl.pe import KINDS
from hwgen.hdl.popcount import CarryXnorPopcount, XnorPopcount
from hwgen.hdl.popcount_model import ModelXnorPopcount
from hwgen.plan.compressor import counter, registered_levels
from hwgen.plan.style import Style
from rtl_tests.helpers.sim import drive_lanes, simulate


def popcount(lanes, style, shift=0):
    return KINDS[style.cells].popcount_kind(lanes, style, shift)


def check(lanes, style, cases, shift=0):
    """Compares the unit, and its model, with `compute`, one case a cycle; the number of cases compared."""
    unit, model = popcount(lanes, style, shift), ModelXnorPopcount(lanes, style, shift)
    assert model.latency == unit.latency
    return min(compare(each, cases) for each in (unit, model))


def compare(unit, cases):
    seen = []

    async def bench(ctx):
        for cycle in range(len(cases) + unit.latency):
            if cycle >= unit.latency:
                seen.append(ctx.get(unit.count) + ctx.get(unit.carry))
            drive_lanes(ctx, unit, unit, cases, cycle)
            await ctx.tick()

    simulate(unit, bench, limit=len(cases) + unit.latency + 2)
    assert seen == [unit.compute(*case) for case in cases]
    return len(seen)


@pytest.mark.parametrize("cells", ["generic", "ice40", "ecp5", "gowin"])
@pytest.mark.parametrize("lanes, stages, cases", [(2, 1, 32), (4, 1, 512), (4, 2, 512), (6, 2, 8192)])
def test_every_input(lanes, stages, cases, cells):
    values = range(1 << lanes)
    assert check(lanes, Style(cells=cells, stages=stages), list(itertools.product(values, values, (0, 1)))) == cases


@pytest.mark.parametrize("cells", ["generic", "ice40", "ecp5", "gowin"])
@pytest.mark.parametrize(
    "lanes, stages", [(10, 3), (16, 1), (30, 2), (62, 4), (64, 1), (64, 3), (64, 9), (126, 5), (128, 2)]
)
def test_random_inputs(lanes, stages, cells):
    rng = random.Random(lanes)
    ones = (1 << lanes) - 1
    cases = [(0, 0, 1), (0, ones, 1), (ones, 0, 1), (ones, ones, 1), (ones, ones, 0)]
    cases += [(rng.getrandbits(lanes), rng.getrandbits(lanes), int(rng.random() < 0.9)) for _ in range(295)]
    assert check(lanes, Style(cells=cells, stages=stages), cases) == 300


@pytest.mark.parametrize("cells", ["generic", "ice40", "ecp5", "gowin"])
@pytest.mark.parametrize(
    "lanes, stages, shift", [(8, 1, 1), (8, 2, 4), (16, 1, 4), (16, 3, 2), (64, 2, 4), (128, 4, 3)]
)
def test_left_lanes_that_count_more(lanes, stages, shift, cells):
    rng, style = random.Random(lanes), Style(cells=cells, stages=stages)
    ones = (1 << lanes) - 1
    cases = [(w, a, 1, split) for w in (0, ones) for a in (0, ones) for split in (0, 1)] + [(ones, ones, 0, 1)]
    while len(cases) < 300:
        cases.append((rng.getrandbits(lanes), rng.getrandbits(lanes), int(rng.random() < 0.9), rng.getrandbits(1)))
    assert check(lanes, style, cases, shift) == 300
    left = (1 << style.left_lanes(lanes)) - 1
    assert left.bit_length() == lanes // 2 - (cells != "generic")
    unit, same = popcount(lanes, style, shift), 0 if cells == "ecp5" else ones
    assert unit.compute(ones, same, 1, True) - unit.compute(ones, same) == left.bit_count() * ((1 << shift) - 1)


@pytest.mark.parametrize("cells", ["generic", "ice40", "ecp5", "gowin"])
def test_twin_is_half_the_inner_product(cells):
    rng, inverted = random.Random(3), 4095 if cells == "ecp5" else 0
    for _ in range(200):
        weights, activations = rng.getrandbits(12), rng.getrandbits(12)
        product = sum((2 * (weights >> i & 1) - 1) * (2 * (activations >> i & 1) - 1) for i in range(12))
        assert 2 * popcount(12, Style(cells=cells)).compute(weights, activations ^ inverted) == product


@pytest.mark.parametrize("lanes", [0, 1, 3])
def test_odd_lanes_are_refused(lanes):
    with pytest.raises(ValueError, match=f"lanes is an even number, not {lanes}"):
        XnorPopcount(lanes, Style())


@pytest.mark.parametrize("size", [*range(1, 40), 63, 127, 255])
def test_a_counter_takes_every_bit_once(size):
    tree = counter(size)
    bits = [node.bit for node in tree.adders() if node.bit is not None]
    bits += [part.bit for node in tree.adders() for part in node.parts if not part.parts]
    assert sorted(bits) == list(range(size)) if size > 1 else tree.bit == 0
    assert tree.size == size and tree.level == (
        size.bit_length() - 1 if size in (1, 3, 7, 15, 31, 63, 127, 255) else tree.level
    )
    for node in tree.adders():
        assert node.size == sum(part.size for part in node.parts) + (node.bit is not None)


def test_registers_stand_evenly_and_behind_the_last_level():
    assert registered_levels(5, 1) == (5,)
    assert registered_levels(5, 2) == (2, 5)
    assert registered_levels(5, 3) == (1, 3, 5)
    assert registered_levels(2, 9) == (1, 2)


@pytest.mark.parametrize(
    "lanes, stages, shift, chains",
    [(16, 1, 0, 1), (64, 2, 0, 2), (64, 1, 0, 2), (128, 2, 0, 4), (256, 3, 0, 7), (128, 1, 4, 4), (128, 1, 8, 4)],
)
def test_carry_chains_have_a_longest(lanes, stages, shift, chains, monkeypatch):
    lengths = []
    close = CarryChain.close
    monkeypatch.setattr(CarryChain, "close", lambda self, m: (lengths.append(len(self)), close(self, m)))
    popcount(lanes, Style(cells="ecp5", stages=stages), shift).elaborate(None)
    assert max(lengths) <= CarryXnorPopcount.LONGEST
    assert len([length for length in lengths if length]) == chains
