"""Boards for tests of the driver: a simulated one behind a pseudo-terminal, and lines that misbehave."""

import contextlib
import os
import threading
import tty

from amaranth.sim import Simulator

from hwgen.hdl.shells.board_top import BoardLogic

from .dummy_core import DummyCore
from .serial_line import SerialLine


@contextlib.contextmanager
def simulated_board(core: DummyCore, divisor: int = 4):
    """Path of a serial port at which `BoardLogic` with `core` runs in Amaranth's simulator."""
    host, board = os.openpty()
    tty.setraw(board)
    os.set_blocking(host, False)
    stop = threading.Event()
    device = BoardLogic(core, samples=core.samples, divisor=divisor, timeout=40 * divisor, heartbeat=64)
    line = SerialLine(device, divisor)

    async def bridge(ctx):
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                await line.send(ctx, os.read(host, 4096))
            await ctx.tick().repeat(divisor)
            if line.received:
                os.write(host, bytes(line.received))
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


class ScriptedLine:
    """A line that answers each command with the next of `answers`, and then is silent."""

    def __init__(self, *answers: bytes):
        self.answers = list(answers)
        self.pending = b""
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data):
        self.written.append(data)
        self.pending += self.answers.pop(0) if self.answers else b""

    def read(self, size):
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def reset_input_buffer(self):
        self.pending = b""

    def close(self):
        self.closed = True
