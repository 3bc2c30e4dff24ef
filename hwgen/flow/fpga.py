"""A design for a board to a bitstream: Yosys, nextpnr and the family's packer, in a folder of their own.

The same design, seed and tools give the same bitstream, byte for byte, so what was built once is found again.
"""

import hashlib
import inspect
import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from amaranth.build.run import BuildPlan
from amaranth.hdl import Elaboratable

from .. import outputs
from ..boards import Board
from ..errors import InputError, TimingError
from . import platforms, synthesis, toolchain
from .flows import FLOWS, TOP
from .place_and_route import ROUTED, TIMING, best, place_and_route

__all__ = ["Bitstream", "Progress", "build", "check_open", "pack", "prepare"]

Progress = Callable[[str], AbstractContextManager[object]]
"""Called with the name of a step; what it returns is entered while that step runs."""

_KEPT = (".il", ".ys", ".pcf", ".lpf", ".cst")
_REPORT = "report.json"


@dataclass(frozen=True, kw_only=True)
class Bitstream:
    """What `build` made.

    Attributes
    ----------
    board : name of the board
    bitstream : path of the file that goes into the FPGA
    digest : SHA-256 of that file
    luts, rams, sprams, dsps : cells that it takes, as nextpnr counts them (iCE40: logic cells, ECP5: LUT4,
        Gowin: LUT4 and ALUs)
    fmax_mhz : the highest clock that nextpnr's timing analysis allows
    clock_mhz : the clock that the design runs at
    seed : nextpnr's
    seeds : Fmax by every seed that was tried, as text (JSON has no other keys); None where nextpnr failed with it
    seconds : how long the build took, whenever it was done
    steps : seconds of each tool
    tools : version of each tool
    cached : whether it was found ready
    """

    board: str
    bitstream: Path
    digest: str
    luts: int
    rams: int
    sprams: int
    dsps: int
    fmax_mhz: float
    clock_mhz: float
    seed: int
    seeds: dict[str, float | None]
    seconds: float
    steps: dict[str, float]
    tools: dict[str, str]
    cached: bool

    def as_json(self) -> dict:
        """All attributes, ready for `json.dumps`."""
        return {**asdict(self), "bitstream": str(self.bitstream)}


def prepare(top: Elaboratable, board: Board) -> BuildPlan:
    """The netlist, constraints and command lines of `top` on `board`, nextpnr's without a seed; runs no tool.

    Raises
    ------
    InputError : as `platforms.platform`
    """
    placement = FLOWS[board.target.family].placement.format(mhz=board.target.clock_hz / 1e6)
    prepared = platforms.platform(board).build(
        top,
        name=TOP,
        do_build=False,
        emit_src=False,
        synth_opts=synthesis.options(board.target.family),
        script_after_synth=synthesis.after(board.target.family, TOP),
        # A clock that is not reached: `build` says what is to be done about it.
        nextpnr_opts=f"--timing-allow-fail {placement} --report {TIMING}",
    )
    assert prepared is not None  # as without do_build
    return prepared


def check_open(board: Board) -> None:
    """InputError: no open tools make bitstreams for the board."""
    if board.target.family not in FLOWS:
        raise InputError(
            f"bitstreams for {board.name} are made by {board.target.traits.toolchain} alone; "
            f"`hwgen project MODEL --board {board.name}` writes a project for it"
        )


def build(
    top: Elaboratable,
    board: Board,
    *,
    name: str,
    folder: Path = Path("build"),
    seeds: Sequence[int] = (1,),
    jobs: int = 1,
    limit: float = 3600,
    progress: Progress = lambda step: nullcontext(),
) -> Bitstream:
    """The bitstream of `top` on `board`, in ``folder/NAME-BOARD-DIGEST/``, made anew or found there.

    The folder appears when all is done, or not at all. Until then the logs of the tools are in
    ``folder/log/NAME-BOARD-DIGEST/``, where they stay if one fails. Where several build the same, one does.

    Parameters
    ----------
    top : the whole design, which requests its pins from the platform
    name : of the design, for its folder
    seeds : of nextpnr's placement; the one that reaches the highest clock is taken
    jobs : placements side by side
    limit : seconds for each tool, and each placement

    Raises
    ------
    BuildError : a tool failed, nextpnr with every seed; the message has its last lines and the path of its log
    TimingError : no seed reached the board's clock
    InputError : `folder` cannot be written; or no open tools make bitstreams for the board
    """
    check_open(board)
    started = time.monotonic()
    outputs.writable_folder(folder)
    with progress("writing the netlist"):
        plan = prepare(top, board)
    flow = FLOWS[board.target.family]
    nextpnr, packer = flow.nextpnr, flow.packer
    tools = toolchain.versions(
        "amaranth", "amaranth-boards", "yosys", nextpnr, *{packer}.intersection(toolchain.PACKAGES)
    )
    recipe = json.dumps([tools, *seeds]) + _sources(*synthesis.RECIPES[board.target.family].finish, flow.floorplan)
    key = hashlib.sha256(plan.digest() + recipe.encode()).hexdigest()[:12]
    final = folder / f"{name}-{board.name}-{key}"
    found = _load(final)
    if found is not None:
        return found
    with outputs.making(final, progress) as work:
        found = _load(final)  # another process may have made it meanwhile
        if found is not None:
            return found
        with outputs.logs(folder / "log" / final.name) as logs:
            plan.extract(str(work))
            steps: dict[str, float] = {}

            @contextmanager
            def step(name, tool):
                first = "" if toolchain.is_compiled(tool) else f"; {tool} is compiled first, once, for up to a minute"
                begun = time.monotonic()
                with progress(name + first):
                    yield
                steps[tool] = round(time.monotonic() - begun, 2)

            commands = _commands(plan)
            with step("synthesis", "yosys"):
                toolchain.run("yosys", [f"{TOP}.ys"], cwd=work, log=logs / "yosys.log", limit=limit)
                synthesis.finish(board.target.family, work / flow.netlist)
                if flow.floorplan:
                    flow.floorplan(work / flow.netlist, board.target.device)
            arguments = commands[nextpnr]
            count = f", {len(seeds)} seeds" if len(seeds) > 1 else ""
            with step(f"place and route{count}", nextpnr):
                tried = place_and_route(nextpnr, arguments, seeds, work=work, logs=logs, jobs=jobs, limit=limit)
            _check_timing(board, tried)
            with step("packing the bitstream", packer):
                toolchain.run(packer, commands[packer], cwd=work, log=logs / f"{packer}.log", limit=limit)
            made = _measure(work, board, tried, steps, tools, round(time.monotonic() - started, 2))
            for file in work.iterdir():
                if file.suffix not in _KEPT and file.name not in (made.bitstream.name, TIMING):
                    file.unlink()
            report = {**made.as_json(), "bitstream": made.bitstream.name}
            (work / _REPORT).write_text(json.dumps(report, indent=2) + "\n")
            shutil.copytree(logs, work / "log")
        outputs.put_in_place(work, final)
    return replace(made, bitstream=final / made.bitstream.name)


