"""The serial protocol at the pins of a board's logic, on a core whose results are plain to see."""

import random

import pytest
from amaranth.sim import Simulator

from hwgen.hdl import csr
from hwgen.hdl.shells.board_top import BoardLogic
from hwgen.hdl.shells.uart_shell import UARTShell
from hwgen.host import protocol
from hwgen.host.protocol import Reply
from tests.helpers.dummy_core import DIGEST, DummyCore
from tests.helpers.serial_line import SerialLine

DIVISOR = 4
TIMEOUT = 128
BYTE = 10 * DIVISOR

SOFT_RESET = protocol.write_command(csr.Register.CONTROL, csr.CONTROL_SOFT_RESET)


def simulate(talk, delay=5):
    """Runs ``talk(ctx, line, core, device)`` on a board with a `DummyCore`."""
    core = DummyCore(delay=delay)
    device = BoardLogic(core, samples=core.samples, divisor=DIVISOR, timeout=TIMEOUT, heartbeat=64)
    line = SerialLine(device, DIVISOR)

    async def bench(ctx):
        await ctx.tick()
        await talk(ctx, line, core, device)
        await ctx.tick().repeat(3 * BYTE)
        assert not line.received, f"more came than was asked for: {bytes(line.received)}"

    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.add_testbench(line.monitor, background=True)
    simulator.run()


def image(seed, core):
    return random.Random(seed).randbytes(core.samples)


async def result(ctx, line):
    assert await line.receive(ctx, 1) == bytes([Reply.RESULT])
    return protocol.parse_result(await line.receive(ctx, protocol.result_bytes(2)))


async def classify(ctx, line, samples):
    await line.send(ctx, protocol.image_command(samples))
    return await result(ctx, line)


async def register(ctx, line, address):
    await line.send(ctx, protocol.read_command(address))
    assert await line.receive(ctx, 1) == bytes([Reply.READ])
    return protocol.parse_word(await line.receive(ctx, 4))


async def error(ctx, line):
    assert await line.receive(ctx, 1) == bytes([Reply.ERROR])


