"""A board without the board: its whole logic in Verilator, its serial port a pseudo-terminal of this machine.

What `hwgen run` does to a real board it can do to this one: every bit crosses the simulated pins.
"""

import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..boards import Board
from ..flow import toolchain, verilog
from ..hdl.accelerator import Accelerator
from ..hdl.shells.board_top import BoardLogic
from ..plan.plan import Plan
from . import verilator
from .cells import with_cells

__all__ = ["virtual_board"]

HARNESS = Path(__file__).with_name("virtual_board.cpp")
TOP = "board"


@contextmanager
def virtual_board(plan: Plan, board: Board, folder: Path = Path("build")) -> Iterator[str]:
    """Path of a serial port at which `board` answers as if it had been loaded with the bitstream of `plan`.

    The clock runs as fast as the simulation does, several hundred thousand cycles a second: time-outs inside the board
    count its own cycles. It runs while the context lasts.

    Parameters
    ----------
    folder : where the simulation is built, or found

    Raises
    ------
    BuildError : the simulation could not be built
    """
    logic = BoardLogic.of(Accelerator(plan, board.target.clock_hz), board)
    program = verilator.compile_program(with_cells(verilog.emit(logic, TOP)), TOP, HARNESS, [], folder)
    inside, port = os.openpty()
    try:
        tty.setraw(port)
        divisor = [str(board.divisor)]
        with toolchain.process(str(program.resolve()), divisor, stdin=inside, stdout=inside, stderr=None):
            yield os.ttyname(port)
    finally:
        os.close(inside)
        os.close(port)
