"""Driver of a board at a serial port: what it holds, and images through it."""

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import serial
from serial.tools import list_ports

from ..errors import BuildError, InputError
from ..hdl import csr
from . import protocol
from .protocol import BAUD, Reply

__all__ = ["Device", "Identity", "Line"]


class Line(Protocol):
    """What `Device` needs of a serial port; `serial.Serial` has it."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; fewer if they did not come in time."""
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
    """

    model: int
    image_shape: tuple[int, int, int]
    logits: int
    layers: int


class Device:
    """A board that runs an accelerator behind `hwgen.hdl.shells.uart_shell`. A context manager: it closes the port.

    Parameters
    ----------
    line : an open serial port whose `read` waits for at most the time that the network takes
    name : how messages call it

    Attributes
    ----------
    identity : what it holds

    Raises
    ------
    BuildError : nothing answers, or something that is no hwgen board
    """

    def __init__(self, line: Line, name: str = "the board"):
        self.line = line
        self.name = name
        self._synchronize()
        self.identity = self._identify()

    @classmethod
    def open(cls, port: str, baud: int = BAUD, *, patience: float = 10.0) -> "Device":
        """The board at `port`.

        Parameters
        ----------
        port : ``/dev/ttyUSB1``, ``COM4`` or a URL that pyserial knows
        baud : bits per second
        patience : seconds to wait for an answer

        Raises
        ------
        InputError : there is no such port, or it cannot be opened
        BuildError : nothing answers, or something that is no hwgen board
        """
        try:
            line = serial.serial_for_url(port, baudrate=baud, timeout=patience)
        except (OSError, ValueError) as error:  # serial.SerialException is an OSError
            known = ", ".join(sorted(p.device for p in list_ports.comports())) or "none"
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"cannot open the serial port {port} ({reason}); ports on this machine: {known}") from None
        try:
            return cls(line, f"the board at {port}")
        except BaseException:
            line.close()
            raise

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.line.close()

    def classify(self, image: np.ndarray) -> tuple[int, list[int]]:
        """Class index and logits of an image, uint8 (height, width, channels) or, of one channel, (height, width).

        Raises
        ------
        InputError : the image has another shape than the board's network takes
        BuildError : the board does not answer, or lost a part of the image on the way
        """
        channels, height, width = self.identity.image_shape
        image = np.asarray(image)
        if image.ndim == 2:
            image = image[..., None]
        if image.shape != (height, width, channels) or image.dtype != np.uint8:
            raise InputError(
                f"{self.name} takes images of {height} x {width} pixels with {channels} channels of uint8, "
                f"not {image.dtype} of shape {image.shape}"
            )
        data = self._ask(
            protocol.image_command(image.tobytes()), Reply.RESULT, protocol.result_bytes(self.identity.logits)
        )
        return protocol.parse_result(data)

    def read(self, address: int) -> int:
        """Value of a register of `hwgen.hdl.csr`."""
        return protocol.parse_word(self._ask(protocol.read_command(address), Reply.READ, 4))

    def write(self, address: int, value: int):
        """Writes a register of `hwgen.hdl.csr`."""
        self._ask(protocol.write_command(address, value), Reply.WRITTEN, 0)

    def reset(self):
        """Drops every frame that the core is at, and its count of frames."""
        self.write(csr.Register.CONTROL, csr.CONTROL_SOFT_RESET)

    def cycles(self) -> list[int]:
        """Cycles that each layer took in the last frame."""
        return [self.read(csr.layer_cycles(i)) for i in range(self.identity.layers)]

    def check_model(self, digest: str):
        """BuildError unless the board holds the network of that digest."""
        expected = csr.model_word(digest)
        if self.identity.model != expected:
            raise BuildError(
                f"{self.name} holds another model ({self.identity.model:08x}, not {expected:08x}); "
                f"load the bitstream of this one"
            )

    def _synchronize(self):
        """Waits until the board has dropped whatever an earlier host had begun, and forgets what it sent."""
        time.sleep(2 * protocol.TIMEOUT)
        self.line.reset_input_buffer()

    def _identify(self) -> Identity:
        register = csr.Register
        magic = self.read(register.MAGIC)
        if magic != csr.MAGIC:
            raise BuildError(f"{self.name} answers, but is no hwgen board: its register 0 is {magic:08x}")
        version = self.read(register.VERSION)
        if version != csr.VERSION:
            raise BuildError(
                f"{self.name} has registers of version {version}, this hwgen reads version {csr.VERSION}; "
                f"build its bitstream anew"
            )
        shape = (self.read(register.CHANNELS), self.read(register.HEIGHT), self.read(register.WIDTH))
        return Identity(
            model=self.read(register.MODEL),
            image_shape=shape,
            logits=self.read(register.LOGITS),
            layers=self.read(register.LAYERS),
        )

    def _ask(self, command: bytes, reply: Reply, count: int) -> bytes:
        """Sends a command; the `count` bytes after its reply's first."""
        try:
            self.line.write(command)
            first = self.line.read(1)
            data = self.line.read(count) if first and first[0] == reply else b""
        except OSError as error:  # serial.SerialException is one
            raise BuildError(f"{self.name} went away: {error}") from None
        if not first:
            raise BuildError(
                f"{self.name} does not answer; check that it is on, holds a bitstream of hwgen, and that the port and "
                f"--baud are its own"
            )
        if first[0] == Reply.ERROR:
            raise BuildError(f"{self.name} refused a command: bytes were lost on the line; check --baud and the cable")
        if first[0] != reply:
            raise BuildError(f"{self.name} answered with byte {first[0]:#04x}, which no hwgen board does; check --baud")
        if len(data) != count:
            raise BuildError(f"{self.name} broke off after {len(data)} of {count} bytes of its answer")
        return data
