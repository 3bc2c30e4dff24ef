"""Masters of the buses on which shells put the registers, with random pauses; both are used alike by shell_benches.py.

`read` and `write` take the word address of a register and, in `write`, the strobes of its bytes. While a cocotb test
runs, `watch` looks at what the shell sends: what is offered stands there, unchanged, until it is taken.
"""

import random

import cocotb
from cocotb.triggers import Lock, ReadOnly, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

WAITS = 0.4


def pauses(share: float = WAITS):
    """A generator of pauses, of that share of all cycles, for cocotbext-axi."""
    while True:
        yield random.random() < share


async def watch(clock, reset, channels):
    """Raises where a channel takes back or changes what it offers; `reset()` says when it may.

    Parameters
    ----------
    channels : (valid, ready, payloads) of each
    """
    before = None
    while True:
        await ReadOnly()
        now = [
            (int(valid.value), int(ready.value), [int(payload.value) for payload in payloads])
            for valid, ready, payloads in channels
        ]
        for channel, was, has in zip(channels, before or now, now, strict=True):
            if was[0] and not was[1] and before is not None:
                assert has[0] and has[2] == was[2], f"{channel[0]._name} fell, or its payload changed, before ready"
        before = None if reset() else now
        await RisingEdge(clock)


class AXI:
    """The AXI4-Lite master of cocotbext-axi, every channel of which pauses."""

    def __init__(self, dut):
        self.clock, self.reset, self.active = dut.aclk, dut.aresetn, 0
        master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, dut.aresetn, reset_active_level=False)
        self.master = master
        for channel in (
            *(master.write_if.aw_channel, master.write_if.w_channel, master.write_if.b_channel),
            *(master.read_if.ar_channel, master.read_if.r_channel),
        ):
            channel.set_pause_generator(pauses())
        self.watched = [
            (dut.s_axi_bvalid, dut.s_axi_bready, [dut.s_axi_bresp]),
            (dut.s_axi_rvalid, dut.s_axi_rready, [dut.s_axi_rdata, dut.s_axi_rresp]),
        ]

    async def read(self, register: int) -> int:
        answer = await self.master.read(4 * register, 4)
        assert answer.resp == AxiResp.OKAY
        return int.from_bytes(answer.data, "little")

    async def write(self, register: int, value: int, strobes: int = 0xF):
        """By the master's channels: it would itself put zeros on the bytes that it does not strobe."""
        channels = self.master.write_if
        address = channels.aw_channel._transaction_obj(awaddr=4 * register + random.randrange(4))
        data = channels.w_channel._transaction_obj(wdata=value, wstrb=strobes)
        await channels.aw_channel.send(address)
        await channels.w_channel.send(data)
        answer = await channels.b_channel.recv()
        assert answer.bresp == AxiResp.OKAY


class Wishbone:
    """A Wishbone master of classic cycles: it pauses between bus cycles, or between accesses of one, or not at all."""

    def __init__(self, dut):
        self.clock, self.reset, self.active = dut.clk_i, dut.rst_i, 1
        self.dut = dut
        self.watched = []
        self.lock = Lock()
        dut.wb_cyc_i.value = dut.wb_stb_i.value = 0
        self._garbage()
        cocotb.start_soon(self._watch())

    def _garbage(self):
        """On whatever means nothing without a strobe."""
        dut = self.dut
        for port, bits in ((dut.wb_we_i, 1), (dut.wb_adr_i, 8), (dut.wb_dat_i, 32), (dut.wb_sel_i, 4)):
            port.value = random.getrandbits(bits)

    async def _watch(self):
        """An access is answered one cycle after it is asked for; nothing else is."""
        due = None
        while True:
            await ReadOnly()
            acknowledged = int(self.dut.wb_ack_o.value)
            assert due is None or acknowledged == due
            asks = int(self.dut.wb_cyc_i.value) and int(self.dut.wb_stb_i.value)
            due = None if int(self.reset.value) == self.active else int(asks and not acknowledged)
            await RisingEdge(self.clock)

    async def _access(self, writes, register, value, strobes) -> int:
        dut = self.dut
        async with self.lock:
            while random.random() < WAITS:
                dut.wb_stb_i.value = 0
                dut.wb_cyc_i.value = random.getrandbits(1)
                self._garbage()
                await RisingEdge(self.clock)
            dut.wb_cyc_i.value = dut.wb_stb_i.value = 1
            dut.wb_we_i.value, dut.wb_adr_i.value = writes, register
            dut.wb_dat_i.value, dut.wb_sel_i.value = value, strobes
            while True:
                await ReadOnly()
                done, word = int(dut.wb_ack_o.value), int(dut.wb_dat_o.value)
                await RisingEdge(self.clock)
                if done:
                    dut.wb_cyc_i.value = dut.wb_stb_i.value = 0
                    return word

    async def read(self, register: int) -> int:
        return await self._access(0, register, random.getrandbits(32), random.getrandbits(4))

    async def write(self, register: int, value: int, strobes: int = 0xF):
        await self._access(1, register, value, strobes)
