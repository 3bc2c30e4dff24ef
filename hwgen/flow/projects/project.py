"""A design for a board to a project for its vendor's tools, in a folder of its own."""

import hashlib
import inspect
import json
import tempfile
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from amaranth.build import TemplatedPlatform
from amaranth.build.run import BuildPlan
from amaranth.hdl import Elaboratable

from ... import outputs
from ...boards import Board
from ...errors import InputError
from .. import platforms, toolchain, verilog
from ..flows import TOP
from ..fpga import Progress
from . import vendors
from .count import count
from .vendors import VENDORS

__all__ = ["Project", "estimate", "files", "project"]

_REPORT = "report.json"
_RTLIL = ".il"
_KEPT = (".tcl", ".xdc", ".qsf", ".sdc", ".srf", ".sh", ".bat")
"""Endings of the files of Amaranth's that a project has."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """What `project` made.

    Attributes
    ----------
    board : name of the board
    toolchain : the vendor's tools
    folder : of the files
    files : SHA-256 of each, by its name
    command : makes the bitstream, there
    product : its name
    luts, rams : look-up tables and block RAMs, as in `boards.Target`, as Yosys synthesises the design
    clock_mhz : the clock that the design runs at, which the vendor's tools check
    seconds : how long it took, whenever it was done
    tools : version of each tool
    cached : whether it was found ready
    """

    board: str
    toolchain: str
    folder: Path
    files: dict[str, str]
    command: str
    product: str
    luts: int
    rams: int
    clock_mhz: float
    seconds: float
    tools: dict[str, str]
    cached: bool

    def as_json(self) -> dict:
        """All attributes, ready for `json.dumps`."""
        return {**asdict(self), "folder": str(self.folder)}


class _AsRtlil(TemplatedPlatform):
    """A platform that leaves the design as RTLIL: the Yosys by which Amaranth's own writes Verilog is another, slower
    one, and knows nothing of files beside (`hdl.repeated`)."""

    @property
    def file_templates(self):
        theirs = super().file_templates
        assert isinstance(theirs, dict)
        kept = {name: text for name, text in theirs.items() if not name.endswith(".v")}
        return {**kept, f"{{{{name}}}}{_RTLIL}": "{{emit_rtlil()}}"}


def _prepare(top: Elaboratable, board: Board) -> BuildPlan:
    """The design as RTLIL, with the constraints and scripts of Amaranth's platform."""
    platform = platforms.platform(board, _AsRtlil)
    prepared = platform.build(top, name=TOP, do_build=False, emit_src=False)
    assert prepared is not None  # as without do_build
    return prepared


def _files(plan: BuildPlan, family: str) -> dict[str, str]:
    """All files of the project."""
    vendor = VENDORS[family]
    texts = {name: text if isinstance(text, str) else text.decode() for name, text in plan.files.items()}
    rtlil = [name for name in texts if name.endswith(_RTLIL)]
    with tempfile.TemporaryDirectory() as folder:
        for name in rtlil:
            (Path(folder) / name).write_text(texts[name])
        design = verilog.of_rtlil(Path(folder), rtlil, vendor.attributes)
    files = {f"{TOP}.v": design} | {name: f"{text}\n" for name, text in texts.items() if name.endswith(_KEPT)}
    for name, words, instead in vendor.changed:
        assert words in files[name]  # or it is another version of Amaranth
        files[name] = files[name].replace(words, instead, 1)
    for name, text in vendor.added.items():
        there = files.get(name, "").splitlines()
        files[name] = "\n".join(
            [*there, *(line for line in text.splitlines() if line not in map(str.strip, there)), ""]
        )
    return files


def project(
    top: Elaboratable,
    board: Board,
    *,
    name: str,
    folder: Path = Path("build"),
    limit: float = 3600,
    progress: Progress = lambda step: nullcontext(),
) -> Project:
    """The project of `top` on `board`, in ``folder/NAME-BOARD-DIGEST/``, made anew or found there.

    Verilog, constraints and a script that runs the vendor's tools: Vivado in batch mode, or Quartus. The folder appears
    when all is done, or not at all; it can be moved. What the tools make there later stays there.

    Parameters
    ----------
    top : the whole design, which requests its pins from the platform
    name : of the design, for its folder
    limit : seconds for Yosys

    Raises
    ------
    InputError : the board's bitstreams are made by open tools, by `fpga.build`; or `folder` cannot be written; or the
        project is there and a file of it was changed
    BuildError : Yosys refuses the design
    """
    family = board.target.family
    if family not in VENDORS:
        raise InputError(f"{board.name} needs no project: `hwgen build` makes its bitstream with open tools")
    started = time.monotonic()
    outputs.writable_folder(folder)
    with progress("writing the netlist"):
        plan = _prepare(top, board)
    tools = toolchain.versions("amaranth", "amaranth-boards", "yosys")
    key = hashlib.sha256(plan.digest() + json.dumps(tools).encode() + _sources()).hexdigest()[:12]
    final = folder / f"{name}-{board.name}-{key}"
    found = _load(final)
    if found is not None:
        return found
    with outputs.making(final, progress) as work:
        found = _load(final)  # another process may have made it meanwhile
        if found is not None:
            return found
        with outputs.logs(folder / "log" / final.name) as logs:
            with progress("writing the Verilog"):
                texts = _files(plan, family)
            with progress("synthesis by Yosys"):
                counts = count(texts[f"{TOP}.v"], family, log=logs / "yosys.log", limit=limit)
            for file, text in texts.items():
                (work / file).write_text(text)
            made = Project(
                board=board.name,
                toolchain=board.target.traits.toolchain,
                folder=final,
                files={file: _digest(text.encode()) for file, text in sorted(texts.items())},
                command=f"sh {plan.script}.sh",
                product=VENDORS[family].product,
                **counts,
                clock_mhz=board.target.clock_hz / 1e6,
                seconds=round(time.monotonic() - started, 2),
                tools=tools,
                cached=False,
            )
            (work / _REPORT).write_text(json.dumps(made.as_json(), indent=2) + "\n")
        outputs.put_in_place(work, final)
    return made


def files(top: Elaboratable, board: Board) -> dict[str, str]:
    """The files of `project`, by name, which is all that it does without Yosys's synthesis.

    Raises
    ------
    InputError : as `platforms.platform`
    """
    return _files(_prepare(top, board), board.target.family)


def estimate(top: Elaboratable, board: Board) -> dict[str, int]:
    """The cells of `top` on `board` by the names of `Project`'s counts, as `project` finds them.

    Raises
    ------
    BuildError : Yosys refuses the design
    """
    return count(files(top, board)[f"{TOP}.v"], board.target.family)


def _sources() -> bytes:
    """Stands for what is done to the design in the name of what is kept: the sources of this folder and of Verilog."""
    files = [*sorted(Path(inspect.getfile(vendors)).parent.iterdir()), Path(inspect.getfile(verilog))]
    return b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files if file.is_file())


def _load(folder: Path) -> Project | None:
    """What an earlier run left in `folder`; None if there is nothing.

    Raises
    ------
    InputError : a file there was changed, or is gone
    """
    if not folder.exists():
        return None
    try:
        report = json.loads((folder / _REPORT).read_text())
        made = Project(**{**report, "folder": folder, "cached": True})
        changed = [file for file, digest in made.files.items() if _digest((folder / file).read_bytes()) != digest]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        changed = [_REPORT]
    if changed:
        raise InputError(f"{changed[0]} in {folder} was changed; move the folder or name another with -o")
    return made


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
