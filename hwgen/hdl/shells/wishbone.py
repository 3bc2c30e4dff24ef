"""The accelerator core behind Wishbone (its registers) and AXI4-Stream (images and results)."""

from amaranth.hdl import Cat, ClockDomain, Module, Signal
from amaranth.lib import wiring

from .. import csr
from .bus import STREAM_PORTS, BusCore, connect_streams
from .ports import Port, signature_members

__all__ = ["WishboneShell"]

WISHBONE_PORTS = (
    Port("wb_cyc_i", True, 1, "a bus cycle lasts"),
    Port("wb_stb_i", True, 1, "an access is asked for"),
    Port("wb_we_i", True, 1, "it is a write"),
    Port("wb_adr_i", True, csr.ADDRESS_BITS, "address of the register, counted in words"),
    Port("wb_dat_i", True, csr.DATA_BITS, "what is written"),
    Port("wb_sel_i", True, csr.DATA_BITS // 8, "which bytes of it; the others are taken as 0"),
    Port("wb_dat_o", False, csr.DATA_BITS, "what was read"),
    Port("wb_ack_o", False, 1, "the access is done"),
)


class WishboneShell(wiring.Component):
    """The core's registers as a Wishbone B4 slave of 256 words, classic cycles; its streams as AXI4-Stream.

    ``wb_ack_o`` comes from a register, one cycle after an access is asked for, and never without one: there is no wait
    state, no error and no retry. A pipelined master takes ``!wb_ack_o`` for its STALL_I. Of a write
    only the bytes that ``wb_sel_i`` names come, the others are 0; as ``CONTROL`` acts on ones, that changes nothing.
    What is written to any other register is dropped.

    Parameters
    ----------
    core : as for `BusCore`

    Members
    -------
    clk_i, rst_i : In(1); the reset is synchronous and high when active
    others : `WISHBONE_PORTS`, `STREAM_PORTS`
    """

    PORTS = (
        Port("clk_i", True, 1, "clock of all ports"),
        Port("rst_i", True, 1, "reset of everything, active high, synchronous to clk_i"),
        *WISHBONE_PORTS,
        *STREAM_PORTS,
    )

    def __init__(self, core: wiring.Component):
        self.core = core
        super().__init__(signature_members(self.PORTS))

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = domain = ClockDomain()
        domain.clk, domain.rst = self.clk_i, self.rst_i
        m.submodules.inner = inner = BusCore(self.core)
        connect_streams(m, self, inner)

        begins = Signal()
        strobes = Cat(strobe.replicate(8) for strobe in self.wb_sel_i)
        m.d.comb += [
            begins.eq(self.wb_cyc_i & self.wb_stb_i & ~self.wb_ack_o),
            inner.csr.address.eq(self.wb_adr_i),
            inner.csr.read.eq(begins & ~self.wb_we_i),
            inner.csr.write.eq(begins & self.wb_we_i),
            inner.csr.write_data.eq(self.wb_dat_i & strobes),
            self.wb_dat_o.eq(inner.csr.read_data),
        ]
        m.d.sync += self.wb_ack_o.eq(begins)
        return m
