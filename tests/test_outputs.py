"""Output folders: whole or not at all, by one process at a time, and nothing left of what died."""

import os
import signal
import subprocess
import sys
import threading
import traceback
from contextlib import contextmanager
from pathlib import Path

import pytest

from hwgen import outputs
from hwgen.errors import BuildError, InputError


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def fill(work, content):
    (work / "a").write_text(content)
    (work / "b").write_text(content)


def test_a_folder_appears_whole_and_replaces_what_was_there(tmp_path):
    final = tmp_path / "deeper" / "final"
    for content in ("first", "second"):
        with outputs.making(final) as work:
            fill(work, content)
            assert not final.exists() or (final / "a").read_text() == "first"
            outputs.put_in_place(work, final)
    assert entries(tmp_path / "deeper") == ["final"] and entries(final) == ["a", "b"]
    assert (final / "a").read_text() == "second"


@pytest.mark.parametrize("ending", [BuildError("no"), KeyboardInterrupt()], ids=["failed", "interrupted"])
def test_what_fails_leaves_what_was_there(tmp_path, ending):
    final = tmp_path / "final"
    final.mkdir()
    fill(final, "old")
    with pytest.raises(type(ending)):
        with outputs.making(final) as work:
            fill(work, "new")
            raise ending
    assert entries(tmp_path) == ["final"] and (final / "a").read_text() == "old"


def test_what_cannot_be_put_in_place_leaves_what_was_there(tmp_path, monkeypatch):
    final, rename = tmp_path / "final", os.rename
    final.mkdir()
    fill(final, "old")

    def refused(source, target):
        if Path(target) == final and Path(source).name != "old":
            raise OSError("refused")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refused)
    with pytest.raises(OSError, match="refused"):
        with outputs.making(final) as work:
            fill(work, "new")
            outputs.put_in_place(work, final)
    assert entries(tmp_path) == ["final"] and (final / "b").read_text() == "old"


def test_one_at_a_time(tmp_path):
    """Threads stand for processes: each holds a lock of its own."""
    final, inside, most, waited, failures = tmp_path / "final", [], [], [], []

    @contextmanager
    def waiting(sentence):
        waited.append(sentence)
        yield

    def run(number):
        try:
            with outputs.making(final, waiting) as work:
                inside.append(number)
                assert entries(work) == []
                fill(work, str(number))
                most.append(len(inside))
                threading.Event().wait(0.05)
                outputs.put_in_place(work, final)
                inside.remove(number)
        except BaseException:
            failures.append(traceback.format_exc())

    threads = [threading.Thread(target=run, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and most == [1] * 8
    assert entries(tmp_path) == ["final"] and (final / "a").read_text() == (final / "b").read_text()
    assert waited and set(waited) == {"waiting for another run of hwgen, which makes final"}


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom hwgen import outputs\nfolder = Path(sys.argv[1])\n"
        "with outputs.making(folder / 'killed') as work, outputs.scratch(folder) as other:\n"
        "    (work / 'half').touch()\n    (other / 'images').touch()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program, tmp_path], env=environment)
    assert done.returncode == -signal.SIGKILL and len(entries(tmp_path)) == 2
    with outputs.making(tmp_path / "another"), outputs.scratch(tmp_path) as held:
        assert len(entries(tmp_path)) == 2  # its own two, whose locks are held
        with outputs.scratch(tmp_path):
            assert held.exists()
    assert entries(tmp_path) == []


def test_cached_files_are_made_again_when_they_were_changed(tmp_path):
    final, calls = tmp_path / "final", []

    def make(work):
        calls.append(work)
        fill(work, "content")
        (work / "a").chmod(0o755)

    damages = [
        lambda: None,
        lambda: (final / "a").write_text(""),
        lambda: (final / "a").chmod(0o644),
        lambda: (final / "b").unlink(),
        lambda: (final / "digests.json").write_text("[1]"),
        lambda: [path.unlink() for path in final.iterdir()],
    ]
    assert outputs.cached(final, make) == final
    for number, damage in enumerate(damages):
        damage()
        outputs.cached(final, make)
        assert len(calls) == max(1, number + 1)
        assert (final / "a").read_text() == (final / "b").read_text() == "content" and os.access(final / "a", os.X_OK)
    assert entries(tmp_path) == ["final"]


def test_logs_stay_only_where_a_tool_failed(tmp_path):
    folder = tmp_path / "log" / "name"

    def run(ending=None):
        with outputs.logs(folder) as logs:
            assert not logs.exists()
            logs.mkdir(parents=True)
            (logs / "tool.log").touch()
            if ending:
                raise ending

    run()
    assert not folder.exists()
    with pytest.raises(BuildError):
        run(BuildError("no"))
    assert entries(folder) == ["tool.log"]
    with pytest.raises(KeyboardInterrupt):
        run(KeyboardInterrupt())
    assert not folder.exists()


def test_folders_that_cannot_be_written(tmp_path):
    assert outputs.writable_folder(str(tmp_path / "a" / "b")) == tmp_path / "a" / "b"
    assert entries(tmp_path / "a" / "b") == []
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "x", tmp_path / ("x" * 300), Path("/proc/x"), Path("/proc")):
        with pytest.raises(InputError, match=r"^\S+: cannot be written \(.+\); name another folder with -o$"):
            outputs.writable_folder(path)
        with pytest.raises(InputError, match="cannot be written"):
            with outputs.making(path / "final"):
                pass


def test_many_at_once(tmp_path):
    """Threads that all the time make, swap in, find and remove: none fails, and what is found is whole."""
    failures = []

    def run(number):
        try:
            for turn in range(60):
                with outputs.making(tmp_path / "shared") as work:
                    if (tmp_path / "shared").exists():
                        assert (tmp_path / "shared" / "a").read_text() == (tmp_path / "shared" / "b").read_text()
                    fill(work, f"{number} {turn}")
                    outputs.put_in_place(work, tmp_path / "shared")
                with outputs.scratch(tmp_path) as aside:
                    (aside / "c").touch()
        except BaseException:
            failures.append(traceback.format_exc())

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and [path.name for path in tmp_path.iterdir()] == ["shared"]
