"""The wheel works outside the clone: it brings the boards and the models. `make` passes names on as they are."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hwgen import boards, models

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what the wheel installs."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; it comes with hwgen[dev]")
    folder = tmp_path_factory.mktemp("wheel")
    build = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "packages")
    return folder / "packages"


def python(installed, cwd, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, "-P", *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def hwgen(installed, cwd, *arguments):
    return python(installed, cwd, "-m", "hwgen", *arguments)


def test_installed_hwgen_has_boards_and_models(installed, tmp_path):
    answer = python(installed, tmp_path, "-c", "import hwgen.boards as b; print(b.folder())")
    assert answer.stdout.strip() == str(installed / "hwgen" / "_boards"), answer.stderr
    answer = hwgen(installed, tmp_path, "boards", "--json")
    assert answer.returncode == 0, answer.stderr
    assert tuple(board["name"] for board in json.loads(answer.stdout)["boards"]) == boards.names()
    for model in models.names():
        answer = hwgen(installed, tmp_path, "check", model, "--json")
        assert answer.returncode == 0, answer.stderr


def test_wheel_holds_no_more_than_it_should(installed):
    tops = {path.name for path in installed.iterdir()}
    assert {name.partition("-")[0] for name in tops} == {"hwgen"}
    assert (installed / "hwgen" / "_boards" / "icebreaker.toml").is_file()
    assert (installed / "hwgen" / "host" / "c" / "hwgen_host.c").is_file()
    assert not list(installed.rglob("__pycache__"))


@pytest.mark.parametrize("model", ["tfc_w1a1", 'x"; echo INJECTED; "', "$(echo INJECTED)", "a name's `id`.onnx"])
@pytest.mark.parametrize("target, command", [("bitstream", "build"), ("verify", "verify")])
def test_make_passes_names_on_as_they_are(target, command, model, tmp_path):
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "constraints.txt").touch()
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "hwgen").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (programs / "hwgen").chmod(0o755)
    for stamp in ("made", "runtime"):
        (tmp_path / ".venv" / stamp).touch()
    written = model.replace("$", "$$")  # make's own way to write a dollar
    done = subprocess.run(
        ["make", "--silent", target, f"MODEL={written}", "BOARD=my board"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{command}\n{model}\n--board\nmy board\n", "")
