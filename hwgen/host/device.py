"""Driver of a board at a serial port: what it holds, and images through it."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import serial
from serial.tools import list_ports

from ..errors import BuildError, InputError
from ..hdl import csr
from . import frames, protocol
from .protocol import BAUD, WINDOW, Answer, Command, Reply

__all__ = ["Device", "Identity", "Line", "Result"]

ATTEMPTS = 8
SILENCES = 3
"""How often in a row something is tried before the line is given up; where nothing comes at all, sooner."""

PATIENCE = 10.0
"""Seconds that `Device` usually has for an image."""

TURNAROUND = 0.2
"""How much of its patience `Device` has for a command that needs no computation."""

POLL = 0.05
"""Seconds that a read of the line may wait."""


class Line(Protocol):
    """What `Device` needs of a serial port; `serial.Serial` has it."""

    @property
    def in_waiting(self) -> int: ...

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; fewer, or none, if they did not come in a fraction of a second."""
        ...

    def write(self, data: bytes, /) -> object: ...

    def reset_input_buffer(self) -> object: ...

    def close(self) -> object: ...


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a board says of itself.

    Attributes
    ----------
    model : the first 32 bits of its network's digest
    image_shape : (channels, height, width)
    logits : how many
    layers : how many have a cycle counter
    array : (P, S, Q)
    clock_hz : of the core
    structure : what networks can be loaded, see `flow.structure`; 0: none
    """

    model: int
    image_shape: tuple[int, int, int]
    logits: int
    layers: int
    array: tuple[int, int, int]
    clock_hz: int
    structure: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a board says of an image.

    Attributes
    ----------
    index : of the class
    logits : of all classes
    cycles : clock cycles of each layer; the last one's include those in which its logits waited for the line
    """

    index: int
    logits: list[int]
    cycles: list[int]


class _Trouble(Exception):
    """Something went wrong on the line, in words for the end of a message."""


class _Silence(_Trouble):
    """Nothing came."""


class _Attempts:
    """Counts what failed in a row."""

    def __init__(self):
        self.succeed()

    def succeed(self) -> None:
        self.troubles = self.silences = 0

    def fail(self, trouble: _Trouble) -> bool:
        """Whether it was one too many."""
        self.troubles += 1
        self.silences += isinstance(trouble, _Silence)
        return self.troubles == ATTEMPTS or self.silences == SILENCES


