"""Serial receiver and transmitter against `encode` and `decode`."""

import random

import pytest
from amaranth.sim import Simulator

from hwgen.hdl.shells.uart import Receiver, Transmitter, decode, encode

DIVISORS = (4, 5, 7, 12)


def receive(levels, divisor, ready=lambda cycle: 1):
    """Bytes that a `Receiver` gives for line levels, one per cycle; `ready` says when it may."""
    device, data = Receiver(divisor), []

    async def drive(ctx):
        for level in [*levels, *[1] * 8]:
            ctx.set(device.rx, level)
            await ctx.tick()

    async def take(ctx):
        cycle = 0
        while True:
            ctx.set(device.data.ready, ready(cycle))
            cycle += 1
            _, _, valid, taken, payload = await ctx.tick().sample(
                device.data.valid, device.data.ready, device.data.payload
            )
            if valid and taken:
                data.append(payload)

    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.add_testbench(take, background=True)
    simulator.run()
    return data


def transmit(data, divisor, cycles):
    """Line levels of a `Transmitter` that is offered `data` as fast as it takes it, from its first low level on."""
    device, levels = Transmitter(divisor), []

    async def offer(ctx):
        for byte in data:
            ctx.set(device.data.payload, byte)
            ctx.set(device.data.valid, 1)
            await ctx.tick().until(device.data.ready)
        ctx.set(device.data.valid, 0)

    async def watch(ctx):
        while len(levels) < cycles:
            _, _, tx = await ctx.tick().sample(device.tx)
            if levels or not tx:
                levels.append(tx)

    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(offer)
    simulator.add_testbench(watch)
    simulator.run()
    return levels


def random_bytes(seed, count):
    return random.Random(seed).choices(range(256), k=count)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_decode_undoes_encode(divisor):
    data = random_bytes(divisor, 100)
    assert decode(encode(data, divisor), divisor) == data
    assert decode([1] * 13 + encode(data, divisor), divisor) == data


@pytest.mark.parametrize("divisor", DIVISORS)
def test_transmitter_sends_what_encode_says(divisor):
    data = [0x00, 0xFF, 0x55, *random_bytes(divisor, 5)]
    expected = [level for byte in data for level in [*encode([byte], divisor), 1]]
    assert transmit(data, divisor, len(expected)) == expected
    assert decode(expected, divisor) == data


@pytest.mark.parametrize("divisor", DIVISORS)
def test_receiver_hears_bytes_back_to_back(divisor):
    data = [0x00, 0xFF, 0x55, *random_bytes(divisor, 5)]
    assert receive([1] * 3 + encode(data, divisor), divisor) == data


@pytest.mark.parametrize("percent", (-4, 4))
def test_receiver_bears_a_host_that_is_off_in_speed(percent):
    divisor, data = 25, [0x00, 0xFF, 0x5A]
    levels = encode(data, 100 + percent)[:: 100 // divisor]
    assert receive([1] * 3 + levels, divisor) == data


@pytest.mark.parametrize("seed", range(6))
def test_receiver_makes_of_noise_what_decode_does(seed):
    rng = random.Random(seed)
    divisor = rng.choice(DIVISORS)
    levels = [1, 1]
    while len(levels) < 1500:
        if rng.random() < 0.3:
            levels += encode(random_bytes(len(levels), 1), divisor)
        levels += [rng.randrange(2)] * rng.randint(1, 3 * divisor)
    levels += [1] * 11 * divisor
    expected = decode(levels, divisor)
    assert len(expected) > 5
    assert receive(levels, divisor) == expected


def test_receiver_ignores_a_glitch_before_a_byte():
    levels = [1, 1, 0, 0, 0, *[1] * 8, *encode([0x21], 8)]
    assert receive(levels, 8) == [0x21]


def test_receiver_drops_a_byte_without_stop_bit_and_a_break():
    broken = encode([0x42], 8)[:-8] + [0] * 8
    line_break = [0] * 300
    assert receive([1, *broken, *[1] * 8, *encode([0x17], 8)], 8) == [0x17]
    assert receive([1, *line_break, *[1] * 8, *encode([0x17], 8)], 8) == [0x17]


def test_receiver_keeps_a_byte_until_it_is_taken_and_drops_what_comes_meanwhile():
    levels = encode([1, 2, 3, 4], 4) + [1] * 40
    assert receive(levels, 4, ready=lambda cycle: cycle >= 130) == [1, 4]
    assert receive(levels, 4, ready=lambda cycle: cycle % 37 == 0) == [1, 2, 3, 4]


@pytest.mark.parametrize("unit", (Receiver, Transmitter))
def test_divisor_too_small(unit):
    with pytest.raises(ValueError, match="at least 4 clock cycles per bit, not 3"):
        unit(3)
