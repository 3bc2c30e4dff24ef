"""A line of bytes over SPI, for `Device`: each byte beside one of flags, both ways at a time.

Whatever moves bytes over SPI will do (spidev, pyftdi, a microcontroller's own driver): it is given as a function.
"""

from collections.abc import Callable

__all__ = ["BURST", "EXCHANGE_BITS", "GIVES", "LEAST_CYCLES", "TAKES", "SPILine", "bytes_per_second"]

EXCHANGE_BITS = 16
"""Flags and a byte."""

LEAST_CYCLES = 8
"""Fewest clock cycles of the board for a bit."""

GIVES = 1 << 7
"""Flag: the byte after this one is data."""

TAKES = 1 << 0
"""Flag of the board: it takes the byte that comes after this one."""

BURST = 32
"""Exchanges in one transfer."""


def bytes_per_second(clock_hz: float) -> float:
    """Most that cross the lines of a board with that clock, in either direction."""
    return clock_hz / LEAST_CYCLES / EXCHANGE_BITS


class SPILine:
    """A board at SPI, in mode 0, as `Device` wants a line. See `hwgen.hdl.shells.spi` for what crosses it.

    What the board does not take of a burst is lost, so that the frame is damaged and sent again.

    Parameters
    ----------
    transfer : sends bytes and returns as many that came meanwhile, with the select line low from the first to the last
    """

    def __init__(self, transfer: Callable[[bytes], bytes]):
        self._transfer = transfer
        self._came = bytearray()

    @property
    def in_waiting(self) -> int:
        return len(self._came)

    def read(self, size: int) -> bytes:
        """What has come, up to `size` bytes; where that is nothing, what comes in one exchange or `BURST` of them."""
        if not self._came:
            self._exchange([None])
        if self._came:
            self._exchange([None] * BURST)  # where there is one byte there are more
        data = bytes(self._came[:size])
        del self._came[:size]
        return data

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), BURST):
            self._exchange(list(data[start : start + BURST]))

    def reset_input_buffer(self) -> None:
        self._came.clear()

    def close(self) -> None:
        """Does nothing: who opened the bus closes it."""

    def _exchange(self, given: list[int | None]) -> None:
        sent = bytes(value for byte in given for value in ((0, 0) if byte is None else (GIVES, byte)))
        came = self._transfer(sent)
        self._came += bytes(byte for flags, byte in zip(came[::2], came[1::2], strict=True) if flags & GIVES)
