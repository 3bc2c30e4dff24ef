"""The reader: words, masks and borders of every kind of step, against the tap table read in plain Python."""

import random
from dataclasses import replace

import pytest

from hwgen.hdl.reader import Reader
from hwgen.plan import pipeline
from hwgen.plan.style import Style
from rtl_tests.helpers.model import fetch
from rtl_tests.helpers.plans import control_word, steps
from rtl_tests.helpers.sim import simulate
from rtl_tests.helpers.zoo import CASES

PER_STAGE = 250
"""Steps of a stage that are issued, chosen by chance, and the last one of every group, from which the lanes go on."""


@pytest.mark.parametrize("style", [Style(), Style(cells="ecp5", stages=2)], ids=["generic", "registers"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_steps(case, style):
    plan = replace(case.plan(), style=style)
    rng = random.Random(case.name)
    unit = Reader(plan)
    q, mask = plan.shape.q, (1 << plan.address_bits) - 1
    memory = [[rng.getrandbits(plan.shape.s) for _ in range(mask + 1)] for _ in range(q)]
    issued = []
    for stage in range(len(plan.stages)):
        for place in (0, 1) if stage == 0 else (0,):
            every = list(steps(plan, stage, place))
            chosen = set(rng.sample(range(len(every)), min(PER_STAGE, len(every))))
            issued += [(s, i == len(every) - 1) for i, s in enumerate(every) if i in chosen or s.group_last]
    compared = outside = 0
    image_reads = []

    async def bench(ctx):
        nonlocal compared, outside
        pending = [[0] * q] * (1 + style.port_registers)  # bank data of the addresses of this cycle and those before
        for cycle in range(len(issued) + unit.latency):
            if cycle < len(issued):
                step, done = issued[cycle]
                ctx.set(unit.control_in, control_word(plan, step))
                ctx.set(unit.stage_done, int(done))
                ctx.set(unit.following, issued[(cycle + 1) % len(issued)][0].stage)
                ctx.set(unit.group_done, int(step.group_last))
                ctx.set(unit.tile_done, int(step.tile_last))
                for port in ("stage", "entry"):
                    ctx.set(getattr(unit, port), getattr(step, port))
                ctx.set(unit.address, step.address & mask)
            else:
                ctx.set(unit.control_in, {"step": 0})
                for port in ("stage_done", "group_done", "tile_done"):
                    ctx.set(getattr(unit, port), 0)
            for bank in range(q):
                ctx.set(unit.bank_data[bank], pending[0][bank])
            if ctx.get(unit.image_read):
                image_reads.append(cycle - unit.latency)
            if cycle >= unit.latency:
                step, _ = issued[cycle - unit.latency]
                words, valid = fetch(plan, step, lambda bank, address: memory[bank][address & mask])
                assert [ctx.get(unit.valid) >> lane & 1 for lane in range(q)] == valid
                assert [ctx.get(unit.words[lane]) for lane in range(q)] == words, step
                control = ctx.get(unit.control)
                assert {name: control[name] for name in control_word(plan, step)} == control_word(plan, step)
                assert ctx.get(unit.packed) == (step.stage == 0 and plan.stages[0].compiled.packed)
                compared += q
                outside += valid.count(False)
            pending = [*pending[1:], [memory[bank][ctx.get(unit.bank_address[bank])] for bank in range(q)]]
            await ctx.tick()

    simulate(unit, bench, limit=len(issued) + 20)
    assert unit.latency == pipeline.READ + style.address_registers + 2 + style.read_registers
    assert image_reads == [i for i, (step, done) in enumerate(issued) if done and step.stage == 0]
    assert compared == len(issued) * q
    masked = any(planned.compiled.border == "mask" for planned in plan.stages)
    assert (outside > 0) == masked
