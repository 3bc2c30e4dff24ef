"""The accelerator as a program: its Verilog through Verilator, with a C++ harness that runs whole frames."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import BuildError
from ..flow import toolchain
from ..flow.folders import appearing

__all__ = ["Abort", "Run", "Simulation", "build", "compile_program"]

HARNESS = Path(__file__).with_name("harness.cpp")
TOP = "accelerator"
FLAGS = ("--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-fatal")
QUIET = ("-Wno-PROCASSINIT", "-Wno-WIDTH", "-Wno-CASEINCOMPLETE", "-Wno-UNSIGNED", "-Wno-CMPCONST", "-Wno-ASCRANGE")
"""Lint that Amaranth's Verilog draws by design: implicit widths, and comparisons that constants decide."""

COMPILER = ("-O2", "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0", "-DVM_TRACE=0")
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
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
        """Run `script` over `images` (uint8, one frame each); records and a log appear in `folder`.

        Raises
        ------
        BuildError : the simulation stopped, hung, or ran longer than `limit` seconds
        """
        images.tofile(folder / "images.bin")
        log = folder / "simulation.log"
        command = [str(self.program.resolve()), "images.bin", str(images[0].size)]
        command += ["writes.bin", "results.bin", "cycles.bin"]
        with log.open("wb") as output:
            try:
                status = subprocess.run(
                    command,
                    cwd=folder,
                    input="".join(f"{line}\n" for line in script).encode(),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=limit,
                ).returncode
            except subprocess.TimeoutExpired:
                raise BuildError(f"the simulation took over {limit:.0f} seconds; its log is {log}") from None
        if status:
            tail = log.read_text(errors="replace").splitlines()[-1:]
            raise BuildError(f"the simulation failed with exit status {status}: {' '.join(tail)}; its log is {log}")


def build(verilog: str, data_bytes: int, folder: Path = Path("build")) -> Simulation:
    """Compile Verilog of a module ``accelerator``; made anew or found in ``folder/simulation-DIGEST/``.

    Parameters
    ----------
    data_bytes : see `trace.trace_bytes`

    Raises
    ------
    BuildError : Verilator or the compiler failed; the message has the last lines and the path of the log
    """
    return Simulation(program=compile_program(verilog, TOP, HARNESS, [f"-DTRACE_BYTES={data_bytes}"], folder))


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
    recipe = json.dumps([top, FLAGS, QUIET, COMPILER, *definitions, toolchain.versions("verilator")])
    key = hashlib.sha256("\0".join([verilog, harness.read_text(), recipe]).encode()).hexdigest()[:12]
    final = folder / f"simulation-{key}"
    if not (final / PROGRAM).exists():
        log = folder / "log" / f"{final.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        runtime = _runtime(folder, log)
        with appearing(final) as work:
            (work / f"{top}.v").write_text(verilog)
            command = [str(toolchain.verilator()), *FLAGS, *QUIET, "--top-module", top, "--Mdir", "obj", f"{top}.v"]
            _run("verilator", command, work, log)
            sources = sorted((work / "obj").glob("*.cpp"))
            options = ["-I", "obj", *definitions, *COMPILER]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                objects = list(pool.map(lambda source: _object(source, work, options, log), [*sources, harness]))
            library = [str(path.resolve()) for path in sorted(runtime.glob("*.o"))]
            _run("g++", ["g++", *map(str, objects), *library, "-pthread", "-o", PROGRAM], work, log)
            shutil.rmtree(work / "obj")
        log.unlink()
    return final / PROGRAM


def _runtime(folder: Path, log: Path) -> Path:
    """Verilator's own C++ library, compiled once per folder and version."""
    version = toolchain.versions("verilator")["verilator"]
    final = folder / f"verilator-{version}"
    if not final.exists():
        with appearing(final) as work:
            for name in RUNTIME:
                _object(toolchain.verilator_include() / name, work, COMPILER, log)
    return final


def _object(source: Path, work: Path, options: Sequence[str], log: Path) -> Path:
    """Compile one file. g++ is called without make, which cannot build in a path with spaces."""
    include = toolchain.verilator_include()
    target = work / f"{source.stem}.o"
    command = ["g++", "-std=gnu++17", "-I", str(include), "-I", str(include / "vltstd"), *options]
    _run("g++", [*command, "-c", str(source.resolve()), "-o", target.name], work, log)
    return target.relative_to(work)


def _run(tool: str, command: Sequence[str], work: Path, log: Path) -> None:
    environment = {**os.environ, **toolchain.verilator_environment()}
    try:
        done = subprocess.run(
            command,
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed; simulations need a C++ compiler (Debian: g++)") from None
    with log.open("ab") as output:
        output.write(done.stdout)
    if done.returncode:
        last = "\n".join(f"    {line}" for line in done.stdout.decode(errors="replace").splitlines()[-12:])
        raise BuildError(f"{tool} failed with exit status {done.returncode}; its log is {log} and ends:\n{last}")
