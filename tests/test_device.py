"""The host's driver, against the simulated shell at its pins and against lines that misbehave."""

import json
import struct

import numpy as np
import pytest

from hwgen import cli
from hwgen.commands.run import fitted
from hwgen.errors import BuildError, InputError
from hwgen.hdl import csr
from hwgen.host import protocol
from hwgen.host.device import Device
from tests.helpers.boards import ScriptedLine, simulated_board
from tests.helpers.dummy_core import DIGEST, DummyCore

SHAPE = (3, 2, 4)


def word(value):
    return b"c" + struct.pack("<I", value)


IDENTITY = [word(v) for v in (csr.MAGIC, csr.VERSION, 1, 1, 2, 0xC0FFEE12, 2, 1)]


def random_images(count, seed=0):
    channels, height, width = SHAPE
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)


def test_driver_and_simulated_board():
    core = DummyCore(SHAPE)
    images = random_images(3)
    with simulated_board(core) as port, Device.open(port) as device:
        assert device.identity.image_shape == SHAPE
        assert device.identity.logits == 2
        device.check_model(DIGEST)
        results = [device.classify(image) for image in (*images, images[-1])]
        assert results == [core.compute(image.tobytes()) for image in (*images, images[-1])]
        assert device.read(csr.Register.FRAMES) == 4
        assert device.cycles() == [core.delay]
        device.reset()
        assert device.read(csr.Register.FRAMES) == 0
        with pytest.raises(BuildError, match=r"holds another model \(c0ffee12, not 12345678\)"):
            device.check_model("1234567890")


def test_run_command_on_simulated_board(tmp_path, capsys):
    Image = pytest.importorskip("PIL.Image")
    core, images = DummyCore(SHAPE), random_images(2, seed=1)
    np.savez(tmp_path / "some.npz", images=images)
    Image.fromarray(images[0]).save(tmp_path / "one.png")
    Image.fromarray(images[0][:, :2]).save(tmp_path / "small.png")
    Image.fromarray(np.full((2, 4), 60000, np.uint16)).save(tmp_path / "deep.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "one.png").read_bytes()[:60])
    expected = [core.compute(image.tobytes()) for image in (*images, images[0])]
    with simulated_board(core) as port:
        assert cli.main(["run", "--port", port, "--json", str(tmp_path / "some.npz"), str(tmp_path / "one.png")]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["predictions"] == [index for index, _ in expected]
        assert answer["logits"] == [logits for _, logits in expected]
        for name, reason in (
            ("small.png", "the image has 2 x 2 pixels, the board takes 2 x 4; scale it"),
            ("broken.png", "is no image that can be taken"),
            ("missing.png", "there is no such file"),
            ("deep.png", "is no image that can be taken: its pixels are I;16 (I;16B), not grey or RGB of 8 bits"),
        ):
            assert cli.main(["run", "--port", port, str(tmp_path / name)]) == 2
            assert f"{name}: {reason}" in capsys.readouterr().err
    assert cli.main(["run", "--port", "/dev/none", str(tmp_path / "missing.png")]) == 2
    assert "missing.png: there is no such file" in capsys.readouterr().err


def test_channels_of_images_and_boards():
    colour, grey = np.arange(24, dtype=np.uint8).reshape(2, 4, 3), np.full((2, 4, 3), 7, np.uint8)
    assert fitted("x", colour, (3, 2, 4)) is colour and fitted("x", grey, (3, 2, 4)) is grey
    assert fitted("x", grey, (1, 2, 4)).shape == fitted("x", grey[..., :1], (1, 2, 4)).shape == (2, 4, 1)
    for image, channels in ((colour, 1), (grey[..., :1], 3)):
        reason = f"x: the image has {image.shape[2]} channels, the board takes {channels}; convert it"
        with pytest.raises(InputError, match=reason):
            fitted("x", image, (channels, 2, 4))


def test_image_of_another_shape_is_refused():
    device = Device(ScriptedLine(*IDENTITY))
    assert device.identity.image_shape == (1, 1, 2)
    for image in (np.zeros((2, 1, 1), np.uint8), np.zeros((1, 2, 3), np.uint8), np.zeros((1, 2), np.int64)):
        with pytest.raises(InputError, match="takes images of 1 x 2 pixels with 1 channels of uint8, not "):
            device.classify(image)


def test_no_such_port(tmp_path):
    with pytest.raises(InputError, match=r"cannot open the serial port /dev/none \(.*\); ports on this machine: "):
        Device.open("/dev/none")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot open the serial port"):
        Device.open(str(tmp_path / "file"))


@pytest.mark.parametrize(
    "answers, message",
    [
        ([], "the board does not answer; check that it is on"),
        ([b"E"], "refused a command: bytes were lost"),
        ([b"\xfc"], "answered with byte 0xfc, which no hwgen board does; check --baud"),
        ([b"c\x01"], "broke off after 1 of 4 bytes"),
        ([word(7)], "answers, but is no hwgen board: its register 0 is 00000007"),
        ([word(csr.MAGIC), word(99)], "has registers of version 99, this hwgen reads version 1"),
        ([*IDENTITY, b"R" + bytes(11)], "broke off after 11 of 12 bytes"),
        ([*IDENTITY, b"E"], "refused a command"),
        (IDENTITY, "does not answer"),
    ],
)
def test_board_that_misbehaves(answers, message):
    with pytest.raises(BuildError, match=message):
        Device(ScriptedLine(*answers)).classify(np.zeros((1, 2, 1), np.uint8))


def test_bytes_of_the_protocol():
    line = ScriptedLine(*IDENTITY, b"R" + struct.pack("<iii", -5, 7, 1), b"w")
    device = Device(line)
    assert device.classify(np.array([[3, 4]], np.uint8)) == (1, [-5, 7])
    device.write(csr.Register.CONTROL, 0x01020304)
    assert line.written[0] == b"C\x00"
    assert line.written[-2:] == [b"I\x03\x04", b"W\x04\x04\x03\x02\x01"]
    assert protocol.result_bytes(10) == 44
