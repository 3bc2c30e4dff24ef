"""Pooling of codes against its twin: every input, 1 to 4 bits."""

import itertools

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from hwgen.hdl import pool


@pytest.mark.parametrize("bits, cases", [(1, 16), (2, 64), (3, 256), (4, 1024)])
def test_every_input(bits, cases):
    module = Module()
    held, code, out, largest = (Signal(bits, name=name) for name in ("held", "code", "out", "largest"))
    first, minimum = Signal(), Signal()
    module.d.comb += [out.eq(pool.pool(held, code, first, minimum)), largest.eq(pool.pool(held, code, first, None))]
    compared = 0

    async def bench(ctx):
        nonlocal compared
        for h, c, f, m in itertools.product(range(1 << bits), range(1 << bits), (0, 1), (0, 1)):
            for signal, value in zip((held, code, first, minimum), (h, c, f, m), strict=True):
                ctx.set(signal, value)
            assert ctx.get(out) == pool.compute(h, c, f, m)
            assert ctx.get(largest) == pool.compute(h, c, f, False)
            compared += 1

    simulator = Simulator(module)
    simulator.add_testbench(bench)
    simulator.run()
    assert compared == cases
