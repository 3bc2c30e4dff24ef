"""The accelerator core behind a serial port: `hwgen.host.protocol` in hardware."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...host.protocol import Command, Reply
from .. import csr
from .uart import Receiver, Transmitter

__all__ = ["UARTShell"]


class UARTShell(wiring.Component):
    """A core, a serial port, and the two state machines between them: one takes commands, one sends replies.

    An image goes into the core as it arrives, so the line is the only buffer: a core that stalls its image stream for
    longer than a byte takes on the line loses bytes, which the time-out then reports. The result is sent as it comes.

    Parameters
    ----------
    core : component with ``image: In(stream of bytes)``, ``result: Out(stream of {value: signed(32), last: 1})`` and
        ``csr: In(csr.Signature())``, as `hwgen.hdl.accelerator.Accelerator`
    samples : bytes of an image
    divisor : clock cycles per bit of the line
    timeout : clock cycles from one byte of a command to the next after which it is dropped; rounded up to a power of 2

    Members
    -------
    rx : In(1), line from the host
    tx : Out(1), line to the host
    busy : Out(1), from the first byte of an image to the last one of its result
    """

    def __init__(self, core: wiring.Component, *, samples: int, divisor: int, timeout: int):
        if samples < 1:
            raise ValueError(f"an image has at least 1 byte, not {samples}")
        if timeout < 20 * divisor:
            raise ValueError(f"timeout is at least 2 bytes, {20 * divisor} cycles, not {timeout}")
        self.core = core
        self.samples = samples
        self.divisor = divisor
        self.timeout = 1 << (timeout - 1).bit_length()
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        m.submodules.receiver = receiver = Receiver(self.divisor)
        m.submodules.transmitter = transmitter = Transmitter(self.divisor)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]

        reply = Signal(Reply)  # what the command machine wants sent,
        replying = Signal()  # that it does,
        replied = Signal()  # and that this has begun
        word = Signal(csr.DATA_BITS)  # value of a register, read or to be written
        reset = Signal()  # the core is in reset: no more of its result will come
        self._commands(m, core, receiver.data, reply, replying, replied, word, reset)
        self._replies(m, core, transmitter.data, reply, replying, replied, word, reset)
        return m

    def _commands(self, m, core, data, reply, replying, replied, word, reset):
        left = Signal(range(max(self.samples, csr.DATA_BITS // 8)))
        writes = Signal()
        silence = Signal(range(2 * self.timeout))
        expired = silence[-1]  # no comparison: what follows from it is a long path already
        m.d.sync += silence.eq(silence + 1)
        with m.If(data.valid):
            m.d.sync += silence.eq(0)
        m.d.comb += core.csr.write_data.eq(word)

        m.d.sync += reset.eq(0)
        with m.If(reset):
            m.d.sync += self.busy.eq(0)
        with m.FSM(name="command"):
            with m.State("IDLE"):
                m.d.comb += data.ready.eq(1)
                m.d.sync += [left.eq(self.samples - 1), silence.eq(0), reply.eq(Reply.ERROR)]
                m.d.sync += writes.eq(data.payload == Command.WRITE)
                with m.If(data.valid):
                    with m.Switch(data.payload):
                        with m.Case(Command.IMAGE):
                            m.d.sync += self.busy.eq(1)
                            m.next = "IMAGE"
                        with m.Case(Command.READ, Command.WRITE):
                            m.next = "ADDRESS"
                        with m.Default():
                            m.next = "REPLY"

            with m.State("IMAGE"):
                m.d.comb += [
                    core.image.valid.eq(data.valid),
                    core.image.payload.eq(data.payload),
                    data.ready.eq(core.image.ready),
                ]
                with m.If(data.valid & data.ready):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 0):
                        m.next = "IDLE"
                with m.Elif(expired):
                    m.d.sync += [core.csr.address.eq(csr.Register.CONTROL), word.eq(csr.CONTROL_SOFT_RESET)]
                    m.next = "WRITE"

            with m.State("ADDRESS"):
                m.d.comb += data.ready.eq(1)
                m.d.sync += left.eq(csr.DATA_BITS // 8 - 1)
                with m.If(data.valid):
                    m.d.sync += core.csr.address.eq(data.payload)
                    m.next = "READ"
                    with m.If(writes):
                        m.next = "DATA"
                with m.Elif(expired):
                    m.next = "REPLY"

            with m.State("READ"):  # the address stands at the core; the register's value does in the next cycle
                m.d.sync += reply.eq(Reply.READ)
                m.next = "LATCH"
            with m.State("LATCH"):
                m.d.sync += word.eq(core.csr.read_data)
                m.next = "REPLY"

            with m.State("DATA"):
                m.d.comb += data.ready.eq(1)
                with m.If(data.valid):
                    m.d.sync += [word.eq(Cat(word[8:], data.payload)), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.d.sync += reply.eq(Reply.WRITTEN)
                        m.next = "WRITE"
                with m.Elif(expired):
                    m.next = "REPLY"

            with m.State("WRITE"):
                m.d.comb += core.csr.write.eq(1)
                with m.If((core.csr.address == csr.Register.CONTROL) & (word & csr.CONTROL_SOFT_RESET).any()):
                    m.d.sync += reset.eq(1)
                m.next = "REPLY"

            with m.State("REPLY"):
                m.d.comb += replying.eq(1)
                with m.If(replied):
                    m.next = "IDLE"

    def _replies(self, m, core, data, reply, replying, replied, word, reset):
        index = Signal(range(csr.DATA_BITS // 8))
        source = Signal(csr.DATA_BITS)
        of_result = Signal()
        m.d.comb += source.eq(Mux(of_result, core.result.payload.value, word))

        with m.FSM(name="reply"):
            with m.State("IDLE"):  # a reply goes before a result, so that none of a core in reset is begun
                m.d.sync += index.eq(0)
                m.d.comb += data.valid.eq(replying | core.result.valid)
                m.d.comb += data.payload.eq(Mux(replying, reply, Reply.RESULT))
                with m.If(data.valid & data.ready):
                    m.d.comb += replied.eq(replying)
                    m.d.sync += of_result.eq(~replying)
                    with m.If(~replying | (reply == Reply.READ)):
                        m.next = "WORD"

            with m.State("WORD"):
                m.d.comb += data.valid.eq(~of_result | core.result.valid)
                m.d.comb += data.payload.eq(Array(source.word_select(i, 8) for i in range(4))[index])
                with m.If(data.valid & data.ready):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == 3):
                        m.d.comb += core.result.ready.eq(of_result)
                        with m.If(~of_result):
                            m.next = "IDLE"
                        with m.Elif(core.result.payload.last):
                            m.d.sync += self.busy.eq(0)
                            m.next = "IDLE"
                with m.If(reset & of_result):
                    m.next = "IDLE"
