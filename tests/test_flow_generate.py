"""`hwgen generate`: the folder is replaced where it holds nothing else, and left alone where it does."""

import hashlib
import json
import os
import threading
from pathlib import Path

import pytest

from hwgen import boards, models, outputs
from hwgen.errors import InputError
from hwgen.flow import generate as module
from hwgen.flow import verilog
from hwgen.flow.integration import Design
from hwgen.plan import plan


@pytest.fixture(scope="module")
def planned():
    board = boards.load("icebreaker")
    return Design.of(plan(models.load("tfc_w1a1").network, board, 4, 32, 1), board, "core", board.target.clock_hz)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(verilog, "emit", lambda component, name: f"module {name}; endmodule\n")


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


FILES = sorted(
    ["accelerator.core", "accelerator.sdc", "accelerator.v", "hwgen_csr.h", "hwgen_host.c", "hwgen_host.h"]
    + ["icebreaker.pcf", "instance.v", "litex_example.py", "manifest.json", "parameters.hex", "weights.hex"]
)


def test_a_folder_is_written_and_replaced(planned, tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()  # an empty one holds nothing to lose
    for model in ("one", "two"):
        manifest = module.generate(planned, folder, {"model": model})
        assert entries(folder) == FILES and entries(tmp_path) == ["a folder"]
        assert json.loads((folder / "manifest.json").read_text()) == manifest and manifest["model"] == model
        assert manifest["files"]["weights.hex"]["bytes"] == (folder / "weights.hex").stat().st_size
    (folder / "weights.hex").unlink()
    module.generate(planned, folder, {})
    assert entries(folder) == FILES


@pytest.mark.parametrize("shell, top", [("axi", "accelerator_axi"), ("wishbone", "accelerator_wishbone")])
def test_the_folder_of_a_shell(planned, shell, top, tmp_path):
    design = Design.of(planned.plan, planned.board, shell, planned.clock_hz)
    manifest = module.generate(design, tmp_path / "out", {})
    named = [name.replace("accelerator", top) for name in FILES]
    assert entries(tmp_path / "out") == sorted(named) == sorted([*manifest["files"], "manifest.json"])
    assert (manifest["shell"], manifest["top"]) == (shell, top)


def test_a_link_to_a_folder_is_followed(planned, tmp_path):
    (tmp_path / "link").symlink_to("target")
    for _ in range(2):
        module.generate(planned, tmp_path / "link", {})
        assert (tmp_path / "link").is_symlink() and entries(tmp_path / "target") == FILES


def test_what_others_wrote_is_left_alone(planned, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()

    def refused(reason, named=folder):
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with pytest.raises(InputError, match=reason):
            module.generate(planned, named, {})
        assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert entries(tmp_path) == ["mine"]

    (folder / "thesis.txt").touch()
    refused("mine holds thesis.txt, which hwgen did not write; move it or name another folder with -o")
    for text in ('{"name": "my web app"}', '{"made_by": "hwgen generate", "files": 3}', "[]", "{"):
        (folder / "manifest.json").write_text(text)
        refused("mine holds manifest.json, which hwgen did not write")
    digest = hashlib.sha256(b"").hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"files": {"thesis.txt": {"sha256": digest}}}))
    refused("mine holds manifest.json, which hwgen did not write")
    for path in folder.iterdir():
        path.unlink()
    module.generate(planned, folder, {})
    (folder / "notes").mkdir()
    refused("mine holds notes, which hwgen did not write")
    (folder / "notes").rmdir()
    with (folder / "accelerator.v").open("a") as file:
        file.write("// mine\n")
    refused("accelerator.v in .*mine was changed; move it or name another folder with -o")
    refused("weights.hex is a file; name another", folder / "weights.hex")
    (folder / "accelerator.v").unlink()
    monkeypatch.chdir(folder)
    refused(r"^\. is the current folder or above it and cannot be replaced; name another with -o", Path("."))
    refused("is the current folder or above it", tmp_path)
    assert entries(Path(os.curdir)) == [name for name in FILES if name != "accelerator.v"]


def test_several_at_once(planned, tmp_path):
    failures = []

    def run():
        try:
            module.generate(planned, tmp_path / "shared", {})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and entries(tmp_path) == ["shared"] and entries(tmp_path / "shared") == FILES


def test_a_folder_that_another_run_swaps_is_judged_when_it_is_done(planned, tmp_path, monkeypatch):
    judged = threading.Event()
    monkeypatch.setattr(module, "_check_replaceable", lambda *_: judged.set())
    with outputs.making(tmp_path / "shared"):
        thread = threading.Thread(target=module.generate, args=(planned, tmp_path / "shared", {}))
        thread.start()
        assert not judged.wait(0.5)
    assert judged.wait(30)
    thread.join()
    assert entries(tmp_path / "shared") == FILES
