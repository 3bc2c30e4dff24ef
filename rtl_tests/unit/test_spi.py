"""SPI at its lines, and the host's end of it, which drives them."""

import random
import threading
from collections.abc import Callable
from queue import Queue

import numpy as np
import pytest
from amaranth.sim import Simulator

from hwgen.hdl.shells.spi import Peripheral, SPIShell
from hwgen.host import Device, SPILine, protocol
from hwgen.host.spi import GIVES, TAKES
from tests.helpers.c_host import Library, Problem, SPIHost
from tests.helpers.dummy_core import DummyCore


class Bus:
    """The host's end of SPI lines in Amaranth's simulator; half a bit is `half` cycles."""

    def __init__(self, lines, half: int):
        self.lines, self.half = lines, half

    async def transfer(self, ctx, data: bytes, bits: int | None = None) -> bytes:
        """Bytes out and in; only the first `bits` of them, where that is given."""
        ctx.set(self.lines.select, 0)
        await ctx.tick().repeat(4)
        made = 0
        for i in range(8 * len(data) if bits is None else bits):
            ctx.set(self.lines.copi, data[i // 8] >> (7 - i % 8) & 1)
            await ctx.tick().repeat(self.half)
            ctx.set(self.lines.clock, 1)
            made = made << 1 | ctx.get(self.lines.cipo)
            assert ctx.get(self.lines.selected)
            await ctx.tick().repeat(self.half)
            ctx.set(self.lines.clock, 0)
        await ctx.tick().repeat(self.half)
        ctx.set(self.lines.select, 1)
        await ctx.tick().repeat(4)
        assert not ctx.get(self.lines.selected)
        return made.to_bytes(len(data), "big") if bits is None else b""


def simulate(device, bench, *background):
    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    for one in background:
        simulator.add_testbench(one, background=True)
    simulator.run()


@pytest.mark.parametrize("half", (4, 5, 9))
@pytest.mark.parametrize("stall", (0.0, 0.01, 0.9))
def test_bytes_both_ways_where_either_end_may_wait(half, stall):
    """What a host that heeds the flags gives is what is received, and the other way round: none lost, none doubled."""
    device, rng = Peripheral(), random.Random(half)
    bus = Bus(device, half)
    given, sent = rng.randbytes(40), rng.randbytes(40)
    received, came = bytearray(), bytearray()

    async def bench(ctx):
        await ctx.tick()
        at = 0
        while at < len(given) or len(came) < len(sent):
            burst = [given[at]] if at < len(given) and rng.random() < 0.7 else [None]
            data = bytes(v for b in burst for v in ((0, 0) if b is None else (GIVES, b)))
            flags, byte = await bus.transfer(ctx, data)
            if flags & GIVES:
                came.append(byte)
            if burst[0] is not None and flags & TAKES:
                at += 1
            assert not flags & ~(GIVES | TAKES)
        await ctx.tick().repeat(1200)

    async def take(ctx):
        cycle = 0
        while True:
            cycle += 1
            held = stall and cycle % 1000 < 500  # for some exchanges
            ctx.set(device.received.ready, not held and rng.random() >= stall)
            _, _, valid, ready, byte = await ctx.tick().sample(
                device.received.valid, device.received.ready, device.received.payload
            )
            if valid and ready:
                received.append(byte)

    async def give(ctx):
        for byte in sent:
            while rng.random() < stall:
                await ctx.tick().repeat(20)
            ctx.set(device.sent.payload, byte)
            ctx.set(device.sent.valid, 1)
            await ctx.tick().until(device.sent.ready)
            ctx.set(device.sent.valid, 0)
        while True:
            await ctx.tick()

    simulate(device, bench, take, give)
    assert bytes(received) == given and bytes(came) == sent


@pytest.mark.parametrize("bits", range(1, 16))
def test_exchange_that_breaks_off_is_none(bits):
    device = Peripheral()
    bus = Bus(device, 4)

    async def bench(ctx):
        ctx.set(device.sent.payload, 0x5A)
        ctx.set(device.sent.valid, 1)
        await ctx.tick()
        await bus.transfer(ctx, bytes([GIVES, 0xC3]), bits)
        assert not ctx.get(device.received.valid)
        assert await bus.transfer(ctx, bytes([GIVES, 0x81, 0, 0])) == bytes([GIVES | TAKES, 0x5A, GIVES, 0x5A])
        assert ctx.get(device.received.valid) and ctx.get(device.received.payload) == 0x81

    simulate(device, bench)


class Board:
    """`SPIShell` in a thread: `transfer` for a host outside the simulation."""

    def __init__(self, core: DummyCore):
        self.shell = SPIShell(core)
        self.asked: Queue[bytes | None] = Queue()
        self.answered: Queue[bytes] = Queue()
        self.thread = threading.Thread(target=simulate, args=(self.shell, self._bench))

    def __enter__(self) -> Callable[[bytes], bytes]:
        self.thread.start()
        return self.transfer

    def __exit__(self, *exception):
        self.asked.put(None)
        self.thread.join()

    def transfer(self, data: bytes) -> bytes:
        self.asked.put(data)
        return self.answered.get(timeout=60)

    async def _bench(self, ctx):
        bus = Bus(self.shell.spi, 4)
        while (data := self.asked.get()) is not None:
            self.answered.put(await bus.transfer(ctx, data))
            await ctx.tick().repeat(50)


def test_driver_over_spi():
    core = DummyCore((1, 3, 4))
    images = np.random.default_rng(1).integers(0, 256, (3, 3, 4, 1), np.uint8)
    with Board(core) as transfer:
        device = Device(SPILine(transfer), patience=60)
        assert device.identity.image_shape == (1, 3, 4)
        expected = [core.compute(image.tobytes()) for image in images]
        assert list(device.classify_all(images)) == expected
        assert device.classify(images[0]) == expected[0]


class Harm:
    """Turns a bit of one in ten transfers, both ways."""

    def __init__(self, transfer: Callable[[bytes], bytes]):
        self.inner, self.rng, self.done = transfer, random.Random(3), 0

    def _harmed(self, data: bytes) -> bytes:
        made = bytearray(data)
        if self.rng.random() < 0.1:
            self.done += 1
            made[self.rng.randrange(len(made))] ^= 1 << self.rng.randrange(8)
        return bytes(made)

    def transfer(self, data: bytes) -> bytes:
        return self._harmed(self.inner(self._harmed(data)))


def test_driver_over_spi_that_does_harm():
    core = DummyCore((1, 3, 4))
    images = np.random.default_rng(2).integers(0, 256, (4, 3, 4, 1), np.uint8)
    with Board(core) as transfer:
        harm = Harm(transfer)
        device = Device(SPILine(harm.transfer), patience=20)
        assert list(device.classify_all(images)) == [core.compute(image.tobytes()) for image in images]
    assert harm.done > 2


@pytest.mark.parametrize("harmful", [False, True])
def test_host_in_c_over_spi(harmful, tmp_path):
    core = DummyCore((1, 3, 4))
    library = Library.of(core, tmp_path)
    images = [image.tobytes() for image in np.random.default_rng(4).integers(0, 256, (4, 12), np.uint8)]
    with Board(core) as transfer:
        harm = Harm(transfer)
        host = SPIHost(library, harm.transfer if harmful else transfer, patience=200).open()
        assert list(host.classify_all(images)) == [core.compute(image) for image in images]
        assert host.self_test() == core.compute(protocol.test_image(core.samples, core.pixel_bits))
        host.transfer = lambda sent: None
        with pytest.raises(Problem, match="GONE"):
            host.classify(images[0])
    assert (harm.done > 2) == harmful
