"""The host in C against boards in Python and simulated, and lines that misbehave."""

import os
import random
import re
import zlib

import numpy as np
import pytest

from hwgen import golden, models
from hwgen.hdl import csr
from hwgen.host import c, frames, protocol
from hwgen.host.device import ATTEMPTS, PATIENCE, SILENCES, TURNAROUND, Result
from hwgen.host.protocol import Command, Reply
from tests.helpers.boards import BoardLine, Harm, simulated_board
from tests.helpers.c_host import Library, PortLine, Problem, compiled, written
from tests.helpers.dummy_core import DummyCore

SHAPE = (3, 2, 4)
TROUBLES = {"DAMAGED_HERE", "DAMAGED_THERE", "LOST", "OTHER_MESSAGES", "SILENT"}
"""What may be said of a line that does harm."""


class WideCore(DummyCore):
    """Images whose frames, and results whose frames, end with a full block where no byte is 0."""

    def __init__(self):
        super().__init__((1, 2, 251))

    def compute(self, image):
        rng = random.Random(bytes(image))
        byte = rng.choice([lambda: 1, lambda: rng.choice((0, 1, 255)), lambda: rng.randrange(256), lambda: 0])
        words = [int.from_bytes(bytes(byte() for _ in range(4)), "little", signed=True) for _ in range(60)]
        return Result(index=rng.choice((0x01010101, 0, 59)), logits=words, cycles=[rng.choice((0x7F7F7F7F, 0))])


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return Library.of(DummyCore(SHAPE), tmp_path_factory.mktemp("c"))


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    return Library.of(WideCore(), tmp_path_factory.mktemp("wide"))


def random_images(core, count, seed=0):
    rng = random.Random(seed)
    return [rng.randbytes(core.samples) for _ in range(count)]


def computed(core, images):
    return [core.compute(image) for image in images]


def problem(call, *arguments):
    with pytest.raises(Problem) as caught:
        call(*arguments)
    return str(caught.value)


def test_the_header_compiles_as_cpp(tmp_path):
    written(DummyCore(SHAPE), tmp_path)
    (tmp_path / "user.cpp").write_text('#include "hwgen_host.h"\n#include "hwgen_host.h"\n')
    compiled(["g++", "-std=c++98", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "user.cpp"], tmp_path)


def test_every_call(library):
    core, line = library.core, BoardLine(library.core)
    host = library.host(line).open()
    images = random_images(core, 5)
    assert [host.classify(image) for image in images] == computed(core, images)
    assert list(host.classify_all(images)) == computed(core, images)
    assert host.self_test() == core.compute(protocol.test_image(core.samples, core.pixel_bits))
    assert host.registers() == line.registers
    host.call("reset")
    sent = [code for code, _ in line.commands]
    assert sent == [Command.RESET, Command.READ, *[Command.IMAGE] * 10, Command.TEST, Command.READ, Command.RESET]
    # The clock may start again from 0 at any time.
    host = library.host(line, first_tick=0xFFFFFFFF).open()
    assert host.classify(images[0]) == core.compute(images[0])


def test_model_of_a_network():
    """The header has the golden model's logits of the test image, and the word of the model that gives them."""
    network = models.load("tfc_w1a1").network
    model = c.HostModel.of(network, 4)
    image = np.frombuffer(protocol.test_image(784, 8), np.uint8).reshape(1, 28, 28)
    (expected,) = golden.run(network, image).logits.tolist()
    assert (list(model.logits), expected[model.index]) == (expected, max(expected))
    assert (model.word, model.image_shape, model.layers) == (csr.model_word(network.digest), (1, 28, 28), 4)
    header = c.sources(model)["hwgen_host.h"]
    (listed,) = re.findall(r"#define HWGEN_TEST_LOGITS[^{]*{([^}]*)}", header)
    assert [int(logit) for logit in listed.replace("\\", "").split(",")] == expected
    assert f"#define HWGEN_MODEL {model.word:#010x}u" in header


