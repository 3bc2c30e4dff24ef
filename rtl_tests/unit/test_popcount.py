"""XnorPopcount against its twin: every input at small widths, random ones at 64 lanes."""

import itertools
import random

import pytest

from hwgen.hdl.popcount import XnorPopcount
from hwgen.plan import pipeline
from rtl_tests.helpers.sim import respond


def check(lanes, cases):
    """Compares the unit with `compute`, one case a cycle; the number of cases compared."""
    unit = XnorPopcount(lanes)

    def drive(ctx, case):
        for port, value in zip((unit.weights, unit.activations, unit.valid), case, strict=True):
            ctx.set(port, value)

    seen = respond(unit, cases, drive, lambda ctx: ctx.get(unit.count), unit.latency)
    assert seen == [unit.compute(*case) for case in cases]
    return len(seen)


def test_latency():
    assert XnorPopcount.latency == pipeline.POPCOUNT == 1


@pytest.mark.parametrize("lanes, cases", [(2, 32), (4, 512), (6, 8192)])
def test_every_input(lanes, cases):
    values = range(1 << lanes)
    assert check(lanes, list(itertools.product(values, values, (0, 1)))) == cases


@pytest.mark.parametrize("lanes", [10, 64])
def test_random_inputs(lanes):
    rng = random.Random(lanes)
    ones = (1 << lanes) - 1
    cases = [(0, 0, 1), (0, ones, 1), (ones, 0, 1), (ones, ones, 1), (ones, ones, 0)]
    cases += [(rng.getrandbits(lanes), rng.getrandbits(lanes), rng.random() < 0.9) for _ in range(995)]
    assert check(lanes, cases) == 1000


def test_twin_is_half_the_inner_product():
    rng = random.Random(3)
    for _ in range(200):
        weights, activations = rng.getrandbits(12), rng.getrandbits(12)
        product = sum((2 * (weights >> i & 1) - 1) * (2 * (activations >> i & 1) - 1) for i in range(12))
        assert 2 * XnorPopcount(12).compute(weights, activations) == product


@pytest.mark.parametrize("lanes", [0, 1, 3])
def test_odd_lanes_are_refused(lanes):
    with pytest.raises(ValueError, match=f"lanes is an even number, not {lanes}"):
        XnorPopcount(lanes)
