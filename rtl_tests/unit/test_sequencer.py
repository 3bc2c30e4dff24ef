"""The sequencer: its steps against nested loops, its cycles against the plan, and what holds it back."""

import numpy as np
import pytest

from hwgen.hdl.sequencer import Sequencer
from hwgen.plan import pipeline
from rtl_tests.helpers.networks import random_network, random_shape
from rtl_tests.helpers.plans import control_word, plan_for, steps
from rtl_tests.helpers.sim import simulate
from rtl_tests.helpers.zoo import CASES

MOST_CYCLES = 3000
PORTS = ("stage", "entry", "address", "group_done", "tile_done")
CHOSEN = [case for case in CASES if case.plan().cycles <= MOST_CYCLES]


def observed(plan, limit, frames, *, image=lambda cycle: 1, result_busy=lambda cycle: 0):
    """Runs `frames` frames: [(cycle, control, *PORTS)] of the steps, [cycles] of the stages.

    Results leave at one a cycle, as they do when nobody holds them back.
    """
    unit = Sequencer(plan)
    issued, stages = [], []

    async def bench(ctx):
        cycle = active = tile = free = 0
        while len(stages) < frames * len(plan.stages):
            ctx.set(unit.image, image(cycle))
            ctx.set(unit.result_busy, int(cycle < free or result_busy(cycle)))
            active += ctx.get(unit.active)
            control = ctx.get(unit.control)
            if control.step:
                ports = (
                    ctx.get(getattr(unit, name)) for name in ("stage", "entry", "address", "group_done", "tile_done")
                )
                issued.append((cycle, control, *ports))
            assert ctx.get(unit.result_sent) == (
                control.step and control.last and ctx.get(unit.stage) == len(plan.stages) - 1
            )
            if ctx.get(unit.result_sent):
                left = plan.logits.count - tile * plan.shape.p
                free = cycle + pipeline.capture(plan.array_latency) + 1 + min(left, plan.shape.p)  # the tile's logits
                tile = 0 if left <= plan.shape.p else tile + 1
            if ctx.get(unit.stage_done):
                stages.append(active)
                active = 0
            await ctx.tick()
            cycle += 1

    simulate(unit, bench, limit=limit)
    return issued, stages


def check_steps(plan, issued, frames):
    mask = (1 << plan.address_bits) - 1
    expected = (step for f in range(frames) for i in range(len(plan.stages)) for step in steps(plan, i, f % 2))
    compared = 0
    for (_, control, *ports), step in zip(issued, expected, strict=True):
        word = control_word(plan, step)
        assert {name: control[name] for name in word} == word, step
        assert ports == [step.stage, step.entry, step.address & mask, step.group_last, step.tile_last]
        compared += 1
    assert compared == frames * sum(
        c.tiles * c.walked_groups * c.windows * c.steps for c in (s.compiled for s in plan.stages)
    )


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_frames(case):
    plan = case.plan()
    issued, stages = observed(plan, 3 * plan.cycles + 300, 2)
    check_steps(plan, issued, 2)
    assert stages == plan.cycles_per_stage * 2
    second = next(i for i, (_, control, *_) in enumerate(issued) if i and control.frame)
    assert issued[second][0] - issued[0][0] == plan.cycles + plan.idle


@pytest.mark.parametrize("seed", [34, 78, 129, 199])
def test_short_frames(seed):
    """Networks so short that a frame has to wait for what the one before left behind: its result, its parameters."""
    shape = random_shape(np.random.default_rng(seed + 10**6))
    plan = plan_for(random_network(seed), shape.p, shape.s, shape.q)
    assert plan.idle
    issued, stages = observed(plan, 1000, 3)
    assert stages == plan.cycles_per_stage * 3
    frames = [cycle for cycle, control, *_ in issued if control.frame]
    assert np.diff(frames).tolist() == [plan.cycles + plan.idle] * 2


def test_held_back():
    """Without an image no frame begins; while a result waits no further one is sent. The steps stay the same."""
    plan = next(case for case in CASES if case.name == "single layer").plan()
    image_from, busy = 60, range(75, 140)
    issued, _ = observed(
        plan, 1000, 2, image=lambda cycle: int(cycle >= image_from), result_busy=lambda cycle: int(cycle in busy)
    )
    check_steps(plan, issued, 2)
    assert issued[0][0] == image_from
    assert not any(control.last and cycle in busy for cycle, control, *_ in issued)
    assert any(control.last and cycle == busy.stop for cycle, control, *_ in issued)


def test_cases():
    names = ["dense only", "sums", "identities", "single layer", "eight bits", "points", "wider codes", "packed late"]
    names += ["packed apart", "two planes", "idle channels", "packed pairs", "window only"]
    assert [case.name for case in CHOSEN] == names
