"""`hwgen board` and `hwgen run` as two programs, with a serial port between them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hwgen import cli, data, golden, models

HWGEN = [sys.executable, "-c", "import sys; from hwgen.cli import main; sys.exit(main())"]
BUILD = Path("build/rtl_tests")
LIMIT = 240
"""Seconds for a board to come up, its simulation's compilation included."""


class Board:
    """A running `hwgen board`; its port has the name `link`."""

    def __init__(self, model: str, link: Path):
        command = [*HWGEN, "board", model, "--board", "icebreaker", "--json"]
        self.process = subprocess.Popen(
            [*command, "--link", str(link), "-o", str(BUILD)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        end = time.monotonic() + LIMIT
        while not link.exists():
            assert self.process.poll() is None and time.monotonic() < end, self.process.communicate()
            time.sleep(0.1)

    def end(self) -> tuple[int, dict, str]:
        """Exit status, answer and messages of a board that is ended, by what a shell does not make deaf."""
        self.process.send_signal(signal.SIGTERM)
        output, messages = self.process.communicate(timeout=60)
        return self.process.returncode, json.loads(output), messages


@pytest.fixture
def link(tmp_path):
    return tmp_path / "a port"


def test_twenty_images_over_the_port(link, tmp_path, capsys):
    images = data.load("mnist-sample:test", 20).images
    np.savez(tmp_path / "images.npz", images=images)
    expected = golden.run(models.load("tfc_w1a1").network, images, keep=False)
    board = Board("tfc_w1a1", link)
    try:
        for _ in range(2):  # a second host after the first
            arguments = ["run", "--port", str(link), "--model", "tfc_w1a1", "--json", str(tmp_path / "images.npz")]
            assert cli.main(arguments) == 0
            answer = json.loads(capsys.readouterr().out)
            assert answer["logits"] == expected.logits.tolist()
            assert answer["predictions"] == expected.classes.tolist()
        assert cli.main(["run", "--port", str(link), "--model", "sfc_w1a1", str(tmp_path / "images.npz")]) == 1
        assert "holds another model" in capsys.readouterr().err
        arguments = ["board", "tfc_w1a1", "--board", "icebreaker", "-o", str(BUILD), "--link", str(link)]
        assert cli.main(arguments) == 2
        assert f"--link {link}: File exists; name a path at which nothing is yet" in capsys.readouterr().err
    finally:
        status, facts, messages = board.end()
    assert status == 0 and f"answers at {link} until Ctrl-C" in messages
    assert facts["bytes_received"] > 2 * 20 * 784 and facts["bytes_sent"] > 2 * 20 * 44
    assert facts["cycles"] > 40 * 518 and facts["simulated_seconds"] == round(facts["cycles"] / 12e6, 6)
    assert not link.is_symlink()


def test_board_that_is_unplugged(link, tmp_path, capsys):
    np.savez(tmp_path / "images.npz", images=np.zeros((5000, 28, 28), np.uint8))
    board = Board("tfc_w1a1", link)
    command = [*HWGEN, "run", "--port", str(link), str(tmp_path / "images.npz")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as host:
        time.sleep(3)
        assert host.poll() is None
        os.kill(board.process.pid, signal.SIGKILL)
        board.process.communicate()
        _, messages = host.communicate(timeout=30)
    assert host.returncode == 1
    assert f"the board at {link} went away: " in messages or "does not answer: nothing comes" in messages
    assert link.is_symlink() and not link.exists()  # the name that it leaves; the next board takes it
    again = Board("tfc_w1a1", link)
    time.sleep(1)
    assert again.end()[0] == 0 and not link.is_symlink()


def test_line_cycles_are_checked(capsys):
    assert cli.main(["board", "tfc_w1a1", "--board", "icebreaker", "--line-cycles", "3"]) == 2
    assert "--line-cycles is at least 4, not 3" in capsys.readouterr().err
