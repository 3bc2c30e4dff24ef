"""The array against one twin per processing element: captures, their latency, exchange of parameters."""

import random

import pytest
from amaranth import ResetInserter, Signal

from hwgen.hdl.array import Array
from hwgen.hdl.pe import processing_element
from hwgen.plan.style import Style
from rtl_tests.helpers.sim import simulate

BITS, PLANES, CAPTURES = 14, 3, 40


STYLES = [
    Style(), Style(stages=3),
    Style(cells="ice40"), Style(cells="ice40", stages=2),
    Style(cells="gowin"), Style(cells="gowin", stages=2),
    Style(cells="ecp5"), Style(cells="ecp5", stages=2),
]  # fmt: skip


SHAPES = [(1, 2, 1), (2, 6, 3), (4, 4, 2), (2, 16, 1), (18, 2, 2)]
CASES = [(*shape, style, 0) for style in STYLES for shape in SHAPES]
CASES += [(*shape, style, 2) for style in STYLES for shape in SHAPES if style.left_lanes(shape[1])]


@pytest.mark.parametrize("p, s, q, style, shift", CASES, ids=str)
def test_captures(p, s, q, style, shift):
    rng = random.Random(f"{p},{s},{q}")
    array = Array(p, s, q, BITS, PLANES, pools_minimum=True, style=style, shift=shift)
    twin = processing_element(s, BITS, True, style, shift)
    inverted = (1 << s) - 1 if style.cells == "ecp5" else 0
    plan, parameters = [], None  # per cycle: inputs, control, parameters; and the captures expected
    expected = []
    for capture in range(CAPTURES):
        tile = capture == 0 or rng.random() < 0.4
        if tile:
            parameters = {
                "start": [rng.randint(-200, 200) for _ in range(p)],
                "low": [rng.getrandbits(PLANES - 1) for _ in range(p)],
                "minimum": rng.getrandbits(p),
            }
        planes, steps = rng.randint(1, PLANES), rng.randint(1, 4)
        split = int(shift > 0 and rng.random() < 0.5)
        words = [
            [(rng.getrandbits(p * s), [rng.getrandbits(s) for _ in range(q)], rng.getrandbits(q)) for _ in range(steps)]
            for _ in range(planes)
        ]
        for k in range(planes):
            for i, inputs in enumerate(words[k]):
                control = {
                    "step": 1,
                    "first": int(k == 0 and i == 0),
                    "plane": int(k > 0 and i == 0),
                    "last": int(k == planes - 1 and i == steps - 1),
                    "tile": int(tile and k == 0 and i == 0),
                    "frame": 0,
                    "split": split,
                    "index": planes - 1 - k,
                }
                plan.append((inputs, control, parameters))
                if rng.random() < 0.2:
                    plan.append((inputs, {**control, "step": 0}, parameters))

        def lane(word, p_, q_, split=split):
            weights, activations, valid = word
            return weights >> (p_ * s) & ((1 << s) - 1), activations[q_] ^ inverted, valid >> q_ & 1, split

        accumulators = [
            [
                twin.compute(
                    parameters["start"][i],
                    [[lane(word, i, j) for word in plane] for plane in words],
                    parameters["low"][i],
                )
                for j in range(q)
            ]
            for i in range(p)
        ]
        expected.append((accumulators, parameters["minimum"]))
    lasts = [i for i, (_, control, _) in enumerate(plan) if control["step"] and control["last"]]
    swaps = [i for i, (_, control, _) in enumerate(plan) if control["step"] and control["tile"]]
    captures, swapped = {}, []

    async def bench(ctx):
        idle = {name: 0 for name in plan[0][1]}
        for cycle in range(len(plan) + array.latency + 1):
            inputs, control, _ = plan[cycle] if cycle < len(plan) else (None, idle, None)
            if 0 <= cycle - style.spread_registers < len(plan):
                ctx.set(array.weights, plan[cycle - style.spread_registers][0][0])
            if inputs is not None:
                for i, word in enumerate(inputs[1]):
                    ctx.set(array.activations[i], word)
                ctx.set(array.valid, inputs[2])
            ctx.set(array.control, control)
            assert ctx.get(array.swap) in (0, (1 << array.copies) - 1)
            if ctx.get(array.swap):
                swapped.append(cycle)
            if ctx.get(array.capture):
                values = [[ctx.get(array.accumulators[i][j]) for j in range(q)] for i in range(p)]
                captures[cycle] = (values, ctx.get(array.pool_minimum))
            await ctx.tick()
            if swapped and swapped[-1] == cycle:  # as the loader does: new parameters from the edge of `swap` on
                new = plan[cycle - array.latency + 2][2]
                for i in range(p):
                    ctx.set(array.start[i], new["start"][i])
                    ctx.set(array.low[i], new["low"][i])
                ctx.set(array.minimum, new["minimum"])

    simulate(array, bench, limit=len(plan) + 20)
    early = array.latency - 2  # the parameters are wanted where the accumulators start
    assert swapped == [cycle + early for cycle in swaps]
    assert captures == {last + array.latency: e for last, e in zip(lasts, expected, strict=True)}
    assert len(captures) == CAPTURES


@pytest.mark.parametrize("style", STYLES, ids=str)
@pytest.mark.parametrize("cycle", range(6))
def test_a_reset_ends_all_steps(style, cycle):
    """Whatever was on its way, in copies without a reset too: what was not captured by then never is."""
    array, reset = Array(18, 2, 2, BITS, PLANES, pools_minimum=True, style=style), Signal()
    captures = []

    async def bench(ctx):
        await ctx.tick()
        for name in ("step", "first", "last", "tile"):
            ctx.set(getattr(array.control, name), 1)
        for _ in range(cycle):
            await ctx.tick()
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(array.control.step, 0)
        for _ in range(array.latency + 3):
            captures.append(ctx.get(array.capture))
            captures.append(ctx.get(array.swap))
            await ctx.tick()

    simulate(ResetInserter(reset)(array), bench, limit=40)
    assert captures == [0] * 2 * (array.latency + 3)
