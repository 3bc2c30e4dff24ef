"""Speeds by a clock that the test moves."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from hwgen import cli
from hwgen.errors import BuildError
from hwgen.hdl import csr
from hwgen.host import Device, frames, protocol
from hwgen.host.protocol import Command
from hwgen.host.speed import LineLimit, measure
from tests.helpers.boards import BoardLine
from tests.helpers.dummy_core import DummyCore

IMAGES = [np.full((3, 4), value, np.uint8) for value in range(3)]


class TimedLine(BoardLine):
    """Reading takes the next of `pauses`, in seconds."""

    def __init__(self, core, pauses=()):
        super().__init__(core)
        self.pauses, self.now = iter(pauses), 0.0

    def read(self, size):
        self.now += next(self.pauses)
        return super().read(size)


def test_speed_of_a_board():
    line = TimedLine(DummyCore(), [0, 0])
    device = Device(line)
    line.pauses = iter([1.0, 4.0, 2.0, 0.5, 0.25, 0.75])
    told = []
    speed = measure(device, IMAGES, 1000, clock=lambda: line.now, progress=lambda *done: told.append(done))
    assert (speed.images, speed.latency, speed.worst_latency) == (3, 2.0, 4.0)
    # The first two are sent before a result is read, which brings both.
    assert speed.images_per_second == 3 / (line.now - 7.0) and line.now <= 8.5
    assert told == [(done, 6) for done in range(1, 7)]
    assert speed.cycles == [5] and speed.core == (12e6 / 12, 12e6 / 12)
    assert [result.logits for result in speed.results] == [[0, 300], [6, 282], [12, 264]]


def test_cycles_are_the_least_of_each_layer_and_bound_the_core():
    core = DummyCore()
    core.layers = 2
    cycles = iter([[40, 90], [50, 70], [45, 80], [41, 95]])
    compute = core.compute
    core.compute = lambda samples: replace(compute(samples), cycles=next(cycles))
    board = BoardLine(core, registers={csr.Register.LAYERS: 2})
    speed = measure(Device(board), IMAGES[:2], 115200)
    assert speed.cycles == [40, 70] and speed.core == (12e6 / 110, 12e6 / 40)


def test_results_that_change_are_told():
    line = BoardLine(core := DummyCore())
    device, images = Device(line), 0
    compute = core.compute

    def later(samples):
        nonlocal images
        images += 1
        return compute(samples if images < 4 else bytes(12 * [9]))

    core.compute = later
    with pytest.raises(BuildError, match="the board gave other results for the same images the second time"):
        measure(device, IMAGES, 115200)


def test_what_a_line_allows():
    limit = LineLimit.of(11520, samples=784, logits=10, layers=4)
    image = frames.command_frame(protocol.command(0, Command.IMAGE, bytes([1]) * 784))
    sent, received = 2 + 784 + 4 + 3 + 2, 2 + 40 + 4 + 16 + 4 + 2
    assert len(image) == sent
    assert limit == LineLimit(images_per_second=11520 / sent, latency=(sent + received) / 11520)
    assert LineLimit.of(100, samples=1, logits=99, layers=1).images_per_second == 100 / (2 + 396 + 4 + 4 + 4 + 1 + 2)


def test_bench_command(capsys, golden_board):
    arguments = ["bench", "--port", "x", "--images", "3"]
    assert cli.main([*arguments, "--json", "--model", "tfc_w1a1"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["images"], answer["wrong"], answer["cycles_per_layer"]) == (3, 0, [5])
    assert answer["images_per_second"] > 0 and answer["worst_latency"] >= answer["latency"] > 0
    assert answer["images_per_second_of_core"] == [round(12e6 / 784, 3)] * 2 and answer["clock_hz"] == 12_000_000
    assert cli.main(arguments) == 0
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in capsys.readouterr().out.splitlines() if "  " in line)
    assert rows["images per second in the core, at 12 MHz"] == "15306 to 15306"
    assert rows["those that the line allows, at 115200 baud"] == "14.49" and rows["cycles per layer"] == "5"
    golden_board.error = 1
    assert cli.main([*arguments, "--model", "tfc_w1a1"]) == 1
    assert "3 results differ from the golden model's; load the bitstream again" in capsys.readouterr().out
