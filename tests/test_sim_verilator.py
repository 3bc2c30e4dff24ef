"""Simulations that fail say what they printed last; the real ones are in rtl_tests."""

import os
import sys

import numpy as np
import pytest

from hwgen.errors import BuildError
from hwgen.sim import verilator
from hwgen.sim.verilator import Run, Simulation

IMAGES = np.zeros((2, 3, 3, 1), np.uint8)


def simulation(tmp_path, script):
    program = tmp_path / "a simulation"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Simulation(program=program)


def test_a_failure_shows_the_last_lines(tmp_path):
    broken = simulation(tmp_path, 'seq 100; read line; echo "no progress in $line at $2" >&2; exit 3')
    with pytest.raises(BuildError) as caught:
        broken.run(IMAGES, [Run(first=0, count=2)], tmp_path)
    first, *lines = str(caught.value).splitlines()
    assert first == "the simulation failed with exit status 3; its output ends:"
    assert lines == [*(f"    {number}" for number in range(90, 101)), "    no progress in run 0 2 0 0 1 at 9"]


def test_a_simulation_is_ended_after_its_limit(tmp_path):
    with pytest.raises(BuildError, match="^the simulation took over 1 seconds; take fewer images$"):
        simulation(tmp_path, "sleep 60").run(IMAGES, [], tmp_path, limit=1)


def test_a_compiler_that_fails_leaves_its_log_alone(tmp_path):
    command = ("g++", sys.executable, ["-c", "import sys; print('line 1'); sys.exit('no such header')"])
    log = tmp_path / "log" / "compilation.log"
    with pytest.raises(BuildError, match=r"g\+\+ failed with exit status 1; its log is .*compilation.log and ends:\n"):
        verilator._run([("g++", "true", []), command], tmp_path, log)
    assert log.read_text() == "line 1\nno such header\n"


def test_a_compiler_that_is_not_installed(tmp_path):
    with pytest.raises(BuildError, match="hwgen-no-such is not installed; simulations need a C.. compiler"):
        verilator._run([("g++", "hwgen-no-such", [])], tmp_path, tmp_path / "log")


def test_what_was_damaged_is_compiled_again(tmp_path, monkeypatch):
    calls = []

    def compiler(commands, work, log):
        for name, _, arguments in commands:
            calls.append(name)
            if name == "verilator":
                (work / "obj").mkdir()
                for part in ("Vtop", "Vtop__Syms__Slow"):
                    (work / "obj" / f"{part}.cpp").touch()
            else:
                (work / arguments[-1]).write_text("code")
                (work / arguments[-1]).chmod(0o755)

    monkeypatch.setattr(verilator, "_run", compiler)

    def compiled():
        calls.clear()
        program = verilator.compile_program("module top; endmodule", "top", verilator.HARNESS, [], tmp_path)
        assert program.read_text() == "code" and os.access(program, os.X_OK)
        return program, len(calls)

    program, everything = compiled()
    assert everything == 6 and compiled() == (program, 0)  # two objects of Verilator's own, and a program of two
    program.write_bytes(b"")
    assert compiled() == (program, 4)
    program.chmod(0o644)
    (library,) = tmp_path.glob("verilator-*")
    (library / "verilated.o").unlink()
    assert compiled() == (program, 6)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([library.name, program.parent.name])


def test_small_files_are_compiled_together(tmp_path):
    sizes = {"a": 10, "b": verilator.UNIT_BYTES, "c": 10, "d": 20}
    for name, size in sizes.items():
        (tmp_path / f"{name}.cpp").write_text("/" * size)
    units = verilator._units([tmp_path / f"{name}.cpp" for name in sizes], "often")
    texts = ['#include "a.cpp"\n#include "b.cpp"\n', '#include "c.cpp"\n#include "d.cpp"\n']
    assert [unit.read_text() for unit in units] == texts
    assert [unit.relative_to(tmp_path).name for unit in units] == ["often_0.cpp", "often_1.cpp"]
    assert verilator._units([], "once") == []