def test_frames_are_those_of_the_protocol(wide):
    """What is written of an image is `frames.command_frame`, with a 0 at every place, in pieces up to a block."""
    core, pieces = wide.core, []

    def to_board(data):
        pieces.append(data)
        return data

    host = wide.host(BoardLine(core, to_board)).open()
    one_zero = [bytes([1] * i + [0] + [1] * (core.samples - 1 - i)) for i in range(core.samples)]
    others = [bytes(core.samples), *random_images(core, 20), *(bytes([k] * core.samples) for k in range(1, 256))]
    full = 0
    for image in (*one_zero, *others):
        pieces.clear()
        assert host.classify(image) == core.compute(image)
        frame = b"".join(pieces)
        body = frames.command_body(frame[:-1])
        assert body[1:] == bytes([Command.IMAGE]) + image and frame == frames.command_frame(body)
        assert max(map(len, pieces)) <= frames.LONGEST
        full += frame.endswith(b"\1\0") and frame[0] == frame[255] == 255
    assert full > 50


@pytest.mark.parametrize("seed", range(20))
def test_results_are_right_over_a_line_that_does_harm(library, seed):
    core, harm = library.core, Harm(300, seed)
    images = random_images(core, 100, seed)
    host = library.host(BoardLine(core, harm, harm)).open()
    assert list(host.classify_all(images)) == computed(core, images)
    assert harm.done > 10


@pytest.mark.parametrize("seed", range(5))
def test_long_frames_over_that_line(wide, seed):
    core, harm = wide.core, Harm(3000, seed)
    images = random_images(core, 60, seed)
    host = wide.host(BoardLine(core, harm, harm)).open()
    assert list(host.classify_all(images)) == computed(core, images)
    assert harm.done > 5


def test_results_are_right_or_missing_over_a_line_that_can_hardly_be_used(library):
    core, right, errors = library.core, 0, set()
    for seed in range(300):
        harm, images = Harm(40, seed), random_images(core, 3, seed)
        host = library.host(BoardLine(core, harm, harm))
        try:
            host.open()
            for expected, result in zip(computed(core, images), host.classify_all(images)):
                assert result == expected
                right += 1
        except Problem as problem:
            errors.add(str(problem))
    assert right > 100 and {"DAMAGED_HERE", "DAMAGED_THERE"} <= errors <= TROUBLES


class OneHarm:
    """What `Harm` may do, to one byte: that at `place` of all that pass."""

    def __init__(self, place, kind):
        self.left, self.kind = place, kind

    def __call__(self, data):
        self.left -= len(data)
        if not -len(data) <= self.left < 0:
            return data
        place = len(data) + self.left
        byte = data[place : place + 1]
        harmed = {"lost": b"", "twice": byte + byte, "zero": b"\0" + byte, "cut": b""}
        instead = harmed[self.kind] if self.kind in harmed else bytes([byte[0] ^ 1 << self.kind])
        return data[:place] + instead + (b"" if self.kind == "cut" else data[place + 1 :])


@pytest.mark.parametrize("kind", ["lost", "twice", "zero", "cut", 0, 7])
@pytest.mark.parametrize("direction", ["to_board", "to_host"])
def test_one_harm_at_every_byte(library, kind, direction):
    """Opening, three images with two under way, self-test: whatever byte is hurt, all of it comes right."""
    core, images = library.core, random_images(library.core, 3)
    place = 0
    while True:
        harm = OneHarm(place, kind)
        host = library.host(BoardLine(core, **{direction: harm})).open()
        assert list(host.classify_all(images)) == computed(core, images)
        host.self_test()
        if harm.left >= 0:
            break
        place += 1
    assert place > 100


def test_images_under_way(library):
    core, line = library.core, BoardLine(library.core)
    host = library.host(line).open()
    first, second, third = random_images(core, 3)
    assert problem(host.receive) == "IDLE"
    host.submit(first)
    assert [problem(call) for call in (host.self_test, host.registers)] == ["BUSY", "BUSY"]
    host.submit(second)
    assert problem(host.submit, third) == "BUSY"
    assert line.commands[2:] == [(Command.IMAGE, first), (Command.IMAGE, second)]
    assert [host.receive(), host.receive()] == computed(core, [first, second])
    host.submit(first)
    host.call("reset")
    assert problem(host.receive) == "IDLE"
    assert host.classify(third) == core.compute(third)


class OtherLine(BoardLine):
    """A board that sends something else."""

    def __init__(self, answer):
        super().__init__(DummyCore(SHAPE))
        self.answer = answer

    def write(self, data):
        self.pending += self.answer


class OtherAnswers(BoardLine):
    """A board that answers a command with other bodies, after its sequence number or one that is `ahead` of it."""

    def __init__(self, command, *bodies, ahead=0):
        super().__init__(DummyCore(SHAPE))
        self.command, self.bodies, self.ahead = command, bodies, ahead

    def write(self, data):
        for frame in self._splitter.feed(data):
            body = frames.command_body(frame)
            if body[1] == self.command:
                sequence = bytes([(body[0] + self.ahead) % 256])
                self.pending += b"".join(frames.reply_frame(sequence + other) for other in self.bodies)
            else:
                super().write(frame + b"\0")


