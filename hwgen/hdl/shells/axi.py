"""The accelerator core behind AXI4-Lite (its registers) and AXI4-Stream (images and results)."""

from amaranth.hdl import Cat, ClockDomain, Module, ResetSignal, Signal
from amaranth.lib import wiring

from .. import csr
from .bus import STREAM_PORTS, BusCore, connect_streams
from .ports import Port, signature_members

__all__ = ["AXIShell"]

BYTE_ADDRESS_BITS = csr.ADDRESS_BITS + 2

AXI_LITE_PORTS = (
    Port("s_axi_awaddr", True, BYTE_ADDRESS_BITS, "byte address of a write: four times the register's"),
    Port("s_axi_awprot", True, 3, "ignored: whoever reaches the port may do anything"),
    Port("s_axi_awvalid", True, 1, "there is a write's address"),
    Port("s_axi_awready", False, 1, "it is taken, with the write's data"),
    Port("s_axi_wdata", True, csr.DATA_BITS, "what is written"),
    Port("s_axi_wstrb", True, csr.DATA_BITS // 8, "which bytes of it; the others are taken as 0"),
    Port("s_axi_wvalid", True, 1, "there is a write's data"),
    Port("s_axi_wready", False, 1, "it is taken, with the write's address"),
    Port("s_axi_bresp", False, 2, "always OKAY"),
    Port("s_axi_bvalid", False, 1, "a write is done"),
    Port("s_axi_bready", True, 1, "that is taken note of"),
    Port("s_axi_araddr", True, BYTE_ADDRESS_BITS, "byte address of a read: four times the register's"),
    Port("s_axi_arprot", True, 3, "ignored, as awprot"),
    Port("s_axi_arvalid", True, 1, "there is a read's address"),
    Port("s_axi_arready", False, 1, "it is taken"),
    Port("s_axi_rdata", False, csr.DATA_BITS, "what was read"),
    Port("s_axi_rresp", False, 2, "always OKAY"),
    Port("s_axi_rvalid", False, 1, "there is what was read"),
    Port("s_axi_rready", True, 1, "it is taken"),
)


class AXIShell(wiring.Component):
    """The core's registers as an AXI4-Lite subordinate of 1 KiB, its streams as AXI4-Stream.

    The names of the ports are those by which Vivado's packager finds the interfaces ``s_axi``, ``s_axis`` and
    ``m_axis``, with the clock and reset of all three.

    One write and one read are worked on at a time. A write waits until its address and its data are both there. The two
    lowest bits of an address are ignored: an access goes to the word that the byte lies in. Of a write only the bytes
    that ``wstrb`` names come, the others are 0; as ``CONTROL`` acts on ones, that changes nothing. What is written to
    any other register is dropped. The answer is always OKAY.

    Parameters
    ----------
    core : as for `BusCore`

    Members
    -------
    aclk, aresetn : In(1); the reset is synchronous and low when active
    others : `AXI_LITE_PORTS`, `STREAM_PORTS`
    """

    PORTS = (
        Port("aclk", True, 1, "clock of all ports"),
        Port("aresetn", True, 1, "reset of everything, active low, synchronous to aclk"),
        *AXI_LITE_PORTS,
        *STREAM_PORTS,
    )

    def __init__(self, core: wiring.Component):
        self.core = core
        super().__init__(signature_members(self.PORTS))
        # Vivado would find these by the names, too, but says so in a warning.
        self.aclk.attrs["X_INTERFACE_INFO"] = "xilinx.com:signal:clock:1.0 aclk CLK"
        self.aclk.attrs["X_INTERFACE_PARAMETER"] = "ASSOCIATED_BUSIF s_axi:s_axis:m_axis, ASSOCIATED_RESET aresetn"
        self.aresetn.attrs["X_INTERFACE_INFO"] = "xilinx.com:signal:reset:1.0 aresetn RST"
        self.aresetn.attrs["X_INTERFACE_PARAMETER"] = "POLARITY ACTIVE_LOW"

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = domain = ClockDomain()
        domain.clk = self.aclk
        m.d.comb += ResetSignal().eq(~self.aresetn)
        m.submodules.inner = inner = BusCore(self.core)
        connect_streams(m, self, inner)

        # Both `ready` come from registers, a cycle after `valid`: no path goes through from input to output.
        write, read = Signal(), Signal()  # address, and data, are being taken
        write_next, read_next = Signal(), Signal()
        m.d.comb += [
            write_next.eq(self.s_axi_awvalid & self.s_axi_wvalid & ~write & ~self.s_axi_bvalid),
            # The registers have one address. Another write does not begin the cycle after one did.
            read_next.eq(self.s_axi_arvalid & ~read & ~self.s_axi_rvalid & ~write_next),
            self.s_axi_awready.eq(write),
            self.s_axi_wready.eq(write),
            self.s_axi_arready.eq(read),
        ]
        m.d.sync += [write.eq(write_next), read.eq(read_next)]
        with m.If(self.s_axi_bready):
            m.d.sync += self.s_axi_bvalid.eq(0)
        with m.If(write):
            m.d.sync += self.s_axi_bvalid.eq(1)
        with m.If(self.s_axi_rready):
            m.d.sync += self.s_axi_rvalid.eq(0)
        with m.If(read):
            m.d.sync += self.s_axi_rvalid.eq(1)

        strobes = Cat(strobe.replicate(8) for strobe in self.s_axi_wstrb)
        m.d.comb += [
            inner.csr.read.eq(read),
            inner.csr.write.eq(write),
            inner.csr.write_data.eq(self.s_axi_wdata & strobes),
            inner.csr.address.eq(self.s_axi_araddr[2:]),
            self.s_axi_rdata.eq(inner.csr.read_data),
        ]
        with m.If(write):
            m.d.comb += inner.csr.address.eq(self.s_axi_awaddr[2:])
        return m
