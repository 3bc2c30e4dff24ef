"""The emitter: logits of every kind, the class, ties, and a result stream that stalls."""

import numpy as np
import pytest

from hwgen.hdl.emitter import Emitter
from hwgen.integers import BIPOLAR, signed, unsigned
from hwgen.layers import Flatten
from rtl_tests.helpers.networks import Chain
from rtl_tests.helpers.plans import plan_for
from rtl_tests.helpers.sim import random_gaps, simulate, stream_get

FRAMES = 40


def network(kind, logits):
    chain = Chain(np.random.default_rng(logits), (2, 1, 4), unsigned(8))
    chain.lookup(BIPOLAR if kind == "bipolar" else unsigned(3), 1).add(Flatten(order="CHW"))
    chain.dense(logits)
    if kind == "codes":
        chain.threshold(unsigned(3))
    if kind == "scale":
        chain.scale(signed(6), shift=5)
    return chain.network(kind)


@pytest.mark.parametrize("stalls", [False, True])
@pytest.mark.parametrize(
    "array, logits", [((4, 4, 1), 10), ((4, 4, 2), 4), ((1, 2, 2), 3), ((8, 4, 1), 1), ((2, 4, 2), 9)]
)
@pytest.mark.parametrize("kind, shift", [("unsigned", 0), ("bipolar", 1), ("codes", -1), ("scale", 0)])
def test_frames(kind, shift, array, logits, stalls):
    plan = plan_for(network(kind, logits), *array)
    p, count = plan.shape.p, plan.logits.count
    assert (plan.logits.shift, plan.logits.multiplier is None) == (shift, kind != "scale")
    rng = np.random.default_rng(logits)
    # Few values, so that ties are common; with a scale, values that saturate too.
    spread = (1 << plan.accumulator_bits - 1) - 1 if kind == "scale" else 3
    low = max(-spread, plan.network.logits.range.minimum >> 1)
    accumulators = rng.integers(low, spread + 1, (FRAMES, -(-count // p) * p))
    if kind == "scale":
        accumulators[1::2] = accumulators[1::2] // 20
    unit = Emitter(plan)
    taken = []

    async def feed(ctx):
        for frame in accumulators:
            for tile in range(0, len(frame), p):
                ctx.set(unit.accumulators, [int(v) for v in frame[tile : tile + p]])
                ctx.set(unit.capture, 1)
                await ctx.tick()
                ctx.set(unit.capture, 0)
                ctx.set(unit.accumulators, [0] * p)
                done = False
                while not done:
                    _, _, done = await ctx.tick().sample(unit.done)

    async def take(ctx):
        gaps = random_gaps(rng, 0.4, 5) if stalls else lambda: 0
        taken.extend(await stream_get(ctx, unit.result, FRAMES * (count + 1), gaps))

    simulate(unit, feed, take, limit=FRAMES * (count + 8) * 8)
    expected = plan.logits.compute(accumulators[:, :count])
    values = np.array([word.value for word in taken]).reshape(FRAMES, count + 1)
    last = np.array([word.last for word in taken]).reshape(FRAMES, count + 1)
    assert (values[:, :-1] == expected).all()
    assert (values[:, -1] == expected.argmax(axis=1)).all()  # NumPy's argmax gives the lowest index, too
    assert (last == [0] * count + [1]).all()
    ties = (expected == expected.max(axis=1, keepdims=True)).sum(axis=1) > 1
    assert ties.sum() >= 5 or count == 1
