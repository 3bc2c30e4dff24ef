"""Memories: tables, the weight memory's own addressing, and the banks of activations."""

import random

import pytest

from hwgen.hdl.buffers import ActivationMemory, Table, WeightMemory
from rtl_tests.helpers.plans import control_word, steps
from rtl_tests.helpers.sim import respond, simulate
from rtl_tests.helpers.zoo import CASES


@pytest.mark.parametrize("depth, width, block", [(1, 3, False), (7, 12, True), (64, 40, True)])
def test_table(depth, width, block):
    rng = random.Random(depth)
    rows = [rng.getrandbits(width) for _ in range(depth)]
    table = Table(rows, width, block)
    addresses = [rng.randrange(depth) for _ in range(100)]
    seen = respond(table, addresses, lambda ctx, a: ctx.set(table.address, a), lambda ctx: ctx.get(table.data), 1)
    assert table.latency == 1
    assert seen == [rows[a] for a in addresses]


@pytest.mark.parametrize("parts, registered, rows", [(1, False, None), (2, True, None), (2, True, 8), (1, True, 4)])
@pytest.mark.parametrize("name, words", [("dense only", 470), ("points", 1376), ("sums", 5040)])
def test_weight_memory(name, words, parts, registered, rows):
    """Two frames: every step reads the word of its stage, tile, tap and channel word, whatever the plane."""
    plan = next(case for case in CASES if case.name == name).plan()
    unit = WeightMemory(plan.weights, plan.shape.p * plan.shape.s, plan.planes, parts, registered, rows)
    rng = random.Random(name)
    idle = {name: 0 for name in ("step", "first", "plane", "last", "tile", "frame", "index")}
    controls, expected = [], []
    for _ in range(2):
        base = 0
        for stage, planned in enumerate(plan.stages):
            compiled = planned.compiled
            assert not compiled.packed
            for step in steps(plan, stage):
                while rng.random() < 0.05:
                    controls.append({**idle, "first": rng.getrandbits(1)})
                    expected.append(None)
                controls.append(control_word(plan, step))
                at = step.tap * compiled.words + step.word
                expected.append(plan.weights[base + step.tile * compiled.weight_words + at])
            base += compiled.weight_words * compiled.tiles
    latency = 1 + 3 * registered
    seen = respond(unit, controls, lambda ctx, c: ctx.set(unit.control, c), lambda ctx: ctx.get(unit.weights), latency)
    pairs = [(s, e) for s, e in zip(seen, expected, strict=True) if e is not None]
    assert all(s == e for s, e in pairs)
    assert len(pairs) == words
    assert unit.latency == latency


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize(
    "banks, lanes, columns, depth, parts", [(1, 4, 1, 2, 1), (3, 8, 4, 30, 1), (4, 6, 2, 17, 1), (2, 12, 2, 20, 3)]
)
def test_activation_memory(banks, lanes, columns, depth, parts, registered, count):
    rng = random.Random(f"{banks}{lanes}{columns}")
    unit = ActivationMemory(banks, lanes, columns, depth, parts, registered, count)
    memory = [[0] * depth for _ in range(banks)]
    width = lanes // columns
    reads = 0
    asked = []  # what is not there yet

    async def bench(ctx):
        nonlocal reads
        for _ in range(800):
            addresses = [rng.randrange(depth) for _ in range(banks)]
            first = rng.randrange(banks)
            writes = [
                {
                    "enable": rng.getrandbits(1) if k < banks else 0, "bank": (first + k) % banks,
                    "address": rng.randrange(depth),
                    "columns": rng.getrandbits(columns), "data": rng.getrandbits(lanes),
                }
                for k in range(count)
            ]  # fmt: skip
            ctx.set(unit.read_address, addresses)
            for write, port in zip(writes, unit.writes, strict=True):
                for name, value in write.items():
                    ctx.set(getattr(port, name), value)
            written = [write["address"] for write in writes if write["enable"]]
            asked.append([(memory[bank][address], address not in written) for bank, address in enumerate(addresses)])
            await ctx.tick()
            answered = asked.pop(0) if len(asked) > registered else []
            for bank, (expected, certain) in enumerate(answered):
                if certain:  # the schedule never reads what is being written
                    assert ctx.get(unit.read_data[bank]) == expected
                    reads += 1
            for write in writes:
                if write["enable"]:
                    chosen = [c for c in range(columns) if write["columns"] >> c & 1]
                    mask = sum(((1 << width) - 1) << (c * width) for c in chosen)
                    words, address = memory[write["bank"]], write["address"]
                    words[address] = words[address] & ~mask | write["data"] & mask

    simulate(unit, bench, limit=1000)
    assert reads > 300 * banks
