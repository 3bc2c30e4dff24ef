"""An example for LiteX: the accelerator as a module of Migen, and a small system around it."""

import math

from ...hdl import csr
from .design import Design

__all__ = ["NAME", "example"]

NAME = "litex_example.py"

STREAMS = """\
            i_s_axis_tdata  = self.sink.data,
            i_s_axis_tvalid = self.sink.valid,
            o_s_axis_tready = self.sink.ready,
            i_s_axis_tlast  = self.sink.last,
            o_m_axis_tdata  = self.source.data,
            o_m_axis_tvalid = self.source.valid,
            i_m_axis_tready = self.source.ready,
            o_m_axis_tlast  = self.source.last,
"""

# Of each shell: what its bus is, the logic between that and the ports, and the ports that are no streams.
AXI = (
    "axi.AXILiteInterface(data_width=32, address_width=32)",
    "",
    """\
            i_aclk    = ClockSignal("sys"),
            i_aresetn = ~ResetSignal("sys"),
"""
    + "".join(
        f"            i_s_axi_{channel}addr  = bus.{channel}.addr[:{csr.ADDRESS_BITS + 2}],\n"
        f"            i_s_axi_{channel}prot  = bus.{channel}.prot,\n"
        f"            i_s_axi_{channel}valid = bus.{channel}.valid,\n"
        f"            o_s_axi_{channel}ready = bus.{channel}.ready,\n"
        for channel in ("aw", "ar")
    )
    + """\
            i_s_axi_wdata   = bus.w.data,
            i_s_axi_wstrb   = bus.w.strb,
            i_s_axi_wvalid  = bus.w.valid,
            o_s_axi_wready  = bus.w.ready,
            o_s_axi_bresp   = bus.b.resp,
            o_s_axi_bvalid  = bus.b.valid,
            i_s_axi_bready  = bus.b.ready,
            o_s_axi_rdata   = bus.r.data,
            o_s_axi_rresp   = bus.r.resp,
            o_s_axi_rvalid  = bus.r.valid,
            i_s_axi_rready  = bus.r.ready,
"""
    + STREAMS,
)
WISHBONE = (
    'wishbone.Interface(data_width=32, adr_width=30, addressing="word")',
    "",
    f"""\
            i_clk_i    = ClockSignal("sys"),
            i_rst_i    = ResetSignal("sys"),
            i_wb_cyc_i = bus.cyc,
            i_wb_stb_i = bus.stb,
            i_wb_we_i  = bus.we,
            i_wb_adr_i = bus.adr[:{csr.ADDRESS_BITS}],
            i_wb_dat_i = bus.dat_w,
            i_wb_sel_i = bus.sel,
            o_wb_dat_o = bus.dat_r,
            o_wb_ack_o = bus.ack,
"""
    + STREAMS,
)
CORE = (
    'wishbone.Interface(data_width=32, adr_width=30, addressing="word")',
    """\
        # The bare core's registers answer one cycle after they are asked.
        begins = Signal()
        self.comb += begins.eq(bus.cyc & bus.stb & ~bus.ack)
        self.sync += bus.ack.eq(begins)
        result = Signal(33)
        self.comb += [self.source.data.eq(result[:32]), self.source.last.eq(result[32])]
""",
    f"""\
            i_clk             = ClockSignal("sys"),
            i_rst             = ResetSignal("sys"),
            i_csr__address    = bus.adr[:{csr.ADDRESS_BITS}],
            i_csr__read       = begins & ~bus.we,
            o_csr__read_data  = bus.dat_r,
            i_csr__write      = begins & bus.we,
            i_csr__write_data = bus.dat_w,
            i_image__payload  = self.sink.data,
            i_image__valid    = self.sink.valid,
            o_image__ready    = self.sink.ready,
            o_result__payload = result,
            o_result__valid   = self.source.valid,
            i_result__ready   = self.source.ready,
""",
)
SHELLS = {"core": CORE, "axi": AXI, "wishbone": WISHBONE}