def _sources(*changes: Callable | None) -> str:
    """Stands for what is done to files between two tools in the name of what is kept: digests of its source files."""
    files = [Path(inspect.getfile(change)) for change in changes if change is not None]
    return "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


def pack(top: Elaboratable, board: Board) -> dict[str, int]:
    """The cells of `top` on `board` by the names of `Bitstream`'s counts, as nextpnr packs them; it routes none, and
    places only Gowin's.

    Raises
    ------
    BuildError : a tool failed
    InputError : as `prepare`
    """
    plan = prepare(top, board)
    flow = FLOWS[board.target.family]
    arguments = _commands(plan)[flow.nextpnr]
    at = next(i for i, argument in enumerate(arguments) if argument.endswith(ROUTED))
    del arguments[at - 1 : at + 1]  # what is not routed cannot be written
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        plan.extract(folder)
        toolchain.run("yosys", [f"{TOP}.ys"], cwd=work, log=None)
        synthesis.finish(board.target.family, work / flow.netlist)
        toolchain.run(flow.nextpnr, [flow.pack, "--seed", "1", *arguments], cwd=work, log=None)
        return _cells(work / TIMING, {**flow.cells, **flow.packed})


def _commands(plan: BuildPlan) -> dict[str, list[str]]:
    """Arguments of each tool.

    Those of nextpnr-gowin, which Amaranth's platform calls, are written as its successor takes them.
    """
    commands = json.loads(plan.files[f"build_{TOP}.json"])["commands"]
    arguments = {tool: [argument for argument in rest if argument != "--quiet"] for tool, *rest in commands}
    if "nextpnr-gowin" in arguments:
        former = arguments.pop("nextpnr-gowin")
        for name in ("family", "cst"):
            at = former.index(f"--{name}")
            former[at : at + 2] = ["--vopt", f"{name}={former[at + 1]}"]
        arguments["nextpnr-himbaechel-gowin"] = former
    return arguments


def _cells(report: Path, names: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """Cells that nextpnr reports, of the kinds that each count is the sum of."""
    used = json.loads(report.read_text())["utilization"]
    return {count: sum(used.get(cell, {"used": 0})["used"] for cell in cells) for count, cells in names.items()}


def _check_timing(board, tried):
    reached, clock = max(fmax for fmax in tried.values() if fmax is not None), board.target.clock_hz / 1e6
    if reached < clock:
        seeds = "seed " + ", ".join(map(str, tried)) if len(tried) < 9 else f"{len(tried)} seeds"
        raise TimingError(
            f"the design reaches {reached} MHz with {seeds}, and the clock is to be {clock:g} MHz; "
            f"take --clock {math.floor(reached)} or more --seeds",
            fmax_mhz=reached,
        )


def _measure(
    work: Path, board: Board, tried: dict[int, float | None], steps: dict, tools: dict, seconds: float
) -> Bitstream:
    seed = best(tried)
    fmax = None if seed is None else tried[seed]
    assert seed is not None and fmax is not None  # or `place_and_route` has raised
    bitstream = work / FLOWS[board.target.family].product
    return Bitstream(
        board=board.name,
        bitstream=bitstream,
        digest=hashlib.sha256(bitstream.read_bytes()).hexdigest(),
        **_cells(work / TIMING, FLOWS[board.target.family].cells),
        fmax_mhz=fmax,
        clock_mhz=board.target.clock_hz / 1e6,
        seed=seed,
        seeds={str(each): fmax for each, fmax in tried.items()},
        seconds=seconds,
        steps=steps,
        tools=tools,
        cached=False,
    )


def _load(folder: Path) -> Bitstream | None:
    """What an earlier build left in `folder`; None if there is nothing, or if it was changed since."""
    try:
        report = json.loads((folder / _REPORT).read_text())
        bitstream = folder / report["bitstream"]
        if hashlib.sha256(bitstream.read_bytes()).hexdigest() != report["digest"]:
            return None
        return Bitstream(**{**report, "bitstream": bitstream, "cached": True})
    except (OSError, ValueError, KeyError, TypeError):
        return None
