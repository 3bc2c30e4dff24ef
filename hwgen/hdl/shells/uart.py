"""Serial receiver and transmitter: 8 data bits, no parity, one stop bit, the least significant bit first.

`encode` and `decode` are their twins in Python: line levels, one per clock cycle, from and to bytes.
"""

from collections.abc import Iterable, Sequence

from amaranth.hdl import C, Cat, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from ...boards import LEAST_CYCLES

__all__ = ["Receiver", "Transmitter", "decode", "encode"]


def _checked(divisor: int) -> int:
    if divisor < LEAST_CYCLES:
        raise ValueError(f"a serial port needs at least {LEAST_CYCLES} clock cycles per bit, not {divisor}")
    return divisor


def encode(data: Iterable[int], divisor: int) -> list[int]:
    """Line levels that carry `data`, one per clock cycle, with `divisor` cycles per bit and no pause between bytes."""
    bits = []
    for byte in data:
        bits += [0, *(byte >> i & 1 for i in range(8)), 1]
    return [bit for bit in bits for _ in range(divisor)]


def decode(levels: Sequence[int], divisor: int) -> list[int]:
    """Bytes that the line levels `levels` carry, one level per clock cycle.

    Each bit is read in its middle. A low level that is gone by the middle of a start bit begins nothing; a byte whose
    stop bit is low is dropped, and the next one begins only after the line was high again.
    """
    data, at = [], 0
    while (start := _find(levels, 0, at)) is not None:
        middle = start + divisor // 2
        middles = [middle + i * divisor for i in range(10)]
        if middles[0] < len(levels) and levels[middles[0]]:
            at = middles[0] + 1
            continue
        if middles[-1] >= len(levels):
            break
        at = middles[-1] + 1
        if levels[middles[-1]]:
            data.append(sum(levels[m] << i for i, m in enumerate(middles[1:-1])))
        elif (high := _find(levels, 1, at)) is not None:
            at = high + 1
        else:
            break
    return data


def _find(levels: Sequence[int], level: int, start: int) -> int | None:
    return next((i for i in range(start, len(levels)) if levels[i] == level), None)


class Receiver(wiring.Component):
    """Line to bytes; `decode` in hardware.

    A byte appears on `data` half a bit before the end of its stop bit (and 3 cycles later) and waits there until it is
    taken. The line cannot wait: a byte that is complete while another one still stands there is dropped.

    Parameters
    ----------
    divisor : clock cycles per bit, at least 4

    Members
    -------
    rx : In(1), the line; may change at any time
    data : Out, stream of bytes
    """

    def __init__(self, divisor: int):
        self.divisor = _checked(divisor)
        super().__init__({"rx": In(1, init=1), "data": Out(stream.Signature(unsigned(8)))})

    def elaborate(self, platform):
        m = Module()
        rx = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, rx, init=1)

        timer = Signal(range(self.divisor))
        tick = Signal()
        index = Signal(range(8))
        shift = Signal(8)
        m.d.comb += tick.eq(timer == 0)
        m.d.sync += timer.eq(timer - 1)
        with m.If(tick):
            m.d.sync += timer.eq(self.divisor - 1)

        with m.If(self.data.ready):
            m.d.sync += self.data.valid.eq(0)

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += timer.eq(self.divisor // 2 - 1)
                with m.If(~rx):
                    m.next = "START"
            with m.State("START"):
                with m.If(tick):
                    m.next = "DATA"
                    with m.If(rx):
                        m.next = "IDLE"
            with m.State("DATA"):
                with m.If(tick):
                    m.d.sync += [shift.eq(Cat(shift[1:], rx)), index.eq(index + 1)]
                    with m.If(index == 7):
                        m.next = "STOP"
            with m.State("STOP"):
                with m.If(tick):
                    m.next = "BREAK"
                    with m.If(rx):
                        m.next = "IDLE"
                        with m.If(~self.data.valid | self.data.ready):
                            m.d.sync += [self.data.valid.eq(1), self.data.payload.eq(shift)]
            with m.State("BREAK"):
                with m.If(rx):
                    m.next = "IDLE"
        return m


class Transmitter(wiring.Component):
    """Bytes to line; `encode` in hardware, with one more cycle of stop bit between bytes.

    Parameters
    ----------
    divisor : clock cycles per bit, at least 4

    Members
    -------
    data : In, stream of bytes; one is taken every 10 * divisor + 1 cycles
    tx : Out(1), the line
    """

    def __init__(self, divisor: int):
        self.divisor = _checked(divisor)
        super().__init__({"data": In(stream.Signature(unsigned(8))), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self.divisor))
        left = Signal(range(11))
        shift = Signal(10, init=~0)
        m.d.comb += [self.tx.eq(shift[0]), self.data.ready.eq(left == 0)]
        with m.If(self.data.ready):
            m.d.sync += timer.eq(self.divisor - 1)
            with m.If(self.data.valid):
                m.d.sync += [shift.eq(Cat(C(0, 1), self.data.payload, C(1, 1))), left.eq(10)]
        with m.Elif(timer == 0):
            m.d.sync += [timer.eq(self.divisor - 1), shift.eq(Cat(shift[1:], C(1, 1))), left.eq(left - 1)]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m
