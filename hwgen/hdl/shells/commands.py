"""The accelerator core behind two streams of bytes: `hwgen.host.protocol` in hardware, whatever line carries them."""

from amaranth.hdl import Array, Module, Mux, Signal, unsigned
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ...host.frames import CRC_BYTES
from ...host.protocol import TEST_FIRST, TEST_TAPS, Command, Reply
from .. import csr
from .frames import FrameReceiver, FrameSender

__all__ = ["CommandShell"]


class _Phase(enum.Enum, shape=3):
    """Which byte of a frame comes next."""

    SEQUENCE = 0
    CODE = 1
    IMAGE = 2
    CRC = 3
    END = 4
    EXCESS = 5
    LOAD = 6


class CommandShell(wiring.Component):
    """A core and two state machines: one takes commands, one sends replies.

    An image goes into the core as it arrives, so the line is the only buffer, and its result waits until the frame is
    whole. A frame that is not puts the core into reset, after the result that is being sent. Nothing here counts time:
    the board waits for the rest of a frame, which then is good or damaged, so the host alone has time-outs.

    Parameters
    ----------
    core : as `hwgen.hdl.accelerator.Accelerator`: with its streams, registers and attributes

    Members
    -------
    received : In, stream of bytes from the line; after a frame it waits until the command before was answered, after an
        image until the result of the one before is being sent
    sent : Out, stream of bytes to the line
    busy : Out(1), an image is received or computed, or a command answered
    """

    def __init__(self, core: wiring.Component):
        if core.samples < 1:
            raise ValueError(f"an image has at least 1 byte, not {core.samples}")
        self.core = core
        byte = stream.Signature(unsigned(8))
        super().__init__({"received": In(byte), "sent": Out(byte), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        m.submodules.receiver = receiver = FrameReceiver()
        m.submodules.sender = sender = FrameSender()
        connect(m, flipped(self.received), receiver.line)
        connect(m, sender.line, flipped(self.sent))

        reply, sequence = Signal(Reply), Signal(8)  # to a command; of it
        replying = Signal()  # it is to be sent, or is
        tag = Signal(8)  # sequence of the image whose result is to be sent next,
        waiting = Signal()  # if there is one
        sending = Signal()  # a reply of any kind
        self._commands(m, core, receiver, reply, sequence, replying, tag, waiting, sending)
        self._replies(m, core, sender, reply, sequence, replying, tag, waiting, sending)
        return m

    def _commands(self, m, core, receiver, reply, sequence, replying, tag, waiting, sending):
        data = receiver.data
        phase = Signal(_Phase)
        left = Signal(range(max(core.samples, core.load_bytes, CRC_BYTES)))
        received, code = Signal(8), Signal(8)  # a message's first bytes
        state = Signal(8)  # of the test image
        is_image = (code == Command.IMAGE) | (code == Command.TEST)
        ended = Signal()
        m.d.comb += ended.eq(receiver.end & ~replying & ~(waiting & is_image))
        if core.load_bytes:  # no row changes under a result
            with m.If((code == Command.LOAD) & (waiting | sending)):
                m.d.comb += ended.eq(0)
        m.d.comb += core.image.payload.eq(data.payload)
        with m.FSM(name="command"):
            with m.State("FRAME"):
                m.d.comb += data.ready.eq(1)
                with m.Switch(phase):
                    with m.Case(_Phase.SEQUENCE):
                        m.d.sync += received.eq(data.payload)
                        with m.If(data.valid):
                            m.d.sync += phase.eq(_Phase.CODE)
                    with m.Case(_Phase.CODE):
                        m.d.sync += [code.eq(data.payload), left.eq(CRC_BYTES - 1)]
                        with m.If(data.valid):
                            m.d.sync += phase.eq(_Phase.CRC)
                            with m.If(data.payload == Command.IMAGE):
                                m.d.sync += [phase.eq(_Phase.IMAGE), left.eq(core.samples - 1)]
                            if core.load_bytes:
                                with m.Elif(data.payload == Command.LOAD):
                                    m.d.sync += [phase.eq(_Phase.LOAD), left.eq(core.load_bytes - 1)]
                    with m.Case(_Phase.IMAGE):
                        m.d.comb += [core.image.valid.eq(data.valid), data.ready.eq(core.image.ready)]
                        with m.If(data.valid & data.ready):
                            m.d.sync += left.eq(left - 1)
                            with m.If(left == 0):
                                m.d.sync += [phase.eq(_Phase.CRC), left.eq(CRC_BYTES - 1)]
                    if core.load_bytes:
                        with m.Case(_Phase.LOAD):
                            m.d.comb += [core.load.shift.eq(data.valid), core.load.data.eq(data.payload)]
                            with m.If(data.valid):
                                m.d.sync += left.eq(left - 1)
                                with m.If(left == 0):
                                    m.d.sync += [phase.eq(_Phase.CRC), left.eq(CRC_BYTES - 1)]
                    with m.Case(_Phase.CRC):
                        with m.If(data.valid):
                            m.d.sync += left.eq(left - 1)
                            with m.If(left == 0):
                                m.d.sync += phase.eq(_Phase.END)
                    with m.Case(_Phase.END):
                        with m.If(data.valid):
                            m.d.sync += phase.eq(_Phase.EXCESS)
                with m.If(ended):
                    m.d.comb += receiver.seen.eq(1)
                    m.d.sync += [phase.eq(_Phase.SEQUENCE), left.eq(core.samples - 1), state.eq(TEST_FIRST)]
                    m.d.sync += [replying.eq(1), reply.eq(Reply.DAMAGED), sequence.eq(received)]
                    with m.If(receiver.good & (phase == _Phase.END)):
                        with m.Switch(code):
                            with m.Case(Command.READ):
                                m.d.sync += reply.eq(Reply.REGISTERS)
                            with m.Case(Command.RESET):
                                m.d.sync += reply.eq(Reply.DONE)
                            with m.Case(Command.IMAGE, Command.TEST):
                                m.d.sync += [replying.eq(0), waiting.eq(1), tag.eq(received)]
                                with m.If(code == Command.TEST):
                                    m.next = "TEST"
                            if core.load_bytes:
                                with m.Case(Command.LOAD):
                                    m.d.comb += core.load.commit.eq(1)
                                    m.d.sync += reply.eq(Reply.DONE)
                            with m.Default():
                                m.d.sync += reply.eq(Reply.UNKNOWN)
            with m.State("TEST"):
                m.d.comb += [core.image.valid.eq(1), core.image.payload.eq(state[: core.pixel_bits])]
                with m.If(core.image.ready):
                    m.d.sync += [left.eq(left - 1), state.eq(state[1:] ^ Mux(state[0], TEST_TAPS, 0))]
                    with m.If(left == 0):
                        m.next = "FRAME"
        # A reset takes what there was of an image that is being received: the rest must not be taken for an image.
        with m.If(core.csr.write & is_image & (phase != _Phase.SEQUENCE) & (phase != _Phase.CODE)):
            m.d.sync += phase.eq(_Phase.EXCESS)
        m.d.comb += self.busy.eq(waiting | replying | (phase == _Phase.IMAGE))

    def _replies(self, m, core, sender, reply, sequence, replying, tag, waiting, sending):
        data = sender.data
        of_result = Signal()
        byte = Signal(range(csr.DATA_BITS // 8))

        def of(word):
            return Array(word.word_select(i, 8) for i in range(csr.DATA_BITS // 8))[byte]

        last = csr.layer_cycles(core.layers - 1)
        address = Signal(range(last + 2), init=csr.Register.CONTROL)
        m.d.comb += [core.csr.address.eq(address), core.csr.write_data.eq(csr.CONTROL_SOFT_RESET)]
        with m.FSM(name="reply") as machine:
            if core.load_bytes:
                m.d.comb += sending.eq(~machine.ongoing("IDLE"))
            with m.State("IDLE"):  # an answer goes before a result, so that none is begun of a core in reset
                m.d.sync += [of_result.eq(~replying), byte.eq(0)]
                with m.If(replying):
                    m.next = "SEQUENCE"
                    with m.If((reply == Reply.DONE) | (reply == Reply.DAMAGED)):
                        m.d.comb += core.csr.write.eq(1)
                        m.d.sync += waiting.eq(0)
                with m.Elif(core.result.valid & waiting):
                    m.next = "SEQUENCE"
            with m.State("SEQUENCE"):
                m.d.comb += [data.valid.eq(1), data.payload.eq(Mux(of_result, tag, sequence))]
                with m.If(data.ready):
                    m.next = "CODE"
            with m.State("CODE"):
                m.d.comb += [data.valid.eq(1), data.payload.eq(Mux(of_result, Reply.RESULT, reply))]
                m.d.sync += address.eq(0)
                with m.If(data.ready):
                    m.next = "FINISH"
                    with m.If(of_result):
                        m.d.sync += [address.eq(csr.Register.CYCLES), waiting.eq(0)]
                        m.next = "RESULT"
                    with m.Elif(reply == Reply.REGISTERS):
                        m.next = "READ"
            with m.State("RESULT"):
                m.d.comb += [data.valid.eq(core.result.valid), data.payload.eq(of(core.result.payload.value))]
                with m.If(data.valid & data.ready):
                    m.d.sync += byte.eq(byte + 1)
                    with m.If(byte == csr.DATA_BITS // 8 - 1):
                        m.d.comb += core.result.ready.eq(1)
                        with m.If(core.result.payload.last):
                            m.next = "READ"
            with m.State("READ"):
                m.d.comb += core.csr.read.eq(1)
                m.next = "WORD"
            with m.State("WORD"):
                m.d.comb += [data.valid.eq(1), data.payload.eq(of(core.csr.read_data))]
                with m.If(data.ready):
                    m.d.sync += byte.eq(byte + 1)
                    with m.If(byte == csr.DATA_BITS // 8 - 1):
                        m.d.sync += address.eq(address + 1)
                        m.next = "READ"
                        with m.If(address == last):
                            m.next = "FINISH"
            with m.State("FINISH"):
                m.d.comb += sender.finish.eq(1)
                with m.If(sender.finished):
                    m.d.sync += address.eq(csr.Register.CONTROL)
                    with m.If(~of_result):
                        m.d.sync += replying.eq(0)
                    m.next = "IDLE"
