"""A bitstream into a board, with the programmer that the machine has."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..boards import Board
from ..errors import BuildError, InputError
from ..files import regular_file
from . import toolchain
from .flows import FLOWS
from .projects import VENDORS

__all__ = ["Programmed", "check_bitstream", "program"]

HEAD_BYTES = 4096
"""In so many bytes from its start a bitstream has its synchronisation word."""

PART = b"Part: "

SYNCHRONISATION = {
    "ice40": bytes.fromhex("7eaa997e"),
    "ecp5": bytes.fromhex("ffffbdb3"),
    "gowin": f"{0xA5C3:016b}".encode(),
    "xc7": bytes.fromhex("aa995566"),
}
"""What tells the devices of a family that a bitstream begins; Gowin's files have a character for each bit. Quartus's
files are only known by their names."""


@dataclass(frozen=True, kw_only=True)
class Programmed:
    """What `program` did.

    Attributes
    ----------
    memory : ``sram``, the FPGA's own, which power off clears, or ``flash``
    command : the words of the command that was run
    """

    memory: str
    command: tuple[str, ...]


def check_bitstream(path: Path, board: Board) -> None:
    """That a file is a bitstream for the board.

    Raises
    ------
    InputError : there is no such file, its name ends otherwise, or it holds something else, as far as its start tells
    """
    regular_file(path)
    family, made_by = board.target.family, "build" if board.target.family in FLOWS else "project"
    suffix = Path({**FLOWS, **VENDORS}[family].product).suffix
    mend = f"`hwgen {made_by} MODEL --board {board.name}` {'makes one' if family in FLOWS else 'writes what makes one'}"
    if path.suffix.lower() != suffix:
        raise InputError(f"{path}: the name of a bitstream for {board.name} ends in {suffix}; {mend}")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if SYNCHRONISATION.get(family, b"") not in head:
        raise InputError(f"{path}: is no bitstream for the {board.target.device} of {board.name}; {mend}")
    part = head.partition(PART)[2][:32].partition(b"\0")[0].decode(errors="replace")  # which ecppack writes
    if part and not part.startswith(board.target.device):
        raise InputError(
            f"{path}: is a bitstream for {part!r}, not for the {board.target.device} of {board.name}; {mend}"
        )


def program(
    bitstream: Path, board: Board, *, persist: bool = False, show: Callable[[str], None] = lambda line: None
) -> Programmed:
    """Loads a bitstream into a board: into the FPGA's own memory where a programmer can, else into its flash memory.

    Parameters
    ----------
    bitstream : one that `check_bitstream` lets pass
    persist : into flash memory in any case
    show : called with each line that the programmer writes

    Raises
    ------
    InputError : the board's file names no programmer, or with `persist` none that writes flash memory
    BuildError : none of them is installed, and nothing was done; or it failed
    """
    memory = "flash" if persist or not board.sram else "sram"
    commands = [line.split() for line in getattr(board, memory)]
    if not commands:
        raise InputError(_unable(board, persist))
    commands = [_with(bitstream, command) for command in commands]
    for name, *arguments in commands:
        found = toolchain.installed(name)
        if found:
            toolchain.run_shown(found, arguments, show)
            return Programmed(memory=memory, command=(name, *arguments))
    raise BuildError(_missing(board, commands))


def _with(bitstream: Path, command: Sequence[str]) -> list[str]:
    """A command with the bitstream in the place of ``{}``, or else at its end, where no program takes it for an
    option."""
    if any("{}" in word for word in command):
        return [word.replace("{}", str(bitstream)) for word in command]
    text = str(bitstream)
    return [*command, f"./{text}" if text.startswith("-") else text]


def _unable(board: Board, persist: bool) -> str:
    if persist and board.sram:
        return f"no programmer writes the flash memory of {board.name}; leave --persist out"
    return f'the file of {board.name} names no programmer; add to it a line like flash = ["iceprog"]'


def _missing(board: Board, commands: Sequence[Sequence[str]]) -> str:
    names = " or ".join(dict.fromkeys(name for name, *_ in commands))
    line = shlex.join(commands[0])
    return f"no programmer of {board.name} is installed; install {names}, then run this command again, or: {line}"
