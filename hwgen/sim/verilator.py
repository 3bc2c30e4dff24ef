"""The accelerator as a program: its Verilog through Verilator, with a C++ harness that runs whole frames."""

import hashlib
import json
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import outputs
from ..errors import BuildError
from ..flow import toolchain

__all__ = ["Abort", "Run", "Simulation", "build", "compile_program"]

HARNESS = Path(__file__).with_name("harness.cpp")
TOP = "accelerator"
FLAGS = ("--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-fatal")
QUIET = ("-Wno-PROCASSINIT", "-Wno-WIDTH", "-Wno-CASEINCOMPLETE", "-Wno-UNSIGNED", "-Wno-CMPCONST", "-Wno-ASCRANGE")
"""Lint that Amaranth's Verilog draws by design: implicit widths, and comparisons that constants decide."""

COMPILER = ("-O2", "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0", "-DVM_TRACE=0")
ONCE = (*COMPILER, "-O0")
"""For what runs once: Verilator puts it in files of its own, and optimising them takes longer than it saves."""

UNIT_BYTES = 1 << 20
"""C++ beyond which the next file begins another compilation: one alone takes a second to read Verilator's headers."""

RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
HARNESS_COPY = "harness.cpp"
PROGRAM = "simulation"


@dataclass(frozen=True, kw_only=True)
class Run:
    """Frames first .. first+count-1 go in, as many classes come out; stalls on either stream in 1/256."""

    first: int
    count: int
    image_stall: int = 0
    result_stall: int = 0
    seed: int = 1

    def __str__(self):
        return f"run {self.first} {self.count} {self.image_stall} {self.result_stall} {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Abort:
    """`cycles` of frame `first`, then a reset."""

    first: int
    cycles: int

    def __str__(self):
        return f"abort {self.first} {self.cycles}"


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A built simulation.

    Attributes
    ----------
    program : the executable
    """

    program: Path

    def run(self, images: np.ndarray, script: Sequence[Run | Abort], folder: Path, limit: float = 3600) -> None:
        """Run `script` over `images` (uint8, one frame each); records appear in `folder`.

        Raises
        ------
        BuildError : the simulation stopped, hung, or ran longer than `limit` seconds
        """
        (folder / "images.bin").write_bytes(images.tobytes())  # tofile gives no reason where the disk is full
        arguments = ["images.bin", str(images[0].size), "writes.bin", "results.bin", "cycles.bin"]
        lines = "".join(f"{line}\n" for line in script).encode()
        program, pipe = str(self.program.resolve()), subprocess.PIPE
        with toolchain.process(program, arguments, cwd=folder, stdin=pipe, stdout=pipe) as process:
            try:
                output = process.communicate(lines, limit)[0]
            except subprocess.TimeoutExpired:
                raise BuildError(f"the simulation took over {limit:.0f} seconds; take fewer images") from None
        if process.returncode:
            end = toolchain.tail(output)
            raise BuildError(f"the simulation failed with exit status {process.returncode}; its output ends:\n{end}")


def build(verilog: str, definitions: Sequence[str], folder: Path = Path("build")) -> Simulation:
    """Compile Verilog of a module ``accelerator``; made anew or found in ``folder/simulation-DIGEST/``.

    Parameters
    ----------
    definitions : see `trace.harness_defines`

    Raises
    ------
    BuildError : Verilator or the compiler failed; the message has the last lines and the path of the log
    """
    return Simulation(program=compile_program(verilog, TOP, HARNESS, definitions, folder))


def compile_program(verilog: str, top: str, harness: Path, definitions: Sequence[str], folder: Path) -> Path:
    """A program of Verilog and a C++ `harness` that includes ``VTOP.h``; new or found in ``folder/simulation-DIGEST``.

    Parameters
    ----------
    top : name of the module
    definitions : more options for the compiler

    Raises
    ------
    BuildError : Verilator or the compiler failed; the message has the last lines and the path of the log
    """
    recipe = json.dumps([top, FLAGS, QUIET, COMPILER, ONCE, *definitions, toolchain.versions("verilator")])
    key = hashlib.sha256("\0".join([verilog, harness.read_text(), recipe]).encode()).hexdigest()[:12]
    final = folder / f"simulation-{key}"

    def make(work: Path) -> None:
        runtime = _runtime(folder)
        with outputs.logs(folder / "log" / final.name) as logs:
            log = logs / "compilation.log"
            (work / f"{top}.v").write_text(verilog)
            command = [*FLAGS, *QUIET, "--top-module", top, "--Mdir", "obj", f"{top}.v"]
            _run([("verilator", str(toolchain.verilator()), command)], work, log)
            (work / "obj" / HARNESS_COPY).write_text(harness.read_text())
            options = ["-I", "obj", *definitions]
            once = sorted((work / "obj").glob("*__Slow.cpp"))
            often = sorted({*(work / "obj").glob("*.cpp")} - {*once})
            units = [(unit, [*options, *COMPILER]) for unit in _units(often, "often")]
            units += [(unit, [*options, *ONCE]) for unit in _units(once, "once")]
            objects = _objects(units, work, log)
            library = [str(path.resolve()) for path in sorted(runtime.glob("*.o"))]
            _run([("g++", "g++", [*objects, *library, "-pthread", "-o", PROGRAM])], work, log)
            shutil.rmtree(work / "obj")
            for path in objects:
                (work / path).unlink()

    return outputs.cached(final, make) / PROGRAM


def _runtime(folder: Path) -> Path:
    """Verilator's own C++ library, compiled once per folder and version."""
    version = toolchain.versions("verilator")["verilator"]
    final = folder / f"verilator-{version}"

    def make(work: Path) -> None:
        with outputs.logs(folder / "log" / final.name) as logs:
            sources = [(toolchain.verilator_include() / name, COMPILER) for name in RUNTIME]
            _objects(sources, work, logs / "compilation.log")

    return outputs.cached(final, make)


