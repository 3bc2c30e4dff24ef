"""The driver for asyncio: against the simulated shell at its pins, and a board in Python that keeps silent."""

import asyncio
import contextlib
import threading
import time

import numpy as np
import pytest

from hwgen.errors import BuildError, InputError
from hwgen.hdl import csr
from hwgen.host import AsyncDevice, Device, aio, protocol
from hwgen.host.protocol import Command
from tests.helpers.boards import BoardLine, simulated_board
from tests.helpers.dummy_core import DIGEST, DummyCore

SHAPE = (1, 2, 4)
CORE = DummyCore(SHAPE)


def random_images(count, seed=0):
    channels, height, width = SHAPE
    return list(np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8))


def expected(images):
    return [CORE.compute(image.tobytes()) for image in images]


async def one_by_one(images):
    for image in images:
        await asyncio.sleep(0.001)
        yield image


class SlowLine(BoardLine):
    """Bytes come after some time, as from a serial port."""

    def read(self, size):
        time.sleep(0.002)
        return super().read(size)


class Silent(SlowLine):
    """A board that answers no image while it is told so."""

    def __init__(self):
        super().__init__(CORE)
        self.silent = True
        self.to_board = lambda data: b"" if self.silent and len(data) > 14 else data


def test_commands_on_simulated_board():
    images = random_images(4)

    async def use(port):
        async with await AsyncDevice.open(port) as device:
            assert device.identity.image_shape == SHAPE
            device.check_model(DIGEST)
            assert await device.classify(images[0]) == expected(images)[0]
            assert [result async for result in device.classify_all(images)] == expected(images)
            assert [result async for result in device.classify_all(one_by_one(images))] == expected(images)
            assert [result async for result in device.classify_all([])] == []
            assert await device.test() == CORE.compute(protocol.test_image(CORE.samples, CORE.pixel_bits))
            await device.reset()
            assert (await device.registers())[csr.Register.FRAMES] == 0

    with simulated_board(DummyCore(SHAPE)) as port:
        asyncio.run(use(port))


def test_tasks_take_turns():
    images = random_images(6)

    async def all_of(device, part):
        return [result async for result in device.classify_all(part)]

    async def use():
        async with AsyncDevice(Device(SlowLine(CORE))) as device:
            found = await asyncio.gather(
                all_of(device, images[:3]), device.classify(images[3]), all_of(device, images[4:]), device.registers()
            )
            assert [*found[0], found[1], *found[2]] == expected(images)

    asyncio.run(use())


def test_the_loop_goes_on_while_a_board_is_waited_for():
    let_go, waits = threading.Event(), []

    class Held(BoardLine):
        def read(self, size):
            waits.append(let_go.wait(10))
            return super().read(size)

    async def use(line):
        let_go.set()
        async with AsyncDevice(Device(line)) as device:
            let_go.clear()
            waits.clear()
            task = asyncio.create_task(device.classify(random_images(1)[0]))
            await asyncio.sleep(0.01)
            let_go.set()
            assert await task == expected(random_images(1))[0]

    asyncio.run(use(Held(CORE)))
    assert waits and all(waits)


def test_device_is_usable_after_a_cancelled_command_on_simulated_board():
    images = random_images(4)

    async def use(port):
        async with await AsyncDevice.open(port) as device:
            for delay in (0, 0.005, 0.02):
                task = asyncio.create_task(device.classify(images[0]))
                await asyncio.sleep(delay)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                assert await device.classify(images[1]) == expected(images)[1]
            async for result in device.classify_all(images):
                assert result == expected(images)[0]
                break
            assert (await device.registers())[csr.Register.FRAMES] == 0  # the board was reset
            assert [result async for result in device.classify_all(images[2:])] == expected(images[2:])

    with simulated_board(DummyCore(SHAPE)) as port:
        asyncio.run(use(port))


def test_cancelled_commands_stop_waiting():
    images, line = random_images(2), Silent()

    async def use():
        async with AsyncDevice(Device(line, patience=15)) as device:
            begun = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await device.classify(images[0])
            await device.registers()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    async for _ in device.classify_all(images):
                        raise AssertionError
            line.silent = False
            assert await device.classify(images[1]) == expected(images)[1]
            assert time.monotonic() - begun < 5

    asyncio.run(use())
    assert line.closed


def test_what_waits_its_turn_can_be_cancelled_without_harm():
    images, line = random_images(2), Silent()

    async def use():
        async with AsyncDevice(Device(line, patience=15)) as device:
            first = asyncio.create_task(device.classify(images[0]))
            second = asyncio.create_task(device.classify(images[1]))
            await asyncio.sleep(0.02)
            second.cancel()
            await asyncio.sleep(0.02)
            resets = sum(code == Command.RESET for code, _ in line.commands)
            assert not first.done() and second.cancelled() and resets == 1  # that of the start
            first.cancel()

    asyncio.run(use())


def test_closing_ends_a_command_that_waits():
    line = Silent()

    async def use():
        device = AsyncDevice(Device(line, patience=15))
        task = asyncio.create_task(device.classify(random_images(1)[0]))
        await asyncio.sleep(0.02)
        await device.close()
        assert line.closed
        with pytest.raises(BuildError, match="the board was closed"):
            await task
        with pytest.raises(BuildError, match="the board was closed"):
            await device.registers()
        await device.close()

    asyncio.run(use())


def test_closing_does_not_wait_for_the_reset_after_a_cancelled_command():
    line = SlowLine(CORE)

    async def use():
        async with AsyncDevice(Device(line, patience=15)) as device:
            line.to_board = lambda data: b""
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await device.registers()
            return time.monotonic()

    closing_from = asyncio.run(use())
    assert time.monotonic() - closing_from < 2 and line.closed


def test_commands_amid_results_of_the_same_task_are_refused(monkeypatch):
    monkeypatch.setattr(aio, "NESTED", 0.05)
    images = random_images(3)

    async def use():
        async with AsyncDevice(Device(BoardLine(CORE))) as device:
            found = []
            async for result in device.classify_all(images):
                with pytest.raises(RuntimeError, match="results of classify_all are still open in this task"):
                    await device.registers()
                found.append(result)
            assert found == expected(images)
            await device.registers()

    asyncio.run(use())


def test_errors_are_those_of_the_device():
    class Gone(BoardLine):
        def read(self, size):
            if any(code == Command.IMAGE for code, _ in self.commands):
                raise OSError(5, "Input/output error")
            return super().read(size)

    async def use():
        with pytest.raises(InputError, match="cannot open the serial port /dev/none"):
            await AsyncDevice.open("/dev/none")
        async with AsyncDevice(Device(Gone(CORE))) as device:
            with pytest.raises(InputError, match="takes images of 2 x 4 pixels"):
                await device.classify(np.zeros((1, 1), np.uint8))
            with pytest.raises(BuildError, match="the board went away"):
                await device.classify(random_images(1)[0])
            with pytest.raises(BuildError, match="holds another model"):
                device.check_model("1234567890")

    asyncio.run(use())


def test_opening_that_is_cancelled_closes_the_port(monkeypatch):
    closed = []

    class Slow:
        identity = None

        def close(self):
            closed.append(True)

    def slow(port, baud, *, patience):
        time.sleep(0.1)
        return Slow()

    monkeypatch.setattr(Device, "open", slow)

    async def use():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await AsyncDevice.open("port")
        await asyncio.sleep(0.2)

    asyncio.run(use())
    assert closed == [True]
