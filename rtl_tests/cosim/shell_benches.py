"""cocotb tests of the shells of buses, run inside the simulator by test_shells.py; which shell it is the ports tell.

Images and results go through the AXI4-Stream source and sink of cocotbext-axi, with random pauses, while the registers
are read. What the accelerator should do comes in a file, `expected.npz`, made from the golden model and the plan.
"""

import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Combine
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from hwgen.hdl import csr
from hwgen.hdl.shells.bus import NO_CLASS, STREAM, STREAM_MISFRAMED
from rtl_tests.cosim.buses import AXI, Wishbone, pauses, watch

EXPECTED = np.load(os.environ["HWGEN_EXPECTED"])
IMAGES = [image.astype(np.uint8).tobytes() for image in EXPECTED["images"]]
ANSWERS = np.column_stack([EXPECTED["logits"], EXPECTED["classes"]]).tolist()
PLANNED = EXPECTED["cycles"].tolist()
MODEL = dict(EXPECTED["registers"].tolist())[csr.Register.MODEL]
LIMIT = dict(timeout_time=2, timeout_unit="ms")


class Bench:
    """The shell with a master on its bus, a source of images and a sink of results."""

    def __init__(self, dut, seed):
        random.seed(seed)
        dut._log.info("seed %s", seed)
        self.bus = bus = (AXI if hasattr(dut, "aclk") else Wishbone)(dut)
        reset = dict(reset=bus.reset, reset_active_level=bool(bus.active))
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), bus.clock, **reset)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), bus.clock, **reset)
        self.watched = [*bus.watched, (dut.m_axis_tvalid, dut.m_axis_tready, [dut.m_axis_tdata, dut.m_axis_tlast])]
        bus.reset.value = bus.active
        cocotb.start_soon(Clock(bus.clock, 10, unit="ns").start())

    @classmethod
    async def started(cls, dut, seed):
        bench = cls(dut, seed)
        await bench.reset()
        resetting = lambda: int(bench.bus.reset.value) == bench.bus.active  # noqa: E731
        cocotb.start_soon(watch(bench.bus.clock, resetting, bench.watched))
        return bench

    async def cycles(self, count):
        await ClockCycles(self.bus.clock, count)

    async def reset(self):
        """Through the reset port."""
        self.bus.reset.value = self.bus.active
        await self.cycles(2)
        self.bus.reset.value = 1 - self.bus.active
        await self.cycles(1)

    async def result(self) -> list[int]:
        """The next words up to a tlast: a list of [logit, ..., class]."""
        frame = await self.sink.recv()
        return np.frombuffer(bytes(frame.tdata), "<i4").tolist()

    async def frames(self, indices):
        """Sends images, takes their results meanwhile, and compares."""
        for index in indices:
            self.source.send_nowait(AxiStreamFrame(IMAGES[index]))
        assert [await self.result() for _ in indices] == [ANSWERS[index] for index in indices]
        assert self.sink.empty()
        return len(indices)

    async def layers(self):
        return [await self.bus.read(csr.layer_cycles(i)) for i in range(len(PLANNED))]


@cocotb.test(**LIMIT)
async def registers(dut):
    """Every register; what is written to those that are read-only, or to bytes of CONTROL without the bit, is lost."""
    bench = await Bench.started(dut, 1)
    assert await bench.frames([0]) == 1
    expected = {
        **dict(EXPECTED["registers"].tolist()),
        csr.Register.FRAMES: 1,
        STREAM: 0,
        **{csr.layer_cycles(i): cycles for i, cycles in enumerate(PLANNED)},
        csr.layer_cycles(len(PLANNED)): 0,
        STREAM - 1: 0,
    }
    for _ in range(3):
        order = random.sample(list(expected), len(expected))
        assert {r: await bench.bus.read(r) for r in order} == {r: expected[r] for r in order}
        for register in order:
            strobes = random.choice([0b1110, 0b0110, 0]) if register == csr.Register.CONTROL else 0b1111
            await bench.bus.write(register, 0xFFFFFFFF, strobes)
    await bench.bus.write(csr.Register.CONTROL, 0xFFFFFFFE)
    assert await bench.bus.read(csr.Register.FRAMES) == 1
    await bench.bus.write(csr.Register.CONTROL, csr.CONTROL_SOFT_RESET, 0b0001)
    assert await bench.bus.read(csr.Register.FRAMES) == 0


@cocotb.test(**LIMIT)
@cocotb.parametrize(shares=[(0.0, 0.0), (0.6, 0.0), (0.0, 0.8), (0.5, 0.5)])
async def frames_with_pauses(dut, shares):
    """Results are golden's and cycles the plan's, while reads and writes of registers go on."""
    bench = await Bench.started(dut, str(shares))
    for end, share in zip((bench.source, bench.sink), shares, strict=True):
        if share:
            end.set_pause_generator(pauses(share))
    counts = []

    async def reads():
        while True:
            counts.append(await bench.bus.read(csr.Register.FRAMES))

    async def writes():
        while True:
            await bench.bus.write(csr.Register.MODEL, random.getrandbits(32))

    background = [cocotb.start_soon(reads()), cocotb.start_soon(writes())]
    assert await bench.frames([0, 1, 2, 2, 0]) == 5
    for task in background:
        task.cancel()
    assert counts == sorted(counts) and set(counts) >= {0, 1, 2, 3, 4}


