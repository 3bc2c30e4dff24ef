"""The protocol at the pins of a board's logic, on a core whose results are plain to see."""

import random

import pytest
from amaranth.sim import Simulator

from hwgen.hdl import csr
from hwgen.hdl.shells.board_top import BoardLogic
from hwgen.hdl.shells.commands import CommandShell
from hwgen.host import frames, protocol
from hwgen.host.device import Result
from hwgen.host.protocol import Command, Reply
from tests.helpers.dummy_core import DIGEST, DummyCore
from tests.helpers.serial_line import SerialLine

DIVISOR = 4
BYTE = 10 * DIVISOR


class Host:
    """Sends commands and takes replies, one at a time or not."""

    def __init__(self, ctx, line, core, device):
        self.ctx, self.line, self.core, self.device = ctx, line, core, device

    async def send(self, sequence, code, samples=b""):
        await self.line.send(self.ctx, frames.command_frame(protocol.command(sequence, code, samples)))

    async def answer(self):
        frame = bytearray()
        while byte := await self.line.receive(self.ctx, 1):
            if byte == b"\0":
                break
            frame += byte
        answer = protocol.parse(frames.reply_body(bytes(frame)), 2, 1)
        assert answer is not None, bytes(frame)
        return answer

    async def result(self, sequence):
        answer = await self.answer()
        assert (answer.sequence, answer.code) == (sequence, Reply.RESULT)
        (index,) = answer.numbers["class"]
        return Result(index=index, logits=answer.numbers["logits"], cycles=answer.numbers["cycles"])

    async def classify(self, sequence, samples):
        await self.send(sequence, Command.IMAGE, samples)
        return await self.result(sequence)

    async def registers(self, sequence):
        await self.send(sequence, Command.READ)
        answer = await self.answer()
        assert (answer.sequence, answer.code) == (sequence, Reply.REGISTERS)
        return answer.numbers["registers"]

    async def recover(self):
        """A reset, whatever came before; asked for again where the board was still answering that."""
        await self.line.send(self.ctx, b"\0")
        for sequence in range(100, 104):
            await self.send(sequence, Command.RESET)
            while (answer := await self.answer()).code == Reply.DONE:
                if answer.sequence == sequence:
                    return
            assert answer.code == Reply.DAMAGED
        raise AssertionError("it is not done")

    async def damaged(self):
        assert (await self.answer()).code == Reply.DAMAGED

    async def idle(self, cycles):
        await self.ctx.tick().repeat(cycles)

    @property
    def busy(self):
        return self.ctx.get(self.device.leds[1])


def simulate(talk, delay=5):
    """Runs ``talk(host, core)`` on a board with a `DummyCore`; nothing but what it takes may come."""
    core = DummyCore(delay=delay)
    device = BoardLogic(core, divisor=DIVISOR, heartbeat=64)
    line = SerialLine(device, DIVISOR)

    async def bench(ctx):
        await ctx.tick()
        await talk(Host(ctx, line, core, device), core)
        await ctx.tick().repeat(12 * BYTE)
        assert not line.received, f"more came than was asked for: {bytes(line.received)}"
        assert not ctx.get(device.leds[1])

    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.add_testbench(line.monitor, background=True)
    simulator.run()


def image(seed, core):
    return random.Random(seed).randbytes(core.samples)


