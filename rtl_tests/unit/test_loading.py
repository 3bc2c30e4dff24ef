"""Rows that come byte by byte, into the table and to the address that they name."""

import random

import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hwgen.hdl.buffers import Table
from hwgen.hdl.loading import RowLoader

SHAPES = [(5, 12), (3, 40), (8, 3)]
"""Rows and bits of each table."""
ROW_BYTES = 5


class Loaded(wiring.Component):
    """Tables behind a `RowLoader`, all of it with a reset."""

    def __init__(self):
        rng = random.Random(1)
        self.contents = [[rng.getrandbits(width) for _ in range(rows)] for rows, width in SHAPES]
        self.tables = [Table(rows, width, True, True) for rows, (_, width) in zip(self.contents, SHAPES, strict=True)]
        self.loader = RowLoader(self.tables, ROW_BYTES, 0xC0FFEE)
        self.reset = Signal()
        super().__init__({"shift": In(1), "data": In(8), "commit": In(1), "word": Out(32)})

    def elaborate(self, platform):
        m, inside = Module(), Module()
        inside.submodules.loader = self.loader
        for i, table in enumerate(self.tables):
            inside.submodules[f"table_{i}"] = table
        m.submodules.inside = ResetInserter(self.reset)(inside)
        m.d.comb += [
            self.loader.load.shift.eq(self.shift),
            self.loader.load.data.eq(self.data),
            self.loader.load.commit.eq(self.commit),
            self.word.eq(self.loader.word),
        ]
        return m


async def send(ctx, device, number, address, row, commit=True):
    for byte in bytes([number]) + address.to_bytes(2, "little") + row.to_bytes(ROW_BYTES, "little"):
        ctx.set(device.data, byte)
        ctx.set(device.shift, 1)
        await ctx.tick()
        ctx.set(device.shift, 0)
        await ctx.tick().repeat(2)
    ctx.set(device.commit, commit)
    await ctx.tick()
    ctx.set(device.commit, 0)
    await ctx.tick().repeat(2)


async def contents(ctx, device):
    found = []
    for table, (rows, _) in zip(device.tables, SHAPES, strict=True):
        found.append([])
        for address in range(rows):
            ctx.set(table.address, address)
            await ctx.tick().repeat(1)
            await ctx.tick().repeat(1)
            found[-1].append(ctx.get(table.data))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_rows_go_where_they_say(seed):
    device, rng = Loaded(), random.Random(seed)
    expected = [list(rows) for rows in device.contents]

    async def bench(ctx):
        assert await contents(ctx, device) == expected and ctx.get(device.word) == 0xC0FFEE
        for _ in range(12):
            number = rng.randrange(len(SHAPES))
            rows, width = SHAPES[number]
            address, row = rng.randrange(rows), rng.getrandbits(width)
            commit = rng.random() < 0.7
            await send(ctx, device, number, address, row, commit)
            if commit:
                expected[number][address] = row
            assert await contents(ctx, device) == expected
        await send(ctx, device, len(SHAPES), 0, 0x12345678)
        ctx.set(device.reset, 1)
        await ctx.tick().repeat(2)
        ctx.set(device.reset, 0)
        await ctx.tick()
        assert ctx.get(device.word) == 0x12345678, "a reset does not bring the first network's rows back"
        assert await contents(ctx, device) == expected

    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