class MoreLayers(DummyCore):
    def __init__(self):
        super().__init__(SHAPE)
        self.layers = 30


UNKNOWN, DONE, DAMAGED = (bytes([code]) for code in (Reply.UNKNOWN, Reply.DONE, Reply.DAMAGED))
RESULT = bytes([Reply.RESULT])


@pytest.mark.parametrize(
    "line, error, sentence",
    [
        (OtherLine(b""), "SILENT", "nothing comes; check that the board is on"),
        (OtherLine(b"U-Boot 2024.01\r\n=> "), "NOISE", "what comes is no hwgen board's; check the line"),
        (OtherLine(b"\xfc\0\x80"), "DAMAGED_HERE", "what the board sends arrives damaged"),
        (OtherLine(b"\x81\x01\0"), "DAMAGED_HERE", "what the board sends arrives damaged"),
        (OtherLine(b"\xff\0"), "DAMAGED_HERE", "what the board sends arrives damaged"),
        (OtherLine(bytes([1] * 99)), "NOISE", "what comes is no hwgen board's"),
        (OtherLine(bytes([1] * 999) + b"\0"), "OTHER_MESSAGES", "sends messages of other lengths"),
        (OtherLine(frames.reply_frame(b"")), "OTHER_MESSAGES", "sends messages of other lengths"),
        (OtherAnswers(Command.RESET, b"\x99"), "OTHER_MESSAGES", "sends messages of other lengths"),
        (OtherAnswers(Command.RESET, b""), "OTHER_MESSAGES", "sends messages of other lengths"),
        (OtherAnswers(Command.RESET, DONE + b"\1"), "OTHER_MESSAGES", "sends messages of other lengths"),
        (
            OtherAnswers(Command.RESET, DAMAGED + bytes(4)),
            "OTHER_MESSAGES",
            "sends messages of other lengths",
        ),
        (OtherAnswers(Command.RESET, DONE, ahead=255), "SILENT", "nothing comes"),
        (OtherAnswers(Command.RESET, UNKNOWN, ahead=1), "SILENT", "nothing comes"),
        (OtherAnswers(Command.RESET, UNKNOWN), "NO_COMMAND", "does not know a command; build its bitstream anew"),
        (
            OtherAnswers(Command.READ, b"\x81" + bytes(60)),
            "OTHER_MESSAGES",
            "sends messages of other lengths",
        ),
        (BoardLine(DummyCore(SHAPE), registers={0: 7}), "NO_CORE", "what answers is no hwgen board; check the line"),
        (BoardLine(DummyCore(SHAPE), registers={1: 99}), "OTHER_VERSION", "registers of another version"),
        (BoardLine(DummyCore(SHAPE), registers={2: 99}), "OTHER_MODEL", "the board holds another model; load the"),
        (
            BoardLine(MoreLayers()),
            "OTHER_MESSAGES",
            "of other lengths than this model's; load its",
        ),
        (BoardLine(DummyCore(SHAPE), lambda data: data + data), "DAMAGED_THERE", "frames reach the board damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_board_that_misbehaves(library, line, error, sentence):
    with pytest.raises(Problem, match=error) as caught:
        library.host(line).open()
    assert sentence in caught.value.text


def test_tries_are_those_of_the_driver_in_python(library):
    for answer, count in ((b"", SILENCES), (b"U-Boot", ATTEMPTS), (b"\x01\1\0", ATTEMPTS)):
        sent = []
        line = OtherLine(answer)
        line.write = lambda data, line=line, sent=sent: (sent.append(data), OtherLine.write(line, data))
        problem(library.host(line).open)
        assert b"".join(sent).count(b"\0") == 1 + count


@pytest.mark.parametrize("patience, waited", [(1000, 1000), (0, round(1000 * PATIENCE))])
def test_patience(library, patience, waited):
    """A command waits for a fifth of it, an image for all of it; 0 stands for that of the driver in Python."""
    host = library.host(OtherLine(b""), patience=patience)
    assert problem(host.open) == "SILENT"
    drained = 1
    assert host.ticks == drained + SILENCES * (waited * TURNAROUND + 1)
    host = library.host(OtherAnswers(Command.IMAGE), patience=patience).open()
    host.submit(bytes(library.core.samples))
    begun = host.ticks
    assert problem(host.receive) == "SILENT"
    assert host.ticks - begun == SILENCES * (waited + 1) + (SILENCES - 1) * drained
    assert problem(host.receive) == "IDLE"


def test_registers_that_are_fewer(library):
    """As where the bitstream of the same model was built by an hwgen that made other stages of it."""
    line = BoardLine(library.core)
    host = library.host(line).open()
    line.registers.pop()
    assert problem(host.registers) == problem(host.open) == "OTHER_MODEL"


def test_a_full_block_is_never_the_last(wide):
    """The frame of a right result whose last byte was changed to the code of a full block, one byte later."""
    data = next(
        data
        for fill in range(1, 256)
        for body in [bytes([0, Reply.RESULT] + 248 * [fill])]
        for data in [body + zlib.crc32(body).to_bytes(4, "little")]
        if 0 not in data[1:]
    )
    line = BoardLine(wide.core)
    host = wide.host(line).open()
    line.write = lambda _: setattr(line, "pending", b"\1" + data[1:] + b"\7\xff\0")
    assert problem(host.registers) == "DAMAGED_HERE"


def test_an_image_that_is_answered_by_other_messages(library):
    """Of another length, for one that was never sent, and not at all what was asked for."""
    image = bytes(library.core.samples)
    for bodies, error in (
        ([RESULT + bytes(12)], "OTHER_MESSAGES"),
        ([RESULT + bytes(20)], "OTHER_MESSAGES"),
        ([DONE, UNKNOWN], "SILENT"),
    ):
        host = library.host(OtherAnswers(Command.IMAGE, *bodies)).open()
        assert problem(host.classify, image) == error


def test_unplugged(library):
    class Gone(BoardLine):
        """Its port goes away after so many reads and writes."""

        def __init__(self, left):
            super().__init__(DummyCore(SHAPE))
            self.left = left

        def count(self):
            self.left -= 1
            if self.left < 0:
                raise OSError(5, "Input/output error")

        def write(self, data):
            self.count()
            super().write(data)

        def read(self, size):
            self.count()
            return super().read(size)

    images = random_images(library.core, 2)
    left = 0
    while True:
        line = Gone(left)
        try:
            host = library.host(line).open()
            assert list(host.classify_all(images)) == computed(library.core, images)
            break
        except Problem as problem:
            assert str(problem) == "GONE" and "the line to the board is gone" in problem.text and line.left == -1
        left += 1
    assert left > 20


def test_a_result_that_overtakes_another(library):
    """The result of the older image is lost once: both are sent again."""
    core, images = library.core, random_images(library.core, 2)
    line = BoardLine(core)
    host = library.host(line).open()
    host.submit(images[0])
    line.pending = b""
    host.submit(images[1])
    assert [host.receive(), host.receive()] == computed(core, images)
    assert [code for code, _ in line.commands[2:]] == [Command.IMAGE] * 2 + [Command.RESET] + [Command.IMAGE] * 2


def test_a_frame_that_comes_twice(library):
    core, images = library.core, random_images(library.core, 10)
    host = library.host(BoardLine(core, to_host=lambda data: data + data)).open()
    assert list(host.classify_all(images)) == computed(core, images)


def test_self_test_of_a_board_that_computes_wrong(library):
    class Wrong(DummyCore):
        def __init__(self, logit, index):
            super().__init__(SHAPE)
            self.logit, self.index = logit, index

        def compute(self, image):
            right = super().compute(image)
            logits = [right.logits[0], right.logits[1] + self.logit]
            return Result(index=right.index ^ self.index, logits=logits, cycles=right.cycles)

    for logit, index in ((0, 0), (1, 0), (-1 << 20, 0), (0, 1)):
        host = library.host(BoardLine(Wrong(logit, index))).open()
        if logit or index:
            with pytest.raises(Problem, match="WRONG") as caught:
                host.self_test()
            assert "the test image got another result than the model gives" in caught.value.text
        else:
            host.self_test()


def test_simulated_board(library):
    core, images = library.core, random_images(library.core, 3)
    with simulated_board(core) as port:
        line = PortLine(port)
        try:
            host = library.host(line, patience=60_000, real_time=True).open()
            assert list(host.classify_all(images)) == computed(core, images)
            host.self_test()
            assert host.registers()[csr.Register.FRAMES] == 4
        finally:
            os.close(line.descriptor)
