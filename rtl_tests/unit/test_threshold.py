"""The threshold unit: binary search against counting, and whole frames of captures against the twins."""

import random
from bisect import bisect_right

import numpy as np
import pytest

from hwgen.hdl import pool
from hwgen.hdl.threshold import ThresholdUnit, divide, search
from hwgen.integers import signed, unsigned
from hwgen.layers import Flatten, MaxPool
from hwgen.plan.schedule import ring_length
from hwgen.plan.style import Style
from rtl_tests.helpers.model import threshold_rows
from rtl_tests.helpers.networks import Chain
from rtl_tests.helpers.plans import captures, plan_for
from rtl_tests.helpers.sim import simulate


@pytest.mark.parametrize("bits", range(1, 9))
def test_search_counts(bits):
    rng = random.Random(bits)
    compared = 0
    for _ in range(40):
        thresholds = sorted(rng.randint(-50, 50) for _ in range((1 << bits) - 1))
        for value in (-60, 60, rng.randint(-50, 50), rng.choice(thresholds), rng.choice(thresholds) - 1):
            assert search(value, [None, *thresholds], bits) == bisect_right(thresholds, value)
            compared += 1
    assert compared == 200


@pytest.mark.parametrize("bits", range(1, 9))
def test_divide_counts(bits):
    rng = random.Random(bits)
    compared = 0
    for _ in range(40):
        base, slope = rng.randint(-500, 500), rng.choice((0, 1, 3, 17))
        thresholds = [base + k * slope for k in range(1, 1 << bits)]
        row = [*(slope << k for k in range(bits)), base]
        for value in (base - 600, base + 6000, rng.randint(-500, 500), rng.choice(thresholds), thresholds[0] - 1):
            if value >= base or slope:
                assert divide(value, row, bits) == bisect_right(thresholds, value)
                compared += 1
    assert compared > 150


def network(bits, evenly=False):
    """1-bit, `bits`-bit and again 1-bit stages; pools by largest and smallest before and after.

    `evenly`: two stages' thresholds are evenly spaced, those of a third are not.
    """
    chain = Chain(np.random.default_rng(bits), (1, 6, 6), unsigned(8))
    chain.convolution(7, (2, 2)).threshold(unsigned(1))
    chain.convolution(9, (2, 2)).add(MaxPool(window=(2, 1), stride=(2, 1), minimum=np.arange(9) % 2 == 0))
    if evenly:
        chain.ramp(unsigned(bits)).convolution(6, (1, 1)).ramp(signed(5))
    else:
        chain.threshold(unsigned(bits))
    chain.convolution(5, (1, 2)).threshold(signed(2)).add(MaxPool(window=(1, 2), stride=(1, 1)))
    chain.convolution(3, (1, 1)).threshold(unsigned(1))
    chain.add(Flatten(order="CHW")).dense(2)
    return chain.network(f"threshold {bits}")


class Naive:
    """Codes of captures in order, from the thresholds on the accumulator of each channel."""

    def __init__(self, plan):
        self.plan = plan
        self.held = {}
        self.rows = threshold_rows(plan)

    def minimum(self, capture):
        least = self.plan.stages[capture.stage].compiled.stage.minimum
        first = capture.tile * self.plan.shape.p
        return [first + i < len(least) and bool(least[first + i]) for i in range(self.plan.shape.p)]

    def values(self, capture, rng):
        """Accumulators on, just below and away from thresholds."""
        shape, first = self.plan.shape, capture.tile * self.plan.shape.p
        if capture.mode not in ("search", "ramp"):
            return [[rng.randint(-3, 3) for _ in range(shape.q)] for _ in range(shape.p)]
        planned = self.plan.stages[capture.stage]
        rows = self.rows[capture.stage][first : first + shape.p]
        reach, shift = planned.compiled.reach, self.plan.threshold_shift

        def near(row):
            """A value of the accumulator at or next to a threshold."""
            threshold = (
                row[-1] + rng.randrange(1 << capture.bits) * row[0] if capture.mode == "ramp" else rng.choice(row[1:])
            )
            return min(max(-(-threshold >> shift) + rng.choice((-1, 0, 0, 2)), -reach), reach)

        return [[near(row) for _ in range(shape.q)] for row in rows]

    def codes(self, capture, accumulators):
        first = capture.tile * self.plan.shape.p
        minimum = self.minimum(capture)
        for i, lanes in enumerate(accumulators):
            for j, value in enumerate(lanes):
                if capture.mode == "sign":
                    code = int(value >= 0)
                else:
                    find = divide if capture.mode == "ramp" else search
                    row = self.rows[capture.stage][first + i]
                    code = find(value << self.plan.threshold_shift, row, capture.bits)
                self.held[i, j] = pool.compute(self.held.get((i, j), 0), code, capture.window_first, minimum[i])
        return [[self.held[i, j] for j in range(len(accumulators[0]))] for i in range(len(accumulators))]


@pytest.mark.parametrize("cells", ["generic", "ecp5"])
@pytest.mark.parametrize(
    "bits, array, lanes, evenly",
    [(1, (4, 4, 1), 2, False), (2, (2, 4, 2), 1, False), (3, (4, 4, 1), 2, False), (4, (4, 2, 2), 4, False)]
    + [(5, (6, 6, 1), 1, False), (6, (2, 2, 3), 2, False), (7, (2, 4, 1), 1, False), (8, (8, 2, 1), 4, False)]
    + [(5, (2, 2, 3), 2, True), (6, (6, 6, 1), 1, True), (8, (16, 2, 1), 4, True)],
)
def test_frames(bits, array, lanes, evenly, cells):
    style = Style(cells=cells)
    plan = plan_for(network(bits, evenly), *array, threshold_lanes=lanes, style=style)
    assert [s.compiled.mode for s in plan.stages].count("ramp") == 2 * evenly
    unit, naive, rng = ThresholdUnit(plan), Naive(plan), random.Random(bits)
    assert plan.threshold_lanes == lanes
    ring = ring_length(plan.shape, lanes)
    frame = list(captures(plan))
    compared = 0

    async def bench(ctx):
        nonlocal compared
        for capture in frame * 2:
            accumulators = naive.values(capture, rng)
            ctx.set(unit.accumulators, accumulators)
            ctx.set(unit.minimum, sum(m << i for i, m in enumerate(naive.minimum(capture))))
            for field in ("stage", "tile_ends", "frame_ends", "window_first", "window_last"):
                ctx.set(getattr(unit, field), int(getattr(capture, field)))
            ctx.set(unit.capture, 1)
            await ctx.tick()
            ctx.set(unit.capture, 0)
            ctx.set(unit.accumulators, [[~value for value in row] for row in accumulators])  # belong to the capture
            if capture.mode == "logits":
                continue
            latency = {"sign": 1, "search": capture.bits * ring + 2, "ramp": (capture.bits + 1) * ring + 2}[
                capture.mode
            ] + style.drain_registers
            for _ in range(latency - 1):
                assert not ctx.get(unit.done)
                await ctx.tick()
            expected = naive.codes(capture, accumulators)
            assert ctx.get(unit.done) == capture.window_last
            if capture.window_last:
                codes = ctx.get(unit.codes)
                # Of a sign, the bits above are those of another stage.
                mask = 1 if capture.mode == "sign" else -1
                assert [[c & mask for c in row] for row in codes] == expected
                compared += 1

    simulate(unit, bench, limit=100 * len(frame) * plan.code_bits)
    assert compared == 2 * sum(c.window_last and c.mode != "logits" for c in frame) > 20
