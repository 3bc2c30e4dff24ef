"""A board without the board: its whole logic in Verilator, its serial port a pseudo-terminal of this machine.

What `hwgen run` does to a real board it can do to this one: every bit crosses the simulated pins.
"""

import mmap
import os
import struct
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from .. import outputs
from ..boards import Board
from ..errors import BuildError
from ..flow import toolchain, verilog
from ..flow.structure import structure
from ..hdl.accelerator import Accelerator
from ..hdl.shells.board_top import BoardLogic
from ..plan.plan import Plan
from . import verilator
from .cells import with_cells
from .elements import check_model
from .verify import Progress

__all__ = ["LINE_CYCLES", "TOP", "Status", "VirtualBoard", "powered", "virtual_board"]

HARNESS = Path(__file__).with_name("virtual_board.cpp")
TOP = "board"
STATUS = struct.Struct("=QQQ")

LINE_CYCLES = 8
"""Clock cycles per bit of the simulated line, where a board does not take fewer: at a board's own speed most of what is
simulated would be waiting for bits."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a virtual board has done so far.

    Attributes
    ----------
    cycles : clock cycles simulated; while the board has nothing to do its clock stands
    received, sent : bytes on its lines
    seconds : that the clock ran on the board's own time
    elapsed : seconds of this machine since its start
    """

    cycles: int
    received: int
    sent: int
    seconds: float
    elapsed: float


class VirtualBoard:
    """A running simulation.

    Attributes
    ----------
    port : path of its serial port
    clock_hz : of the board
    """

    def __init__(self, port: str, clock_hz: int, process, status: mmap.mmap):
        self.port, self.clock_hz = port, clock_hz
        self._process, self._status = process, status
        self._begun = time.monotonic()

    def status(self) -> Status:
        """What it has done so far.

        Raises
        ------
        BuildError : the simulation has ended
        """
        if self._process.poll() is not None:
            raise BuildError(f"the simulation of the board ended with exit status {self._process.returncode}")
        cycles, received, sent = STATUS.unpack(self._status[: STATUS.size])
        return Status(
            cycles=cycles,
            received=received,
            sent=sent,
            seconds=cycles / self.clock_hz,
            elapsed=time.monotonic() - self._begun,
        )


@contextmanager
def virtual_board(
    plan: Plan,
    board: Board,
    folder: Path = Path("build"),
    *,
    every_cell: bool = False,
    line_cycles: int | None = None,
    progress: Progress = lambda step: nullcontext(),
) -> Iterator[VirtualBoard]:
    """A board as if `board` had been loaded with the bitstream of `plan`, for as long as the context lasts.

    Parameters
    ----------
    folder : where the simulation is built, or found
    every_cell : simulate the processing elements as they are built, not by models that are held against them
    line_cycles : clock cycles per bit of its line, at least 4; as `LINE_CYCLES` says where it is None

    Raises
    ------
    BuildError : the simulation could not be built
    """
    divisor = min(LINE_CYCLES, board.divisor) if line_cycles is None else line_cycles
    outputs.writable_folder(folder)
    if not every_cell:
        with progress("holding a processing element against its model"):
            check_model(plan, folder)
    with progress("writing the Verilog"):
        accelerator = Accelerator(plan, board.target.clock_hz, structure(plan))
        logic = BoardLogic(accelerator, divisor=divisor, heartbeat=board.target.clock_hz // 2)
        text = with_cells(verilog.emit(logic, TOP, models=not every_cell))
    with powered(text, divisor, board.target.clock_hz, folder, progress=progress) as running:
        yield running


@contextmanager
def powered(
    text: str,
    divisor: int,
    clock_hz: int,
    folder: Path = Path("build"),
    *,
    progress: Progress = lambda step: nullcontext(),
) -> Iterator[VirtualBoard]:
    """The board that Verilog describes, for as long as the context lasts.

    Parameters
    ----------
    text : has a module ``board`` with the ports of `BoardLogic`, and all below it
    divisor : clock cycles per bit of its line
    clock_hz : of its clock
    folder : where the simulation is built, or found

    Raises
    ------
    BuildError : the simulation could not be built
    """
    with progress("building the simulation"):
        program = verilator.compile_program(text, TOP, HARNESS, [], folder)
    inside, port = os.openpty()
    try:
        tty.setraw(port)
        with outputs.scratch(folder) as work:
            file = work / "status.bin"
            file.write_bytes(bytes(STATUS.size))
            with file.open("r+b") as opened, mmap.mmap(opened.fileno(), STATUS.size) as status:
                arguments = [str(divisor), str(file.resolve())]
                with toolchain.process(
                    str(program.resolve()), arguments, stdin=inside, stdout=inside, stderr=None
                ) as process:
                    yield VirtualBoard(os.ttyname(port), clock_hz, process, status)
    finally:
        os.close(inside)
        os.close(port)