class Device:
    """A board that runs an accelerator behind `hwgen.hdl.shells.commands`. A context manager: it closes the port.

    What is damaged on the line is asked for again; results are right or there are none.

    Parameters
    ----------
    line : an open serial port whose `read` waits for a fraction of a second
    name : how messages call it
    patience : seconds in which an image is classified, its way there and the result's way back included

    Attributes
    ----------
    identity : what it holds

    Raises
    ------
    BuildError : nothing answers, or something that is no hwgen board
    """

    def __init__(self, line: Line, name: str = "the board", *, patience: float = PATIENCE):
        self.line, self.name, self.patience = line, name, patience
        self._sequence = 0
        self._received: deque[bytes] = deque()
        self._splitter = frames.Splitter(frames.frame_bytes(1 << 16))
        self._logits: int = 0
        self._layers: int | None = None
        self.reset()
        self.identity = self._identify()

    @classmethod
    def open(cls, port: str, baud: int = BAUD, *, patience: float = PATIENCE) -> "Device":
        """The board at `port`.

        Parameters
        ----------
        port : ``/dev/ttyUSB1``, ``COM4`` or a URL that pyserial knows
        baud : bits per second
        patience : as for `Device`

        Raises
        ------
        InputError : there is no such port, or it cannot be opened
        BuildError : nothing answers, or something that is no hwgen board
        """
        try:
            line = serial.serial_for_url(port, baudrate=baud, timeout=POLL, write_timeout=patience, exclusive=True)
        except (OSError, ValueError) as error:  # serial.SerialException is an OSError
            known = ", ".join(sorted(p.device for p in list_ports.comports())) or "none"
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"cannot open the serial port {port} ({reason}); ports on this machine: {known}") from None
        try:
            return cls(line, f"the board at {port}", patience=patience)
        except BaseException:
            line.close()
            raise

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.line.close()

    def classify(self, image: np.ndarray) -> Result:
        """The result for an image, uint8 (height, width, channels) or, of one channel, (height, width).

        Raises
        ------
        InputError : the image has another shape than the board's network takes
        BuildError : the board went away, or the line does not carry an image whole
        """
        return next(self.classify_all([image]))

    def classify_all(self, images: Iterable[np.ndarray]) -> Iterator[Result]:
        """The results for images, in their order, as they come; the next image is on its way while one is computed.
        Another command between two of them works, but costs the image that is on its way another one.

        Raises
        ------
        as for `classify`
        """
        return self._pipelined((Command.IMAGE, self._samples(image)) for image in images)

    def test(self) -> Result:
        """The result for `protocol.test_image`, which the board makes itself: without the line's doing.

        Raises
        ------
        BuildError : as for `classify`
        """
        return next(self._pipelined([(Command.TEST, b"")]))

    def registers(self) -> list[int]:
        """Values of the registers of `hwgen.hdl.csr`, by their addresses."""
        return self._ask(Command.READ, Reply.REGISTERS).numbers["registers"]

    def reset(self):
        """Drops every image that the board has, sets its counters to 0, and forgets what it has sent."""
        self._write(b"\0")  # ends whatever an earlier host had begun
        self.line.reset_input_buffer()
        self._received.clear()
        self._ask(Command.RESET, Reply.DONE)

    def load(self, tables: Sequence[Sequence[int]], row_bytes: int, model: int) -> Iterator[int]:
        """Another network into hardware that was made for it; yields as many rows as are written so far.

        A board in which this broke off holds no model: its register says 0 until the last row is written.

        Parameters
        ----------
        tables : rows of each, by number
        row_bytes : of each row
        model : the network's word (`csr.model_word`)

        Raises
        ------
        BuildError : the board does not know how, went away, or began anew in between
        """
        mark = len(tables)
        self._load_row(protocol.load_row(mark, 0, 0, row_bytes))
        self.identity = self._identify()
        rows = [(number, i, row) for number, contents in enumerate(tables) for i, row in enumerate(contents)]
        yield 1
        for done, (number, address, row) in enumerate(rows, 2):
            self._load_row(protocol.load_row(number, address, row, row_bytes))
            yield done
        self._check_blank()
        self._load_row(protocol.load_row(mark, 0, model, row_bytes))
        self.identity = self._identify()
        yield len(rows) + 2

    def _load_row(self, fields: bytes) -> None:
        """One row; again where the line damaged it, if the board is still the one that the row before went to."""
        attempts = _Attempts()
        while True:
            try:
                self._once(Command.LOAD, Reply.DONE, fields)
                return
            except _Trouble as trouble:
                if attempts.fail(trouble):
                    raise BuildError(f"{self.name} does not answer: {trouble}") from None
                if self.identity.model == 0:
                    self._check_blank()

    def _check_blank(self) -> None:
        if self.registers()[csr.Register.MODEL] != 0:
            raise BuildError(f"{self.name} was restarted while a network was loaded into it; load it again")

    def check_model(self, digest: str):
        """BuildError unless the board holds the network of that digest."""
        expected = csr.model_word(digest)
        if self.identity.model != expected:
            raise BuildError(
                f"{self.name} holds another model ({self.identity.model:08x}, not {expected:08x}); "
                f"load the bitstream of this one"
            )

    def _samples(self, image: np.ndarray) -> bytes:
        channels, height, width = self.identity.image_shape
        image = np.asarray(image)
        if image.ndim == 2:
            image = image[..., None]
        if image.shape != (height, width, channels) or image.dtype != np.uint8:
            raise InputError(
                f"{self.name} takes images of {height} x {width} pixels with {channels} channels of uint8, "
                f"not {image.dtype} of shape {image.shape}"
            )
        return image.tobytes()

    def _identify(self) -> Identity:
        values = self.registers()
        register = csr.Register
        if values[register.MAGIC] != csr.MAGIC:
            raise BuildError(f"{self.name} answers, but is no hwgen board: its register 0 is {values[0]:08x}")
        if values[register.VERSION] != csr.VERSION:
            raise BuildError(
                f"{self.name} has registers of version {values[register.VERSION]}, this hwgen reads version "
                f"{csr.VERSION}; build its bitstream anew"
            )
        self._logits, self._layers = values[register.LOGITS], values[register.LAYERS]
        return Identity(
            model=values[register.MODEL],
            image_shape=(values[register.CHANNELS], values[register.HEIGHT], values[register.WIDTH]),
            logits=values[register.LOGITS],
            layers=values[register.LAYERS],
            array=(values[register.P], values[register.S], values[register.Q]),
            clock_hz=values[register.CLOCK],
            structure=values[register.STRUCTURE],
        )

    def _pipelined(self, commands: Iterable[tuple[Command, bytes]]) -> Iterator[Result]:
        """The results of commands that are answered by one. After trouble the board is reset, they are sent again."""
        commands = iter(commands)
        under_way: deque[tuple[int, Command, bytes]] = deque()
        again: deque[tuple[Command, bytes]] = deque()
        attempts = _Attempts()
        while True:
            while len(under_way) < WINDOW and (following := again.popleft() if again else next(commands, None)):
                under_way.append((self._send(*following), *following))
            if not under_way:
                return
            try:
                result = self._result([sequence for sequence, _, _ in under_way])
            except _Trouble as trouble:
                if attempts.fail(trouble):
                    raise BuildError(f"{self.name} gives no result: {trouble}") from None
                self.reset()
                if self._identify() != self.identity:
                    raise BuildError(f"{self.name} holds another model now; open it again") from None
                again.extendleft((code, samples) for _, code, samples in reversed(under_way))
                under_way.clear()
                continue
            attempts.succeed()
            under_way.popleft()
            yield result

    def _result(self, sequences: list[int]) -> Result:
        """The result of the first of the commands under way."""
        end = time.monotonic() + self.patience
        while True:
            answer = self._receive(end)
            if answer.code != Reply.RESULT or answer.sequence not in sequences:
                continue  # a line may double a whole frame
            if answer.sequence != sequences[0]:
                raise _Trouble("its results get lost; check --baud and the cable")
            (index,) = answer.numbers["class"]
            return Result(index=index, logits=answer.numbers["logits"], cycles=answer.numbers["cycles"])

    def _ask(self, code: Command, reply: Reply) -> Answer:
        """The answer to a command that needs no computation and may be repeated."""
        attempts = _Attempts()
        while True:
            try:
                return self._once(code, reply)
            except _Trouble as trouble:
                if attempts.fail(trouble):
                    raise BuildError(f"{self.name} does not answer: {trouble}") from None

    def _once(self, code: Command, reply: Reply, fields: bytes = b"") -> Answer:
        """The answer to a command that needs no computation.

        Raises
        ------
        BuildError : the board does not know it, or is gone
        _Trouble : none came
        """
        sequence = self._send(code, fields)
        end = time.monotonic() + TURNAROUND * self.patience
        while True:
            answer = self._receive(end)
            if answer.sequence == sequence and answer.code == Reply.UNKNOWN:
                raise BuildError(f"{self.name} does not know {code.name}; build its bitstream anew")
            if answer.sequence == sequence and answer.code == reply:
                return answer

    def _send(self, code: Command, fields: bytes = b"") -> int:
        """Sends a command; its sequence number."""
        self._sequence = (self._sequence + 1) % 256
        self._write(frames.command_frame(protocol.command(self._sequence, code, fields)))
        return self._sequence

    def _write(self, data: bytes) -> None:
        try:
            self.line.write(data)
        except OSError as error:  # serial.SerialException is one
            raise BuildError(f"{self.name} went away: {error}") from None

    def _receive(self, end: float) -> Answer:
        """The next answer.

        Raises
        ------
        BuildError : the port is gone
        _Trouble : none came until `end`, or it was damaged here or what it answers was damaged there
        """
        came = False
        while not self._received:
            if time.monotonic() > end:
                if came:
                    raise _Trouble("what it sends is no hwgen board's; check the port and --baud")
                raise _Silence(
                    "nothing comes; check that it is on, holds a bitstream of hwgen, and that port and --baud are right"
                )
            try:
                data = self.line.read(max(1, self.line.in_waiting))
            except OSError as error:
                raise BuildError(f"{self.name} went away: {error}") from None
            came = came or bool(data)
            self._received.extend(self._splitter.feed(data))
        try:
            answer = protocol.parse(frames.reply_body(self._received.popleft()), self._logits, self._layers)
        except frames.Damage:
            raise _Trouble("what it sends arrives damaged; check the port, --baud and the cable") from None
        if answer is None:
            raise _Trouble("it sends messages of another kind; build its bitstream anew")
        if answer.code == Reply.DAMAGED:
            raise _Trouble("frames reach it damaged; check --baud and the cable")
        return answer