def example(design: Design) -> str:
    """Python that is imported, or run: then it writes the system's Verilog, for which LiteX and Migen have to be there.

    Images are read from a memory on the bus and results are written there, both by LiteX's DMA.
    """
    bus, logic, ports = SHELLS[design.shell]
    together = 4 // math.gcd(4, design.samples)
    images = "an image" if together == 1 else f"{together} images"
    return f'''\
#!/usr/bin/env python3
"""{design.plan.network.name} in a LiteX system: `python {NAME}` writes the system's Verilog into build/.

Accelerator is what you take over into a system of your own. Example has no processor: a program on a PC reads and
writes its bus over a serial line, with `litex_server --uart --uart-port PORT` and `litex.RemoteClient`.
"""

from pathlib import Path

from migen import ClockDomain, ClockSignal, If, Instance, ResetSignal, Signal

from litex.build.generic_platform import GenericPlatform, Pins, Subsignal
from litex.gen import LiteXModule
from litex.soc.cores.dma import WishboneDMAReader, WishboneDMAWriter
from litex.soc.integration.export import get_csr_csv
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import axi, stream, wishbone

SAMPLES = {design.samples}  # bytes of an image
WORDS = {design.words}  # 32-bit words of a result: the logits, then the class with `last`


class Accelerator(LiteXModule):
    """sink takes images, a byte a cycle, row after row, column after column, channel after channel."""

    def __init__(self, platform):
        self.bus = bus = {bus}
        self.sink = stream.Endpoint([("data", 8)])
        self.source = stream.Endpoint([("data", 32)])

        # # #

{logic}        self.specials += Instance(
            "{design.top}",
{ports}        )
        platform.add_source(str(Path(__file__).resolve().parent / "{design.top}.v"))


class Example(SoCMini):
    def __init__(self, platform, sys_clk_freq, memory=0x10000):
        self.cd_sys = ClockDomain()
        self.comb += [self.cd_sys.clk.eq(platform.request("sys_clk")), self.cd_sys.rst.eq(platform.request("sys_rst"))]
        SoCMini.__init__(self, platform, sys_clk_freq, ident="hwgen {design.network}")
        self.add_uartbone()
        self.add_ram("images", origin=0x40000000, size=memory)
        self.accelerator = Accelerator(platform)
        region = SoCRegion(origin=0x30000000, size=0x{4 << csr.ADDRESS_BITS:x}, cached=False)
        self.bus.add_slave("accelerator", self.accelerator.bus, region)

        # Images, one directly behind the other; a transfer is a multiple of 4 bytes: {images}, or a multiple of that.
        # "big" is LiteX's word for leaving the bytes of a word as they are on a little-endian bus.
        self.reader = reader = WishboneDMAReader(wishbone.Interface(), endianness="big", with_csr=True)
        self.bytes = converter = stream.Converter(32, 8)
        sample = Signal(max=max(2, SAMPLES))
        last = Signal()
        self.comb += [
            reader.source.connect(converter.sink, omit={{"last"}}),
            converter.source.connect(self.accelerator.sink, omit={{"last"}}),
            last.eq(sample == SAMPLES - 1),
            self.accelerator.sink.last.eq(last),
        ]
        self.sync += If(
            converter.source.valid & converter.source.ready,
            If(last, sample.eq(0)).Else(sample.eq(sample + 1)),
        )
        self.bus.add_master("images_reader", reader.bus)

        # Results, one directly behind the other, 4 * WORDS bytes each.
        self.writer = writer = WishboneDMAWriter(wishbone.Interface(), endianness="big", with_csr=True)
        self.comb += self.accelerator.source.connect(writer.sink, omit={{"last"}})
        self.bus.add_master("results_writer", writer.bus)


IO = [
    ("sys_clk", 0, Pins(1)),
    ("sys_rst", 0, Pins(1)),
    ("serial", 0, Subsignal("tx", Pins(1)), Subsignal("rx", Pins(1))),
]

if __name__ == "__main__":
    # Stands for your board's platform, of litex-boards, and for Builder(soc).build().
    soc = Example(GenericPlatform("none", IO), sys_clk_freq={design.clock_hz})
    soc.finalize()
    Path("build").mkdir(exist_ok=True)
    system = soc.platform.get_verilog(soc.get_fragment(), name="system")
    for file, content in system.data_files.items():
        Path("build", file).write_text(content)
    Path("build/system.v").write_text(system.main_source)
    Path("build/csr.csv").write_text(get_csr_csv(soc.csr_regions, soc.constants, soc.mem_regions))
'''
