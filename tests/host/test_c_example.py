"""The example of docs/c-host.md compiles and does what the page says, under sanitizers."""

import contextlib
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from hwgen.host.device import ATTEMPTS, PATIENCE, SILENCES, TURNAROUND
from tests.helpers import c_host
from tests.helpers.boards import BoardLine, Harm, unharmed
from tests.helpers.dummy_core import DummyCore

PAGE = (Path(__file__).parents[2] / "docs" / "c-host.md").read_text()
SUPPORT = Path(c_host.__file__).with_name("c_board_support.c")
PICTURES = 100


def test_numbers_of_the_page():
    words = " ".join(PAGE.split())
    assert f"up to {ATTEMPTS} times in a row, or {SILENCES} where nothing comes at all" in words
    assert TURNAROUND == 1 / 5 and f"{PATIENCE:.0f} seconds unless you set it, and a fifth of it for the rest" in words


@pytest.mark.parametrize(
    "case, shape", [("quiet", (3, 2, 4)), ("harm", (3, 2, 4)), ("long", (1, 20, 40)), ("gone", (3, 2, 4))]
)
def test_example(case, shape, tmp_path):
    (example,) = re.findall(r"^```c\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    core = DummyCore(shape)
    c_host.written(core, tmp_path)
    (tmp_path / "main.c").write_text(example)
    sources = ["main.c", SUPPORT, "hwgen_host.c"]
    sanitized = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    c_host.compiled(
        ["gcc", *c_host.STRICT, *sanitized, f"-DPICTURES={PICTURES}", "-I.", "-o", "main", *sources], tmp_path
    )
    harm = {"harm": Harm(300, 5), "long": Harm(10_000, 5)}.get(case, unharmed)
    board = BoardLine(core, harm, harm)
    pipe = subprocess.PIPE
    with subprocess.Popen([tmp_path / "main"], stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as process:
        commands, answers, errors = process.stdout, process.stdin, process.stderr
        assert commands and answers and errors

        def bridge():
            while data := os.read(commands.fileno(), 4096):
                board.write(data)
                with contextlib.suppress(BrokenPipeError):  # it has shown all
                    answers.write(board.read(1 << 20))
                if case == "gone" and len(board.commands) > 20:
                    answers.close()
                    return

        thread = threading.Thread(target=bridge)
        thread.start()
        said = errors.read().decode().splitlines()
        thread.join()
    images = [bytes((k + 3 * i) % (1 + k % 50) for i in range(core.samples)) for k in range(PICTURES)]
    classes = [str(core.compute(image).index) for image in images]
    assert set(classes) == {"0", "1"}
    if case == "gone":
        *shown, sentence = said
        assert process.returncode == 1 and sentence == "the line to the board is gone; check the cable"
        assert shown == classes[: len(shown)] and len(shown) > 10
    else:
        assert (process.returncode, said) == (0, classes)
        assert harm is unharmed or harm.done > 5
