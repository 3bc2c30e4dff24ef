"""cocotb tests of the accelerator, run inside the simulator by test_accelerator.py.

Whole frames are handed to small coroutines; the clock runs in the simulator. What the accelerator should do comes in
a file, `expected.npz`, made from the golden model and the plan.
"""

import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Combine, FallingEdge, ReadOnly, RisingEdge

from hwgen.hdl import csr

EXPECTED = np.load(os.environ["HWGEN_EXPECTED"])
IMAGES = EXPECTED["images"]
ANSWERS = np.column_stack([EXPECTED["logits"], EXPECTED["classes"]]).tolist()
PLANNED = EXPECTED["cycles"].tolist()
LIMIT = dict(timeout_time=20, timeout_unit="ms")


async def start(dut, seed):
    """Clock, and a reset through the rst pin."""
    random.seed(seed)
    dut._log.info("seed %s", seed)
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    for port in (dut.image__valid, dut.image__payload, dut.result__ready):
        port.value = 0
    for port in (dut.csr__address, dut.csr__read, dut.csr__write, dut.csr__write_data):
        port.value = 0
    await reset(dut)


async def reset(dut):
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0


async def accepted(dut, port):
    """Until the edge at which a transfer takes place."""
    while True:
        await ReadOnly()
        taken = port.value == 1
        await RisingEdge(dut.clk)
        if taken:
            return


async def put_images(dut, indices, stall=0.0, samples=None):
    """Sends images, or the first `samples` samples of them, each after a random pause."""
    stream = np.concatenate([IMAGES[i].reshape(-1) for i in indices])[:samples].tolist()
    for sample in stream:
        if stall and random.random() < stall:
            await ClockCycles(dut.clk, random.randint(1, 8))
        dut.image__valid.value = 1
        dut.image__payload.value = sample
        await accepted(dut, dut.image__ready)
        dut.image__valid.value = 0


async def get_results(dut, frames, stall=0.0):
    """Takes `frames` results: a list of [logit, ..., class]; checks `last` and that a waiting word does not change."""
    results = []
    while len(results) < frames:
        words, last = [], 0
        while not last:
            if stall and random.random() < stall:
                dut.result__ready.value = 0
                await ClockCycles(dut.clk, random.randint(1, 60))
                await ReadOnly()
                waiting = dut.result__valid.value == 1, dut.result__payload.value
                await FallingEdge(dut.clk)
                if waiting[0]:
                    assert dut.result__payload.value == waiting[1]
            dut.result__ready.value = 1
            while True:
                await ReadOnly()
                valid, payload = dut.result__valid.value == 1, dut.result__payload.value
                await RisingEdge(dut.clk)
                if valid:
                    break
            bits = payload.to_unsigned()
            value, last = bits & 0xFFFFFFFF, bits >> 32
            words.append(value - (value >> 31 << 32))
        results.append(words)
    dut.result__ready.value = 0
    return results


async def read_register(dut, address):
    dut.csr__address.value = int(address)
    dut.csr__read.value = 1
    await ClockCycles(dut.clk, 1)
    dut.csr__read.value = 0
    await ClockCycles(dut.clk, 1)
    await ReadOnly()
    value = dut.csr__read_data.value.to_unsigned()
    await RisingEdge(dut.clk)
    return value


async def soft_reset(dut):
    dut.csr__address.value = int(csr.Register.CONTROL)
    dut.csr__write_data.value = csr.CONTROL_SOFT_RESET
    dut.csr__write.value = 1
    await ClockCycles(dut.clk, 1)
    dut.csr__write.value = 0
    await ClockCycles(dut.clk, 3)


async def frames(dut, indices, image_stall=0.0, result_stall=0.0):
    """Sends images and takes their results at the same time, and compares."""
    sending = cocotb.start_soon(put_images(dut, indices, image_stall))
    taking = cocotb.start_soon(get_results(dut, len(indices), result_stall))
    await Combine(sending, taking)
    assert taking.result() == [ANSWERS[i] for i in indices]
    assert await read_register(dut, csr.Register.STATUS) == 0
    return len(indices)


@cocotb.test(**LIMIT)
async def registers(dut):
    await start(dut, 1)
    expected = dict(EXPECTED["registers"].tolist())
    assert {r: await read_register(dut, r) for r in expected} == expected
    assert await read_register(dut, 255) == 0


@cocotb.test(**LIMIT)
async def different_frames_then_one_twice(dut):
    await start(dut, 2)
    assert await frames(dut, [0, 1, 2, 2]) == 4
    assert await read_register(dut, csr.Register.FRAMES) == 4
    assert [await read_register(dut, csr.layer_cycles(i)) for i in range(len(PLANNED))] == PLANNED


@cocotb.test(**LIMIT)
@cocotb.parametrize(stalls=[(0.3, 0.0), (0.0, 0.5), (0.2, 0.3)])
async def stalls(dut, stalls):
    await start(dut, str(stalls))
    assert await frames(dut, [1, 0, 0, 2], *stalls) == 4


@cocotb.test(**LIMIT)
async def busy_while_a_result_waits(dut):
    await start(dut, 4)
    await put_images(dut, [0])
    await ClockCycles(dut.clk, sum(PLANNED) + 50)
    assert await read_register(dut, csr.Register.STATUS) == csr.STATUS_BUSY
    assert await read_register(dut, csr.Register.FRAMES) == 0
    assert await get_results(dut, 1) == [ANSWERS[0]]
    assert await read_register(dut, csr.Register.STATUS) == 0
    assert await read_register(dut, csr.Register.FRAMES) == 1


@cocotb.test(**LIMIT)
@cocotb.parametrize(how=["pin", "register"], moment=["loading", "computing", "sending"])
async def reset_in_mid_frame(dut, how, moment):
    await start(dut, how + moment)
    if moment == "loading":
        await put_images(dut, [1, 2], samples=IMAGES[0].size * 3 // 2 + 1)  # one and a half images
    else:
        await put_images(dut, [1, 2])
        await ClockCycles(dut.clk, sum(PLANNED) // 3 if moment == "computing" else sum(PLANNED) + 40)
    if how == "pin":
        await reset(dut)
    else:
        await soft_reset(dut)
    assert await read_register(dut, csr.Register.STATUS) == 0
    assert await read_register(dut, csr.Register.FRAMES) == 0
    assert await frames(dut, [0, 1, 1]) == 3
    assert await read_register(dut, csr.Register.FRAMES) == 3
    assert [await read_register(dut, csr.layer_cycles(i)) for i in range(len(PLANNED))] == PLANNED