def test_images_of_both_classes_and_the_same_one_twice():
    async def talk(host, core):
        dark, light = bytes(core.samples), bytes([200, 0] * (core.samples // 2))
        images = [image(1, core), image(2, core), image(2, core), dark, light, b"\0\1" * (core.samples // 2)]
        expected = [core.compute(i) for i in images]
        assert {result.index for result in expected} == {0, 1} and any(result.logits[1] < 0 for result in expected)
        assert [await host.classify(n, i) for n, i in enumerate(images)] == expected
        assert (await host.registers(0))[csr.Register.FRAMES] == len(images)

    simulate(talk)


@pytest.mark.parametrize("delay", (5, 30 * BYTE, 200 * BYTE))
def test_two_images_at_a_time(delay):
    async def talk(host, core):
        images = [image(n, core) for n in range(5)]
        await host.send(0, Command.IMAGE, images[0])
        for n, (this, following) in enumerate(zip(images, [*images[1:], None], strict=True)):
            if following is not None:
                await host.send(n + 1, Command.IMAGE, following)
            assert await host.result(n) == core.compute(this)

    simulate(talk, delay)


def test_every_register_is_read():
    async def talk(host, core):
        values = await host.registers(9)
        assert len(values) == csr.Register.CYCLES + core.layers
        known = {**core.registers(), csr.Register.FRAMES: 0, csr.Register.STATUS: 0}
        assert values == [known.get(address, 0) for address in range(len(values))]
        assert values[csr.Register.MODEL] == int(DIGEST[:8], 16)

    simulate(talk)


def test_registers_are_read_while_the_core_computes():
    async def talk(host, core):
        samples = image(3, core)
        await host.send(1, Command.IMAGE, samples)
        assert (await host.registers(2))[csr.Register.STATUS] == csr.STATUS_BUSY
        assert host.busy
        assert await host.result(1) == core.compute(samples)
        assert (await host.registers(3))[csr.Register.STATUS] == 0

    simulate(talk, delay=150 * BYTE)


def test_answer_and_result_that_are_ready_at_about_the_same_time():
    firsts = []

    async def talk(host, core):
        samples = image(10, core)
        await host.send(1, Command.IMAGE, samples)
        await host.send(2, Command.READ)
        answers = [await host.answer(), await host.answer()]
        assert {answer.code for answer in answers} == {Reply.REGISTERS, Reply.RESULT}
        result = next(answer for answer in answers if answer.code == Reply.RESULT)
        assert (result.sequence, result.numbers["logits"]) == (1, core.compute(samples).logits)
        firsts.append(answers[0].code == Reply.REGISTERS)

    delays = [
        *range(13 * BYTE - 8, 13 * BYTE + 24, 2),
        20 * BYTE,
    ]  # the CRC of the image and the command take 4 + 9 bytes
    for delay in delays:
        simulate(talk, delay)
    assert firsts == sorted(firsts) and 0 < sum(firsts[:-1]) < len(delays) - 1


def test_image_of_the_board_itself():
    async def talk(host, core):
        expected = core.compute(protocol.test_image(core.samples, core.pixel_bits))
        for sequence in (5, 6):
            await host.send(sequence, Command.TEST)
            assert await host.result(sequence) == expected
        assert await host.classify(7, image(4, core)) == core.compute(image(4, core))

    simulate(talk)


def test_test_image_behind_another():
    async def talk(host, core):
        await host.send(1, Command.IMAGE, image(1, core))
        await host.send(2, Command.TEST)
        assert await host.result(1) == core.compute(image(1, core))
        assert await host.result(2) == core.compute(protocol.test_image(core.samples, core.pixel_bits))

    simulate(talk, delay=40 * BYTE)


@pytest.mark.parametrize("code", (0x00, 0x05, 0x83))
def test_unknown_command(code):
    async def talk(host, core):
        await host.send(1, Command.IMAGE, image(1, core))
        await host.line.send(host.ctx, frames.command_frame(bytes([8, code])))
        answer = await host.answer()
        assert (answer.sequence, answer.code) == (8, Reply.UNKNOWN)
        assert await host.result(1) == core.compute(image(1, core))

    simulate(talk, delay=60 * BYTE)


@pytest.mark.parametrize("code, excess", [(c, n) for c in Command for n in (-1, 1, 3)])
def test_message_of_another_length(code, excess):
    async def talk(host, core):
        right = protocol.command(1, code, image(1, core) if code == Command.IMAGE else b"")
        body = right[:excess] if excess < 0 else right + bytes(excess)
        await host.line.send(host.ctx, frames.command_frame(body))
        await host.damaged()
        assert await host.classify(2, image(2, core)) == core.compute(image(2, core))
        assert (await host.registers(3))[csr.Register.FRAMES] == 1

    simulate(talk)


@pytest.mark.parametrize("kind", ("flip", "cut"))
@pytest.mark.parametrize("place", (0, 1, 2, 3, 9, 14, 18))
def test_damaged_image_gives_no_result(kind, place):
    async def talk(host, core):
        await host.send(1, Command.IMAGE, image(1, core))
        frame = bytearray(frames.command_frame(protocol.command(2, Command.IMAGE, image(2, core))))
        assert place < len(frame) - 1 < 20
        frame[place] = frame[place] ^ 0x10 if kind == "flip" and frame[place] != 0x10 else 0
        await host.line.send(host.ctx, bytes(frame))
        while (answer := await host.answer()).code == Reply.RESULT:
            assert answer.sequence == 1 and answer.numbers["logits"] == core.compute(image(1, core)).logits
        assert answer.code == Reply.DAMAGED
        if kind == "cut":  # the rest is a frame of its own
            await host.recover()
        assert await host.classify(3, image(3, core)) == core.compute(image(3, core))
        assert (await host.registers(4))[csr.Register.FRAMES] == 1

    simulate(talk, delay=40 * BYTE)


@pytest.mark.parametrize("gap", range(0, 60 * BYTE, 5 * BYTE + 11))
def test_image_that_a_reset_meets_gives_no_result(gap):
    """A host that does not wait: a damaged frame and another image, while the result of the first is being sent."""

    async def talk(host, core):
        images = [image(n, core) for n in range(3)]
        await host.send(0, Command.IMAGE, images[0])
        await host.idle(gap + 1)
        await host.line.send(host.ctx, b"\7\7\7\0")
        await host.send(1, Command.IMAGE, images[1])
        await host.send(2, Command.IMAGE, images[2])
        await host.idle(100 * BYTE)
        await host.send(3, Command.READ)
        while (answer := await host.answer()).code != Reply.REGISTERS:
            if answer.code == Reply.RESULT:
                assert answer.numbers["logits"] == core.compute(images[answer.sequence]).logits
        assert answer.numbers["registers"][csr.Register.STATUS] == 0

    simulate(talk, delay=20 * BYTE)


@pytest.mark.parametrize("gap", range(1, 22 * BYTE, BYTE + 7))
def test_reset_at_any_time(gap):
    """Before it, the result comes whole; after it, none."""

    async def talk(host, core):
        await host.send(1, Command.IMAGE, image(6, core))
        await host.send(2, Command.IMAGE, image(6, core))
        await host.idle(gap)
        await host.send(3, Command.RESET)
        answer = await host.answer()
        while answer.code == Reply.RESULT:
            assert answer.numbers["logits"] == core.compute(image(6, core)).logits
            answer = await host.answer()
        assert (answer.sequence, answer.code) == (3, Reply.DONE)
        assert await host.classify(4, image(7, core)) == core.compute(image(7, core))
        assert (await host.registers(5))[csr.Register.FRAMES] == 1

    simulate(talk, delay=10 * BYTE)


@pytest.mark.parametrize("seed", range(6))
def test_garbage_cannot_wedge_it(seed):
    async def talk(host, core):
        rng = random.Random(seed)
        await host.line.send(host.ctx, rng.randbytes(40) + bytes(rng.choices((0, 1, 2, 3, 4, 255), k=200)) + b"\0")
        await host.idle(60 * BYTE)
        host.line.received.clear()
        await host.recover()
        assert await host.classify(2, image(seed, core)) == core.compute(image(seed, core))

    simulate(talk)


def test_heartbeat():
    async def talk(host, core):
        levels = []
        for _ in range(4):
            levels.append(host.ctx.get(host.device.leds[0]))
            await host.idle(64)
        assert levels in ([0, 1, 0, 1], [1, 0, 1, 0])

    simulate(talk)


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="an image has at least 1 byte, not 0"):
        CommandShell(DummyCore((0, 1, 1)))
