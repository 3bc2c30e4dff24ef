"""What the shells of buses share: the core's streams as AXI4-Stream wants them, and a register of the shell's own."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .. import csr
from ..result import RESULT
from .ports import Port

__all__ = ["NO_CLASS", "STREAM", "STREAM_MISFRAMED", "STREAM_MEANING", "STREAM_PORTS", "BusCore", "connect_streams"]

STREAM = (1 << csr.ADDRESS_BITS) - 1
"""Word address of the shell's register, which the core has none at (`hwgen.hdl.csr.Register`)."""

STREAM_MISFRAMED = 1 << 0
"""STREAM bit 0."""

STREAM_MEANING = "Bit 0: since reset, tlast came with another sample than an image's last, or not with that."

NO_CLASS = 0xFFFFFFFF
"""What stands in the place of the class of a result that a soft reset cut short: no class has this index."""

SAMPLE = data.StructLayout({"value": unsigned(8), "last": 1})

STREAM_PORTS = (
    Port("s_axis_tdata", True, 8, "a sample of an image: row after row, column after column, channel after channel"),
    Port("s_axis_tvalid", True, 1, "there is a sample"),
    Port("s_axis_tready", False, 1, "it is taken"),
    Port("s_axis_tlast", True, 1, "it is the last of its image; only checked, tie it low where there is none"),
    Port("m_axis_tdata", False, 32, "a logit, two's complement; at the end of a result the class"),
    Port("m_axis_tvalid", False, 1, "there is a word of a result"),
    Port("m_axis_tready", True, 1, "it is taken"),
    Port("m_axis_tlast", False, 1, "it is the class"),
)


class BusCore(wiring.Component):
    """The core, with a soft reset that its streams stand, and the register `STREAM`.

    Images are counted sample by sample; `last` of `image` is compared with the count and does nothing else. After a
    soft reset the next sample is an image's first, so that whoever sends images has to stop before it.

    A word that stands on `result` stays there until it is taken, through a soft reset too, and a result of which words
    were there by then still ends: with `NO_CLASS`, and `last`.

    Parameters
    ----------
    core : with streams, registers and the number of samples of an `Accelerator`

    Members
    -------
    image : In, stream of `SAMPLE`
    result : Out, stream of `RESULT`, one cycle behind the core's
    csr : In, `csr.Signature`
    """

    def __init__(self, core: wiring.Component):
        self.core = core
        super().__init__(
            {"image": In(stream.Signature(SAMPLE)), "result": Out(stream.Signature(RESULT)), "csr": In(csr.Signature())}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        connect(m, flipped(self.csr), core.csr)
        resets = Signal()  # together with the core, which has it from its own register
        m.d.sync += resets.eq(self.csr.write & (self.csr.address == csr.Register.CONTROL) & self.csr.write_data[0])

        is_last = Signal(init=core.samples == 1)
        misframed = Signal()
        sample = Signal(range(max(2, core.samples)))
        following = Signal.like(sample)
        m.d.comb += [
            core.image.payload.eq(self.image.payload.value),
            core.image.valid.eq(self.image.valid),
            self.image.ready.eq(core.image.ready),
            following.eq(Mux(is_last, 0, sample + 1)),
        ]
        with m.If(self.image.valid & self.image.ready):
            m.d.sync += [sample.eq(following), is_last.eq(following == core.samples - 1)]
            m.d.sync += misframed.eq(misframed | (self.image.payload.last != is_last))

        free, taken = Signal(), Signal()  # there is room for a word / the core's goes there
        inside, inside_next = Signal(), Signal()  # the core's next word is not its result's first
        cut = Signal()  # a result has to be ended
        m.d.comb += [
            free.eq(~self.result.valid | self.result.ready),
            core.result.ready.eq(free & ~cut),
            taken.eq(core.result.valid & core.result.ready),
            inside_next.eq(Mux(taken, ~core.result.payload.last, inside)),
        ]
        m.d.sync += inside.eq(inside_next)
        with m.If(free):
            m.d.sync += [self.result.valid.eq(core.result.valid | cut), self.result.payload.eq(core.result.payload)]
            with m.If(cut):
                m.d.sync += [self.result.payload.value.eq(-1), self.result.payload.last.eq(1), cut.eq(0)]

        with m.If(resets):
            m.d.sync += [sample.eq(0), is_last.eq(core.samples == 1), misframed.eq(0), inside.eq(0)]
            with m.If(inside_next):
                m.d.sync += cut.eq(1)

        own = Signal()  # the bit of the register that was read last
        with m.If(self.csr.read):
            m.d.sync += own.eq(misframed & (self.csr.address == STREAM))
        m.d.comb += self.csr.read_data.eq(core.csr.read_data | own)
        return m


def connect_streams(m: Module, shell: wiring.Component, inner: BusCore) -> None:
    """Ties `STREAM_PORTS` of `shell` to the streams of `inner`."""
    m.d.comb += [
        inner.image.payload.value.eq(shell.s_axis_tdata),
        inner.image.payload.last.eq(shell.s_axis_tlast),
        inner.image.valid.eq(shell.s_axis_tvalid),
        shell.s_axis_tready.eq(inner.image.ready),
        shell.m_axis_tdata.eq(inner.result.payload.value),
        shell.m_axis_tlast.eq(inner.result.payload.last),
        shell.m_axis_tvalid.eq(inner.result.valid),
        inner.result.ready.eq(shell.m_axis_tready),
    ]
