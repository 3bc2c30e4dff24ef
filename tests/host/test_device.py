"""The host's driver, against the simulated shell at its pins, a board in Python, and lines that misbehave."""

import json

import numpy as np
import pytest

from hwgen import cli, data, host, models
from hwgen.commands.run import checked
from hwgen.errors import BuildError, InputError
from hwgen.hdl import csr
from hwgen.host import Device, frames, protocol
from hwgen.host.protocol import Command, Reply
from tests.helpers.boards import BoardLine, Harm, simulated_board
from tests.helpers.dummy_core import DIGEST, DummyCore

SHAPE = (3, 2, 4)


def random_images(count, seed=0):
    channels, height, width = SHAPE
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)


def test_what_a_program_takes_from_the_package():
    assert host.__all__ == ["AsyncDevice", "Device", "SPILine"]
    assert all(getattr(host, name).__name__ == name for name in host.__all__)
    assert not hasattr(host, "nothing")


def test_driver_and_simulated_board():
    core = DummyCore(SHAPE)
    images = random_images(3)
    with simulated_board(core) as port, Device.open(port) as device:
        identity = device.identity
        assert (identity.image_shape, identity.logits, identity.layers) == (SHAPE, 2, 1)
        assert (identity.array, identity.clock_hz) == ((3, 5, 7), 12_000_000)
        device.check_model(DIGEST)
        order = [*images, images[-1]]
        expected = [core.compute(image.tobytes()) for image in order]
        assert [device.classify(image) for image in order] == expected
        assert list(device.classify_all(iter(order))) == expected
        assert device.test() == core.compute(protocol.test_image(core.samples, core.pixel_bits))
        assert device.registers()[csr.Register.FRAMES] == 9
        device.reset()
        assert device.registers()[csr.Register.FRAMES] == 0
        with pytest.raises(BuildError, match=r"holds another model \(c0ffee12, not 12345678\)"):
            device.check_model("1234567890")


@pytest.mark.parametrize("seed", range(3))
def test_results_are_right_over_a_line_that_does_harm(seed):
    """One byte of 250 is lost, doubled or changed on the line: no result is wrong, none is missing."""
    core, images, harm = DummyCore(SHAPE), random_images(30, seed), Harm(250, seed)
    with simulated_board(core, harm=harm) as port, Device.open(port, patience=10) as device:
        assert list(device.classify_all(images)) == [core.compute(image.tobytes()) for image in images]
    assert harm.done >= 5


@pytest.mark.parametrize("seed", range(20))
def test_results_are_right_where_a_board_in_python_is_behind_that_line(seed):
    core, images, harm = DummyCore(SHAPE), random_images(100, seed), Harm(300, seed)
    device = Device(BoardLine(core, harm, harm), patience=0.001)
    assert list(device.classify_all(images)) == [core.compute(image.tobytes()) for image in images]
    assert harm.done > 10


@pytest.mark.parametrize("lost", range(4))
def test_a_result_that_is_lost_whole_is_no_other_images(lost):
    core, images, seen = DummyCore(SHAPE), random_images(4), []

    def lose(frame):
        is_result = frames.reply_body(frame[:-1])[1] == Reply.RESULT
        seen.extend([frame] * is_result)
        return b"" if is_result and len(seen) == lost + 1 else frame

    device = Device(BoardLine(core, to_host=lose), patience=0.01)
    assert list(device.classify_all(images)) == [core.compute(image.tobytes()) for image in images]
    assert len(seen) > len(images)


def test_next_image_is_sent_before_the_result_of_the_first_is_read():
    core, images = DummyCore(SHAPE), random_images(3)
    line = BoardLine(core)
    results = Device(line).classify_all(images)
    assert [next(results), sum(code == Command.IMAGE for code, _ in line.commands)] == [
        core.compute(images[0].tobytes()),
        protocol.WINDOW,
    ]