@cocotb.test(**LIMIT)
async def counters_after_frames(dut):
    bench = await Bench.started(dut, 3)
    assert await bench.frames([0, 2]) == 2
    assert await bench.bus.read(csr.Register.FRAMES) == 2
    assert await bench.layers() == PLANNED


@cocotb.test(**LIMIT)
async def reads_beside_writes(dut):
    """Several of both at a time, as fast as the bus takes them: each read gives its own register."""
    bench = await Bench.started(dut, 4)
    values = {csr.Register.MAGIC: csr.MAGIC, csr.Register.MODEL: MODEL, csr.Register.CONTROL: 0}

    async def reads():
        for _ in range(40):
            register = random.choice(list(values))
            assert await bench.bus.read(register) == values[register]

    async def writes():
        for _ in range(40):
            await bench.bus.write(random.choice(list(values)), 0)

    await Combine(*(cocotb.start_soon(each()) for each in (reads, writes) for _ in range(3)))


@cocotb.test(**LIMIT)
@cocotb.parametrize(how=["port", "register"], moment=["loading", "computing", "sending"])
async def reset_in_mid_frame(dut, how, moment):
    """What was in flight is dropped, and what comes next is right; a soft reset ends a result that had begun."""
    bench = await Bench.started(dut, how + moment)
    cut = []
    if moment == "loading":
        bench.source.send_nowait(AxiStreamFrame(IMAGES[1][: len(IMAGES[1]) // 2]))
        await bench.source.wait()
        assert await bench.bus.read(STREAM) == STREAM_MISFRAMED
    else:
        bench.sink.pause = True
        bench.source.send_nowait(AxiStreamFrame(IMAGES[1]))
        await bench.source.wait()
        await bench.cycles(sum(PLANNED) // 3)
        assert await bench.bus.read(csr.Register.STATUS) == csr.STATUS_BUSY
    if moment == "sending":
        await bench.cycles(sum(PLANNED))
        bench.sink.pause = False
        await bench.cycles(4)
        bench.sink.pause = True
        await bench.cycles(6)
    if how == "port":
        await bench.reset()
    else:
        await bench.bus.write(csr.Register.CONTROL, csr.CONTROL_SOFT_RESET)
        await bench.cycles(3)
    bench.sink.pause = False
    if (how, moment) == ("register", "sending"):
        *cut, last = await bench.result()
        assert last == NO_CLASS - (1 << 32)
        assert 1 < len(cut) < len(ANSWERS[1]) and cut == ANSWERS[1][: len(cut)]
    assert [await bench.bus.read(r) for r in (csr.Register.STATUS, csr.Register.FRAMES, STREAM)] == [0, 0, 0]
    bench.sink.set_pause_generator(pauses())
    assert await bench.frames([0, 1, 1]) == 3
    assert await bench.bus.read(csr.Register.FRAMES) == 3


@cocotb.test(**LIMIT)
async def soft_reset_at_any_word(dut):
    """However much of a result has left: it comes whole, or ends without a class, or does not come at all."""
    bench = await Bench.started(dut, 6)
    bench.sink.set_pause_generator(pauses(0.7))
    seen = set()
    for waits in range(0, 240, 8):
        bench.source.send_nowait(AxiStreamFrame(IMAGES[2]))
        await bench.source.wait()
        await bench.cycles(sum(PLANNED[:-1]) + waits)
        await bench.bus.write(csr.Register.CONTROL, csr.CONTROL_SOFT_RESET)
        await bench.cycles(60)
        words = [await bench.result() for _ in range(bench.sink.count())]
        for result in words:
            assert result == ANSWERS[2] or (result[-1] == -1 and result[:-1] == ANSWERS[2][: len(result) - 1])
        seen.add(tuple(len(result) for result in words))
    assert await bench.frames([0, 1]) == 2
    assert seen >= {(), (len(ANSWERS[2]),)} and len(seen) > 3 and max(map(len, seen)) == 1


@cocotb.test(**LIMIT)
@cocotb.parametrize(samples=[-1, 1, 0])
async def last_at_another_sample(dut, samples):
    """The shell says that images are not framed as they should be; a soft reset takes that back."""
    bench = await Bench.started(dut, samples)
    bench.source.send_nowait(AxiStreamFrame((IMAGES[0] + IMAGES[1])[: len(IMAGES[0]) + samples]))
    await bench.source.wait()
    await bench.cycles(2)
    assert await bench.bus.read(STREAM) == (STREAM_MISFRAMED if samples else 0)
    assert await bench.bus.read(csr.Register.STATUS) in (0, csr.STATUS_BUSY)
    await bench.bus.write(csr.Register.CONTROL, csr.CONTROL_SOFT_RESET)
    assert await bench.bus.read(STREAM) == 0
    assert await bench.frames([0]) == 1
    assert await bench.bus.read(STREAM) == 0
