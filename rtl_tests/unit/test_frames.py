"""Frames in hardware against `hwgen.host.frames`."""

import random

import pytest
from amaranth.sim import Simulator

from hwgen.hdl.shells.frames import FrameReceiver, FrameSender
from hwgen.host.frames import CRC_BYTES, Damage, command_body, command_frame, reply_body, reply_frame

BODIES = [
    b"",
    b"\0",
    b"\1",
    b"\0\0\0\7",
    bytes(range(256)),
    bytes([9] * 253),
    bytes([9] * 254),
    bytes([9] * 255 + [0]),
    bytes([0, *[5] * 508]),
    *(random.Random(n).randbytes(n) for n in (3, 249, 250, 251, 700)),
    *(bytes(random.Random(n).choices((0, 0, 1, 255), k=n)) for n in (6, 31, 300)),
]


def received(line: bytes, stall=0.0) -> list[tuple[bytes, bool]]:
    """(bytes, good) of each frame that a `FrameReceiver` ends."""
    device, rng = FrameReceiver(), random.Random(1)
    frames, data = [], bytearray()

    async def drive(ctx):
        for byte in line:
            ctx.set(device.line.payload, byte)
            ctx.set(device.line.valid, 1)
            await ctx.tick().until(device.line.ready)
            ctx.set(device.line.valid, 0)
            if rng.random() < stall:
                await ctx.tick().repeat(rng.randrange(1, 12))
        await ctx.tick().repeat(3)

    async def take(ctx):
        while True:
            ctx.set(device.data.ready, rng.random() >= stall)
            ctx.set(device.seen, seen := rng.random() >= stall)
            _, _, valid, ready, byte, end, good = await ctx.tick().sample(
                device.data.valid, device.data.ready, device.data.payload, device.end, device.good
            )
            if valid and ready:
                data.append(byte)
            if end and seen:
                frames.append((bytes(data), bool(good)))
                data.clear()

    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.add_testbench(take, background=True)
    simulator.run()
    return frames


def sent(bodies: list[bytes], stall=0.0) -> bytes:
    """What a `FrameSender` makes of bodies."""
    device, rng = FrameSender(), random.Random(2)
    line = bytearray()

    async def drive(ctx):
        for body in bodies:
            for byte in body:
                ctx.set(device.data.payload, byte)
                ctx.set(device.data.valid, 1)
                await ctx.tick().until(device.data.ready)
                ctx.set(device.data.valid, 0)
                if rng.random() < stall:
                    await ctx.tick().repeat(rng.randrange(1, 12))
            ctx.set(device.finish, 1)
            await ctx.tick().until(device.finished)
            ctx.set(device.finish, 0)

    async def take(ctx):
        while True:
            ctx.set(device.line.ready, rng.random() >= stall)
            _, _, valid, ready, byte = await ctx.tick().sample(
                device.line.valid, device.line.ready, device.line.payload
            )
            if valid and ready:
                line.append(byte)

    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.add_testbench(take, background=True)
    simulator.run()
    return bytes(line)


@pytest.mark.parametrize("stall", (0.0, 0.4))
def test_bodies_are_received(stall):
    frames = received(b"".join(map(command_frame, BODIES)), stall)
    assert [(data[:-CRC_BYTES], good) for data, good in frames] == [(body, True) for body in BODIES]


@pytest.mark.parametrize("stall", (0.0, 0.4))
def test_bodies_are_sent(stall):
    assert sent(BODIES, stall) == b"".join(map(reply_frame, BODIES))


def damaged(frame: bytes, kind: str, place: int) -> bytes:
    """A frame with a fault at one of its bytes, its last 0 apart."""
    before, byte, after = frame[:place], frame[place], frame[place + 1 :]
    return {
        "flipped": before + bytes([byte ^ 1 << place % 8]) + after,
        "lost": before + after,
        "doubled": before + bytes([byte, byte]) + after,
        "cut": before + b"\0",
        "zero": before + b"\0" + after,
    }[kind]


KINDS = ("flipped", "lost", "doubled", "cut", "zero")
BODY = b"\7\0" + bytes(range(5)) + b"\0\xff"


@pytest.mark.parametrize("kind", KINDS)
def test_damage_at_every_byte_is_found_and_the_next_frame_is_good(kind):
    whole = command_frame(BODY)
    for place in range(len(whole) - 1):
        line = damaged(whole, kind, place)
        ends = [part for part in line.split(b"\0") if part]
        frames = received(line + whole)
        assert [good for _, good in frames[: len(ends)]] == [False] * len(ends)
        assert [(data[:-CRC_BYTES], good) for data, good in frames[len(ends) :]] == [(BODY, True)]
        for part in ends:
            with pytest.raises(Damage):
                command_body(part)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_at_every_byte_of_a_reply_is_found(kind):
    whole = reply_frame(BODY)
    for place in range(len(whole) - 1):
        for part in damaged(whole, kind, place).split(b"\0"):
            with pytest.raises(Damage):
                reply_body(part)


@pytest.mark.parametrize("seed", range(4))
def test_garbage_is_damage_and_the_next_frame_is_good(seed):
    rng = random.Random(seed)
    garbage = bytes(rng.choices((0, 1, 2, 3, 254, 255, rng.randrange(256)), k=400)) + b"\0"
    frames = received(garbage + command_frame(BODY))
    assert not any(good for _, good in frames[:-1])
    assert frames[-1] == (frames[-1][0], True) and frames[-1][0][:-CRC_BYTES] == BODY