def test_run_command_on_simulated_board(tmp_path, capsys):
    Image = pytest.importorskip("PIL.Image")
    core, images = DummyCore(SHAPE), random_images(2, seed=1)
    np.savez(tmp_path / "some.npz", images=images)
    Image.fromarray(images[0]).save(tmp_path / "one.png")
    np.savez(tmp_path / "small.npz", images=images[:, :, :2])
    Image.fromarray(np.full((2, 4), 60000, np.uint16)).save(tmp_path / "deep.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "one.png").read_bytes()[:60])
    expected = [core.compute(image.tobytes()) for image in (*images, images[0])]
    with simulated_board(core) as port:
        assert cli.main(["run", "--port", port, "--json", str(tmp_path / "some.npz"), str(tmp_path / "one.png")]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["predictions"] == [result.index for result in expected]
        assert answer["logits"] == [result.logits for result in expected]
        assert answer["cycles_per_layer"] == [result.cycles for result in expected]
        for name, reason in (
            ("small.npz[0]", "the image has 2 x 2 pixels, the board takes 2 x 4; scale it"),
            ("broken.png", "is no image that can be taken"),
            ("missing.png", "there is no such file"),
            ("deep.png", "is no image that can be taken: its pixels are I;16 (I;16B), not grey or RGB of 8 bits"),
        ):
            assert cli.main(["run", "--port", port, str(tmp_path / name.partition("[")[0])]) == 2
            assert f"{name}: {reason}" in capsys.readouterr().err
    assert cli.main(["run", "--port", "/dev/none", str(tmp_path / "missing.png")]) == 2
    assert "missing.png: there is no such file" in capsys.readouterr().err


def test_run_command_fits_pictures_as_the_card_says(tmp_path, capsys, golden_board):
    Image = pytest.importorskip("PIL.Image")
    sample = data.load("mnist-sample:test", 3).images[..., 0]
    names = [str(tmp_path / f"{number}.png") for number in range(3)]
    Image.fromarray(sample[0]).save(names[0])
    for image, name in zip(sample[1:], names[1:], strict=True):
        Image.fromarray(255 - image).save(name)
    assert cli.main(["run", "--port", "x", "--model", "tfc_w1a1", "--json", *names]) == 0
    captured = capsys.readouterr()
    assert captured.err == f"{names[1]} and 1 more: inverted\n"
    assert json.loads(captured.out)["logits"] == [golden_board.compute(image.tobytes()).logits for image in sample]
    assert cli.main(["run", "--port", "x", names[1], "--json"]) == 0  # no card says that it is to be inverted
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["logits"] == [golden_board.compute((255 - sample[1]).tobytes()).logits]

    photo = np.random.default_rng(0).integers(0, 256, (56, 40, 3), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright: turn by 90 degrees
    Image.fromarray(photo).save(tmp_path / "photo.png", exif=turned)
    assert cli.main(["run", "--port", "x", str(tmp_path / "photo.png"), "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == (
        f"{tmp_path / 'photo.png'}: made grey, the middle 40 x 40 of 40 x 56 pixels scaled to 28 x 28\n"
    )
    upright = Image.fromarray(np.rot90(photo, -1)).convert("L").crop((8, 0, 48, 40))
    scaled = upright.resize((28, 28), Image.Resampling.BICUBIC)
    assert json.loads(captured.out)["logits"] == [golden_board.compute(scaled.tobytes()).logits]

    Image.fromarray(np.full((50, 50), 255, np.uint8)).save(tmp_path / "blank.png")
    assert cli.main(["run", "--port", "x", "--model", "tfc_w1a1", str(tmp_path / "blank.png")]) == 2
    assert "blank.png: no digit stands out of its border" in capsys.readouterr().err


def test_a_card_with_an_unknown_fit(capsys, monkeypatch):
    monkeypatch.setattr(models, "card", lambda name: {"fit": "stretch"})
    assert cli.main(["run", "--port", "x", "--model", "tfc_w1a1", "a.png"]) == 2
    assert "the fit in the card of tfc_w1a1 is one of crop, digit, not 'stretch'" in capsys.readouterr().err


def test_self_test(tmp_path, capsys, golden_board):
    logits = golden_board.compute(protocol.test_image(784, 8)).logits
    arguments = ["run", "--port", "x", "--model", "tfc_w1a1", "--self-test"]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out == (
        "self-test: the board's logits for its test image are those of the golden model\n"
    )
    assert cli.main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"self_test": logits}
    images = data.load("mnist-sample:test", 2).images
    np.savez(tmp_path / "some.npz", images=images)
    assert cli.main([*arguments, "--json", str(tmp_path / "some.npz")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["images"] == 2 and answer["self_test"] == logits
    assert cli.main([*arguments, str(tmp_path / "some.npz")]) == 0
    assert "self-test: the board's logits" in capsys.readouterr().out

    golden_board.error = 1
    wrong = [logits[0] + 1, *logits[1:]]
    for extra in ([], [str(tmp_path / "some.npz")]):
        assert cli.main([*arguments, *extra]) == 1
        out, err = capsys.readouterr()
        assert out == "" and "self-test failed: " in err and err.count("\n") == 1
        assert f"logits {wrong} for its test image, the golden model class" in err


def test_channels_of_images_and_boards():
    colour, grey = np.arange(24, dtype=np.uint8).reshape(2, 4, 3), np.full((2, 4, 3), 7, np.uint8)
    assert checked("x", colour, (3, 2, 4)) is colour and checked("x", grey, (3, 2, 4)) is grey
    assert checked("x", grey, (1, 2, 4)).shape == checked("x", grey[..., :1], (1, 2, 4)).shape == (2, 4, 1)
    for image, channels in ((colour, 1), (grey[..., :1], 3)):
        reason = f"x: the image has {image.shape[2]} channels, the board takes {channels}; convert it"
        with pytest.raises(InputError, match=reason):
            checked("x", image, (channels, 2, 4))


def test_image_of_another_shape_is_refused():
    device = Device(BoardLine(DummyCore((1, 1, 2))))
    for image in (np.zeros((2, 1, 1), np.uint8), np.zeros((1, 2, 3), np.uint8), np.zeros((1, 2), np.int64)):
        with pytest.raises(InputError, match="takes images of 1 x 2 pixels with 1 channels of uint8, not "):
            device.classify(image)


def test_no_such_port(tmp_path):
    with pytest.raises(InputError, match=r"cannot open the serial port /dev/none \(.*\); ports on this machine: "):
        Device.open("/dev/none")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot open the serial port"):
        Device.open(str(tmp_path / "file"))


class OtherLine(BoardLine):
    """A board that sends something else."""

    def __init__(self, answer):
        super().__init__(DummyCore(SHAPE))
        self.answer = answer

    def write(self, data):
        self.pending += self.answer


@pytest.mark.parametrize(
    "line, message",
    [
        (OtherLine(b""), "the board does not answer: nothing comes; check that it is on"),
        (OtherLine(b"U-Boot 2024.01\r\n=> "), "does not answer: what it sends is no hwgen board's; check the port and"),
        (
            OtherLine(b"\xfc\0\x80"),
            "does not answer: what it sends arrives damaged; check the port, --baud and the cable",
        ),
        (OtherLine(b"\x81\x01\0"), "does not answer: what it sends arrives damaged"),
        (BoardLine(DummyCore(SHAPE), registers={0: 7}), "is no hwgen board: its register 0 is 00000007"),
        (BoardLine(DummyCore(SHAPE), registers={1: 99}), "has registers of version 99, this hwgen reads version 2"),
        (BoardLine(DummyCore(SHAPE), lambda data: data[:5] + data), "does not answer: frames reach it damaged"),
    ],
    ids=["silence", "text", "damage", "zeros", "magic", "version", "harm"],
)
def test_board_that_misbehaves(line, message):
    with pytest.raises(BuildError, match=message):
        Device(line, patience=0.01)


def test_results_that_never_come():
    line = BoardLine(DummyCore(SHAPE))
    device = Device(line, patience=0.01)
    line.to_board = lambda data: data if len(data) < 12 else b""
    with pytest.raises(BuildError, match="the board gives no result: nothing comes; check that it is on"):
        device.classify(random_images(1)[0])


def test_unplugged():
    class Gone(BoardLine):
        def read(self, size):
            if any(code == Command.IMAGE for code, _ in self.commands):
                raise OSError(5, "Input/output error")
            return super().read(size)

    device = Device(Gone(DummyCore(SHAPE)))
    with pytest.raises(BuildError, match=r"the board went away: \[Errno 5\] Input/output error"):
        device.classify(random_images(1)[0])


TABLES, WORD = [[5, 0, 7, 255], [1 << 40, 3]], 0x12345678


@pytest.mark.parametrize("seed", range(12))
def test_rows_are_loaded_over_a_line_that_does_harm(seed):
    harm = Harm(400, seed)
    line = BoardLine(DummyCore(SHAPE), harm, harm)
    device = Device(line, patience=0.001)
    assert list(device.load(TABLES, 6, WORD)) == list(range(1, 9))
    rows = {(number, i): row for number, rows in enumerate(TABLES) for i, row in enumerate(rows)}
    assert line.rows == {**rows, (2, 0): WORD} and device.identity.model == WORD


def test_a_load_that_breaks_off_leaves_no_model():
    line = BoardLine(DummyCore(SHAPE))
    device = Device(line)
    for done in device.load(TABLES, 6, WORD):
        if done == 4:
            break
    assert device.identity.model == line.registers[csr.Register.MODEL] == 0
    with pytest.raises(BuildError, match="holds another model"):
        device.check_model(DIGEST)


def test_a_board_that_restarts_while_it_is_loaded():
    """It holds its first model again, and lost the rows so far."""
    line = BoardLine(DummyCore(SHAPE))
    device = Device(line)
    with pytest.raises(BuildError, match="was restarted while a network was loaded into it; load it again"):
        for done in device.load(TABLES, 6, WORD):
            if done == 3:
                line.registers[csr.Register.MODEL] = csr.model_word(DIGEST)
    assert line.rows[2, 0] == 0


def test_a_board_that_holds_another_model_after_trouble():
    line = BoardLine(DummyCore(SHAPE))
    device, images = Device(line, patience=0.01), random_images(4)
    results = device.classify_all(images)
    next(results)
    line.registers[csr.Register.MODEL] = 7
    line.to_board = lambda data: data if len(data) < 12 else b""  # no image
    with pytest.raises(BuildError, match="holds another model now; open it again"):
        list(results)


def test_a_port_is_one_hosts():
    with simulated_board(DummyCore(SHAPE)) as port, Device.open(port):
        with pytest.raises(InputError, match="cannot open the serial port"):
            Device.open(port)


def test_pixels_of_fewer_bits(tmp_path, capsys, monkeypatch):
    """A picture is made one of the model's pixels, an .npz is not."""
    from hwgen.commands.run import _fitted

    class Silent:
        def message(self, text):
            pass

    image = np.arange(0, 240, 10, dtype=np.uint8).reshape(2, 4, 3)
    ((_, made),) = _fitted([("x.png", image.copy(), True)], SHAPE, "crop", 2, Silent())
    assert (made == image >> 6).all()
    with pytest.raises(
        InputError, match=r"x: it has pixels of up to 230, the model takes 2 bits; scale them to 0\.\.3"
    ):
        _fitted([("x", image, False)], SHAPE, "crop", 2, Silent())
    ((_, made),) = _fitted([("x", image % 4, False)], SHAPE, "crop", 2, Silent())
    assert (made == image % 4).all()
