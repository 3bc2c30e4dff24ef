"""Boards for tests of the driver: in Python or simulated behind a pseudo-terminal, with lines that do harm to bytes."""

import contextlib
import os
import random
import threading
import tty
from collections.abc import Callable, Iterator

from amaranth.sim import Simulator

from hwgen.hdl import csr
from hwgen.hdl.shells.board_top import BoardLogic
from hwgen.host import frames, protocol
from hwgen.host.protocol import Answer, Command, Reply

from .dummy_core import DummyCore
from .serial_line import SerialLine


class Harm:
    """Flips a bit of one byte in `every`, or loses it, doubles it, or puts another one or a 0 before it."""

    def __init__(self, every: int, seed: int):
        self.every, self.rng = every, random.Random(seed)
        self.done = 0

    def __call__(self, data: bytes) -> bytes:
        made = bytearray()
        for byte in data:
            if self.rng.randrange(self.every):
                made.append(byte)
                continue
            self.done += 1
            kind = self.rng.randrange(5)
            made += (
                bytes([byte ^ 1 << self.rng.randrange(8)]),
                b"",
                bytes([byte, byte]),
                bytes([self.rng.randrange(256), byte]),
                bytes([0, byte]),
            )[kind]
        return bytes(made)


def unharmed(data: bytes) -> bytes:
    return data


@contextlib.contextmanager
def simulated_board(core: DummyCore, divisor: int = 4, harm: Callable[[bytes], bytes] = unharmed) -> Iterator[str]:
    """Path of a serial port at which `BoardLogic` with `core` runs in Amaranth's simulator, behind a line that does
    `harm` in both directions."""
    host, board = os.openpty()
    tty.setraw(board)
    os.set_blocking(host, False)
    stop = threading.Event()
    device = BoardLogic(core, divisor=divisor, heartbeat=64)
    line = SerialLine(device, divisor)

    async def bridge(ctx):
        # Sent byte by byte, so that what the board sends meanwhile reaches the host meanwhile.
        pending = bytearray()
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                pending += harm(os.read(host, 4096))
            if pending:
                await line.send(ctx, bytes([pending.pop(0)]))
            else:
                await ctx.tick().repeat(divisor)
            if line.received:
                os.write(host, harm(bytes(line.received)))
                line.received.clear()

    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bridge)
    simulator.add_testbench(line.monitor, background=True)
    thread = threading.Thread(target=simulator.run)
    thread.start()
    try:
        yield os.ttyname(board)
    finally:
        stop.set()
        thread.join()
        os.close(host)
        os.close(board)


class BoardLine:
    """A line with a board behind it in Python, which answers at once: what `hwgen.hdl.shells.commands` does.

    Parameters
    ----------
    core : whose results it gives
    to_board, to_host : harm done to what is written and read
    registers : values that are others than the core's

    Attributes
    ----------
    commands : (code, samples) of the messages that arrived whole
    rows : what was loaded, by number of one of `tables` and address
    """

    def __init__(
        self,
        core: DummyCore,
        to_board: Callable[[bytes], bytes] = unharmed,
        to_host: Callable[[bytes], bytes] = unharmed,
        registers: dict[int, int] | None = None,
    ):
        self.core, self.to_board, self.to_host = core, to_board, to_host
        values = {**core.registers(), **(registers or {})}
        self.registers = [values.get(address, 0) for address in range(csr.layer_cycles(core.layers))]
        self.commands: list[tuple[int, bytes]] = []
        self.rows: dict[tuple[int, int], int] = {}
        self.tables = 2
        self.pending = b""
        self.closed = False
        self._splitter = frames.Splitter(1 << 16)

    @property
    def in_waiting(self) -> int:
        return len(self.pending)

    def write(self, data: bytes) -> None:
        for frame in self._splitter.feed(self.to_board(data)):
            answer = self._answer(frame)
            if answer is not None:
                self.pending += self.to_host(frames.reply_frame(protocol.reply_body(answer)))

    def read(self, size: int) -> bytes:
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def reset_input_buffer(self) -> None:
        self.pending = b""

    def close(self) -> None:
        self.closed = True

    def _answer(self, frame: bytes) -> Answer | None:
        try:
            body = frames.command_body(frame)
        except frames.Damage:
            return Answer(sequence=0, code=Reply.DAMAGED, numbers={})
        sequence, code, samples = body[0], body[1], body[2:]
        self.commands.append((code, samples))
        if code == Command.READ:
            return Answer(sequence=sequence, code=Reply.REGISTERS, numbers={"registers": self.registers})
        if code == Command.RESET:
            return Answer(sequence=sequence, code=Reply.DONE, numbers={})
        if code == Command.LOAD:
            number, address = samples[0], int.from_bytes(samples[1:3], "little")
            self.rows[number, address] = int.from_bytes(samples[3:], "little")
            if number == self.tables:
                self.registers[csr.Register.MODEL] = self.rows[number, address]
            return Answer(sequence=sequence, code=Reply.DONE, numbers={})
        if code == Command.TEST:
            samples = protocol.test_image(self.core.samples, self.core.pixel_bits)
        result = self.core.compute(samples)
        numbers = {"logits": result.logits, "class": [result.index], "cycles": result.cycles}
        return Answer(sequence=sequence, code=Reply.RESULT, numbers=numbers)