def _units(sources: Sequence[Path], name: str) -> list[Path]:
    """Files beside the sources that include them, each about `UNIT_BYTES` of them."""
    units: list[list[Path]] = []
    size = UNIT_BYTES
    for source in sources:
        if size >= UNIT_BYTES:
            units.append([])
            size = 0
        units[-1].append(source)
        size += source.stat().st_size
    paths = [unit[0].with_name(f"{name}_{number}.cpp") for number, unit in enumerate(units)]
    for path, unit in zip(paths, units, strict=True):
        path.write_text("".join(f'#include "{source.name}"\n' for source in unit))
    return paths


def _objects(sources: Sequence[tuple[Path, Sequence[str]]], work: Path, log: Path) -> list[str]:
    """Compile files, each with its options; names of the objects. g++ is called without make, which cannot build in a
    path with spaces."""
    include = toolchain.verilator_include()
    common = ["-std=gnu++17", "-I", str(include), "-I", str(include / "vltstd")]
    names = [f"{source.stem}.o" for source, _ in sources]
    commands = [
        ("g++", "g++", [*common, *options, "-c", str(source.resolve()), "-o", name])
        for (source, options), name in zip(sources, names, strict=True)
    ]
    _run(commands, work, log)
    return names


def _run(commands: Sequence[tuple[str, str, Sequence[str]]], work: Path, log: Path) -> None:
    """Run commands (name for messages, program, arguments), as many side by side as there are processors."""
    environment = {**os.environ, **toolchain.verilator_environment()}
    log.parent.mkdir(parents=True, exist_ok=True)
    running: deque[tuple[str, subprocess.Popen[bytes]]] = deque()
    with ExitStack() as stack:
        for name, program, arguments in commands:
            if shutil.which(program) is None:
                raise BuildError(f"{program} is not installed; simulations need a C++ compiler (Debian: g++)")
            if len(running) == os.cpu_count():
                _finish(*running.popleft(), log)
            process = toolchain.process(program, arguments, cwd=work, env=environment, stdout=subprocess.PIPE)
            running.append((name, stack.enter_context(process)))
        while running:
            _finish(*running.popleft(), log)


def _finish(name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    printed = process.communicate()[0]
    with log.open("ab") as output:
        output.write(printed)
    if process.returncode:
        end = toolchain.tail(printed)
        raise BuildError(f"{name} failed with exit status {process.returncode}; its log is {log} and ends:\n{end}")
