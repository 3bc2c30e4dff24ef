"""The study of width against precision."""

import json

import pytest

from hwgen.cli import main
from hwgen.topology import READY
from hwgen.training.study import base, scaled

ARGUMENTS = ["study", "--data", "mnist-sample:test", "--test", "mnist-sample:test", "--board", "icebreaker"]


def test_a_small_study(tmp_path, capsys):
    arguments = [*ARGUMENTS, "--scales", "0.25,8", "--bits", "1,2", "--epochs", "4", "-o", str(tmp_path / "out")]
    assert main([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    points = answer["points"]
    assert [(p["scale"], p["activation_bits"]) for p in points] == [(0.25, 1), (0.25, 2), (8, 1), (8, 2)]
    assert [p["weight_bits"] for p in points] == [784 * 16 + 2 * 256 + 160] * 2 + [784 * 512 + 2 * 512 * 512 + 5120] * 2
    assert all(p["accuracy"] > 0.2 for p in points), points
    assert points[0]["cycles"] and points[0]["p"] and points[1]["cycles"] >= points[0]["cycles"]
    assert points[2]["cycles"] is None and points[2]["interval"] is None and points[2]["p"] is None
    assert points[0]["interval"] >= max(784, points[0]["cycles"])
    written = json.loads((tmp_path / "out" / "study.json").read_text())
    assert written["points"] == points and written["training"]["epochs"] == 4
    assert (tmp_path / "out" / "study.png").read_bytes().startswith(b"\x89PNG")

    assert main([*arguments[:-2], "--epochs", "1", *arguments[-2:]]) == 0  # another study in the same folder
    capsys.readouterr()
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "does not fit" in output and "study.png" in output
    assert json.loads((tmp_path / "out" / "study.json").read_text()) == written


def test_scaling_leaves_the_classes():
    assert scaled(base("tfc"), 0.001).dense == (1, 1, 1, 10)
    half = scaled(base("cnv"), 0.5)
    assert [block.channels for block in half.convolutions] == [32, 32, 64, 64, 128, 128]
    assert half.dense == (256, 256, 10) and half.convolutions[1].pool == 2
    assert scaled(base("vgg"), 1) == READY["vgg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet18"], "there is no topology 'resnet18' to study; take one of tfc, sfc"),
        (["--scales", "1,x"], "numbers 0.01..100, separated by commas, not '1,x'"),
        (["--scales", "nan"], "numbers 0.01..100, separated by commas, not 'nan'"),
        (["--bits", "0"], "numbers 1..8, separated by commas, not '0'"),
        (["lenet", "--board", "x"], "x"),
        (["lenet", "--scales", "1,100"], "lenet cannot be 100 times as wide: channels is an integer 1..4096"),
        (
            ["--test", "cifar10-sample:test"],
            "images of 32x32x3, mnist-sample:test of 28x28x1; take two sets of one kind",
        ),
        (["cnv"], "image_shape is [3, 32, 32], but mnist-sample:test has [1, 28, 28]"),
    ],
)
def test_refusals(arguments, message, tmp_path, capsys):
    assert main([*ARGUMENTS, "-o", str(tmp_path / "out"), *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.out == ""