def test_images_of_both_classes_and_the_same_one_twice():
    async def talk(ctx, line, core, device):
        dark, light = bytes(core.samples), bytes([200, 0] * (core.samples // 2))
        images = [image(1, core), image(2, core), image(2, core), dark, light, b"\0\1" * (core.samples // 2)]
        expected = [core.compute(i) for i in images]
        assert any(logits[1] < 0 for _, logits in expected)
        assert [await classify(ctx, line, i) for i in images] == expected
        assert await register(ctx, line, csr.Register.FRAMES) == len(images)

    simulate(talk)


def test_every_register_is_read():
    async def talk(ctx, line, core, device):
        for address, value in core.registers().items():
            assert await register(ctx, line, address) == value
        assert await register(ctx, line, csr.Register.MODEL) == int(DIGEST[:8], 16)
        assert await register(ctx, line, 200) == 0

    simulate(talk)


def test_register_is_read_while_the_core_computes():
    async def talk(ctx, line, core, device):
        samples = image(3, core)
        await line.send(ctx, protocol.image_command(samples))
        assert await register(ctx, line, csr.Register.STATUS) == csr.STATUS_BUSY
        assert ctx.get(device.leds[1]) == 1
        assert await result(ctx, line) == core.compute(samples)
        assert ctx.get(device.leds[1]) == 0
        assert await register(ctx, line, csr.Register.STATUS) == 0

    simulate(talk, delay=50 * BYTE)


def test_register_and_result_that_are_ready_at_about_the_same_time():
    orders = []

    async def talk(ctx, line, core, device):
        samples = image(10, core)
        await line.send(ctx, protocol.image_command(samples) + protocol.read_command(csr.Register.MAGIC))
        answer = await line.receive(ctx, 1 + 4 + 1 + protocol.result_bytes(2))
        register, rest = bytes([Reply.READ]) + csr.MAGIC.to_bytes(4, "little"), answer[5:]
        if not answer.startswith(register):
            assert answer.endswith(register)
            rest = answer[:-5]
        assert rest[0] == Reply.RESULT and protocol.parse_result(rest[1:]) == core.compute(samples)
        orders.append(answer.startswith(register))

    delays = [*range(2 * BYTE - 3, 2 * BYTE + 5), 4 * BYTE]  # the register's command takes 2 bytes, its reply 5
    for delay in delays:
        simulate(talk, delay)
    assert orders == sorted(orders) and 0 < sum(orders[:-1]) < len(delays) - 1


def test_unknown_command_is_answered_by_an_error():
    async def talk(ctx, line, core, device):
        await line.send(ctx, b"?")
        await error(ctx, line)
        assert await register(ctx, line, csr.Register.MAGIC) == csr.MAGIC

    simulate(talk)


@pytest.mark.parametrize(
    "start",
    [
        protocol.image_command(b""),
        protocol.image_command(b"\xff" * 11),
        protocol.read_command(0)[:1],
        protocol.write_command(4, 0)[:1],
        protocol.write_command(4, 0)[:4],
    ],
    ids=["I", "I+11", "C", "W", "W+3"],
)
def test_command_that_breaks_off_is_dropped(start):
    async def talk(ctx, line, core, device):
        await line.send(ctx, start)
        await ctx.tick().repeat(TIMEOUT + 2 * BYTE)
        assert line.received, "no reply when the time was over"
        await error(ctx, line)
        assert ctx.get(device.leds[1]) == 0
        samples = image(4, core)
        assert await classify(ctx, line, samples) == core.compute(samples)
        assert await register(ctx, line, csr.Register.FRAMES) == 1

    simulate(talk)


def test_short_pause_inside_an_image_is_borne():
    async def talk(ctx, line, core, device):
        samples = image(5, core)
        await line.send(ctx, protocol.image_command(samples[:5]))
        await ctx.tick().repeat(TIMEOUT - BYTE - DIVISOR)
        await line.send(ctx, samples[5:])
        assert await result(ctx, line) == core.compute(samples)

    simulate(talk)


def test_soft_reset_while_the_core_computes():
    async def talk(ctx, line, core, device):
        await line.send(ctx, protocol.image_command(image(6, core)) + SOFT_RESET)
        assert await line.receive(ctx, 1) == bytes([Reply.WRITTEN])
        samples = image(7, core)
        assert await classify(ctx, line, samples) == core.compute(samples)

    simulate(talk, delay=20 * BYTE)


@pytest.mark.parametrize("taken", (1, 4, 5, 11))
def test_soft_reset_in_the_middle_of_a_result(taken):
    async def talk(ctx, line, core, device):
        await line.send(ctx, protocol.image_command(image(8, core)))
        await line.receive(ctx, taken)
        await line.send(ctx, SOFT_RESET)
        await ctx.tick().repeat(8 * BYTE)
        assert line.received[-1] == Reply.WRITTEN
        line.received.clear()
        samples = image(9, core)
        assert await classify(ctx, line, samples) == core.compute(samples)

    simulate(talk)


@pytest.mark.parametrize("seed", range(6))
def test_garbage_cannot_wedge_it(seed):
    async def talk(ctx, line, core, device):
        rng = random.Random(seed)
        await line.send(ctx, rng.randbytes(4) + bytes(rng.choices(b"ICWx", k=30)))
        await ctx.tick().repeat(2 * TIMEOUT + 60 * BYTE)
        line.received.clear()
        samples = image(seed, core)
        assert await classify(ctx, line, samples) == core.compute(samples)

    simulate(talk)


def test_heartbeat():
    async def talk(ctx, line, core, device):
        levels = []
        for _ in range(4):
            levels.append(ctx.get(device.leds[0]))
            await ctx.tick().repeat(64)
        assert levels in ([0, 1, 0, 1], [1, 0, 1, 0])

    simulate(talk)


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="an image has at least 1 byte, not 0"):
        UARTShell(DummyCore(), samples=0, divisor=4, timeout=1000)
    with pytest.raises(ValueError, match="timeout is at least 2 bytes, 80 cycles, not 79"):
        UARTShell(DummyCore(), samples=12, divisor=4, timeout=79)
    assert UARTShell(DummyCore(), samples=12, divisor=4, timeout=600).timeout == 1024
