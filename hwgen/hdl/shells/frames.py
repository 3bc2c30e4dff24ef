"""`hwgen.host.frames` in hardware: one end receives the host's frames, the other sends the board's."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from ...host.frames import CRC_BYTES, LONGEST

__all__ = ["FrameReceiver", "FrameSender"]


class _CRC(wiring.Component):
    """CRC-32, a bit a cycle, the least significant of a byte first; a byte's eight are fewer than any line takes.

    Members
    -------
    restart : In, begin anew
    valid, bit : In, one more bit
    crc : Out(32), of all bits since
    match : Out, the last 32 bits were the CRC of those before them
    """

    def __init__(self):
        super().__init__({"restart": In(1), "valid": In(1), "bit": In(1), "crc": Out(32), "match": Out(1)})

    def elaborate(self, platform):
        m = Module()
        processor = CRC32_ISO_HDLC(data_width=1).create()
        m.submodules.processor = ResetInserter(self.restart)(processor)
        m.d.comb += [
            processor.valid.eq(self.valid),
            processor.data.eq(self.bit),
            self.crc.eq(processor.crc),
            self.match.eq(processor.match_detected),
        ]
        return m


class FrameReceiver(wiring.Component):
    """Bytes from the host to the bytes of bodies, each followed by its CRC's, which is checked at the end.

    A byte takes 9 cycles, and as long as `data` waits.

    Members
    -------
    line : In, stream of bytes
    data : Out, stream of the bytes of a frame, decoded
    end : Out, high after a frame's last byte, until `seen`; frames without any are nothing
    good : Out, with `end`: the frame is whole and its CRC is right
    seen : In, the next frame may come
    """

    def __init__(self):
        byte = stream.Signature(unsigned(8))
        super().__init__({"line": In(byte), "data": Out(byte), "end": Out(1), "good": Out(1), "seen": In(1)})

    def elaborate(self, platform):
        m = Module()
        line, data = self.line, self.data
        m.submodules.crc = crc = _CRC()

        left = Signal(8, init=1)  # bytes to the next block's code
        full = Signal(init=1)  # no byte 0 stands between the last block and this one
        begun = Signal()  # the frame has a byte
        bit = Signal(3)
        is_end, is_code = Signal(), Signal()
        m.d.comb += [
            is_end.eq(line.payload == 0),
            is_code.eq(left == 1),
            data.payload.eq(Mux(is_code, 0, line.payload)),
            crc.bit.eq(data.payload.bit_select(bit, 1)),
            self.good.eq(crc.match & is_code & ~full),
        ]
        taken = Signal()
        with m.FSM():
            with m.State("BYTE"):
                with m.If(line.valid):
                    with m.If(is_end):
                        m.next = "END"
                    with m.Elif(is_code & full):
                        m.d.comb += taken.eq(1)
                    with m.Else():
                        m.d.comb += data.valid.eq(1)
                        with m.If(data.ready):
                            m.next = "CRC"
            with m.State("CRC"):
                m.d.comb += crc.valid.eq(1)
                m.d.sync += bit.eq(bit + 1)
                with m.If(bit == 7):
                    m.d.comb += taken.eq(1)
                    m.next = "BYTE"
            with m.State("END"):  # a state of its own, as `end` decides much
                m.d.comb += self.end.eq(begun)
                with m.If(~begun | self.seen):
                    m.d.comb += [line.ready.eq(1), crc.restart.eq(1)]
                    m.d.sync += [left.eq(1), full.eq(1), begun.eq(0)]
                    m.next = "BYTE"
        with m.If(taken):
            m.d.comb += line.ready.eq(1)
            m.d.sync += [begun.eq(1), left.eq(left - 1)]
            with m.If(is_code):
                m.d.sync += [left.eq(line.payload), full.eq(line.payload == LONGEST + 1)]
        return m


class FrameSender(wiring.Component):
    """Bytes of a body to those of its frame.

    Members
    -------
    data : In, stream of the bytes of a body
    finish : In, instead of a byte: the body is complete; held until `finished`
    finished : Out, high for a cycle after the frame's last byte was taken
    line : Out, stream of bytes
    """

    def __init__(self):
        byte = stream.Signature(unsigned(8))
        super().__init__({"data": In(byte), "finish": In(1), "finished": Out(1), "line": Out(byte)})

    def elaborate(self, platform):
        m = Module()
        line, data = self.line, self.data
        m.submodules.crc = crc = _CRC()

        code = Signal(8, init=1)  # of the block so far
        bit = Signal(3)
        index = Signal(range(CRC_BYTES + 1))  # bytes of the CRC that are sent
        byte = Signal(8)  # being sent, and then shifted into the CRC,
        of_crc = Signal()  # if it is not of it: then the CRC takes its own last bit, shifts, and shows its next byte
        full = code == LONGEST + 1
        m.d.comb += crc.bit.eq(Mux(of_crc, ~crc.crc[0], byte[0]))
        with m.FSM():
            with m.State("BODY"):
                m.d.sync += [byte.eq(Mux(self.finish, crc.crc[:8], data.payload)), of_crc.eq(self.finish)]
                with m.If(full | (index == CRC_BYTES)):
                    m.next = "CODE"
                with m.Elif(data.valid | self.finish):
                    m.d.comb += data.ready.eq(~self.finish)
                    m.d.sync += index.eq(index + self.finish)
                    m.next = "BYTE"
            with m.State("BYTE"):
                m.d.comb += [line.valid.eq(1), line.payload.eq(Mux(byte == 0, code, byte))]
                with m.If(line.ready):
                    m.d.sync += code.eq(Mux(byte == 0, 1, code + 1))
                    m.next = "CRC"
            with m.State("CRC"):
                m.d.comb += crc.valid.eq(1)
                m.d.sync += [byte.eq(byte >> 1), bit.eq(bit + 1)]
                with m.If(bit == 7):
                    m.next = "BODY"
            with m.State("CODE"):
                m.d.comb += [line.valid.eq(1), line.payload.eq(code)]
                with m.If(line.ready):
                    m.d.sync += code.eq(1)
                    m.next = "BODY"
                    with m.If((index == CRC_BYTES) & ~full):
                        m.next = "END"
            with m.State("END"):
                m.d.comb += line.valid.eq(1)
                with m.If(line.ready):
                    m.next = "FINISHED"
            with m.State("FINISHED"):
                m.d.comb += [self.finished.eq(1), crc.restart.eq(1)]
                m.d.sync += index.eq(0)
                m.next = "BODY"
        return m
