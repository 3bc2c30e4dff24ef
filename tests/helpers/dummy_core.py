"""A core with the ports of the accelerator and next to nothing inside: its logits are sums of samples.

Logit 0 is the sum of the samples at even places, logit 1 300 less 3 times that of the others, so that values of both
signs and both classes occur; `DummyCore.compute` is the twin. Its model digest is `DIGEST`.
"""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hdl import csr
from hwgen.host.device import Result

DIGEST = "c0ffee1234" + 54 * "0"


class DummyCore(wiring.Component):
    """Takes an image of (channels, height, width), then thinks for `delay` cycles, then sends its result while it
    takes the next."""

    def __init__(self, shape=(1, 3, 4), delay=5):
        self.shape = shape
        self.samples = shape[0] * shape[1] * shape[2]
        self.pixel_bits, self.layers, self.load_bytes = 8, 1, 0
        self.delay = delay
        super().__init__(
            {
                "image": In(stream.Signature(unsigned(8))),
                "result": Out(stream.Signature(data.StructLayout({"value": signed(32), "last": 1}))),
                "csr": In(csr.Signature()),
            }
        )

    def compute(self, image: bytes) -> Result:
        """What a board with this core says of an image."""
        logits = [sum(image[0::2]), 300 - 3 * sum(image[1::2])]
        return Result(index=logits.index(max(logits)), logits=logits, cycles=[self.delay])

    def registers(self) -> dict[int, int]:
        """Value of each register that does not change."""
        channels, height, width = self.shape
        return {
            csr.Register.MAGIC: csr.MAGIC,
            csr.Register.VERSION: csr.VERSION,
            csr.Register.MODEL: csr.model_word(DIGEST),
            csr.Register.LAYERS: 1,
            csr.Register.CHANNELS: channels,
            csr.Register.HEIGHT: height,
            csr.Register.WIDTH: width,
            csr.Register.LOGITS: 2,
            csr.Register.P: 3,
            csr.Register.S: 5,
            csr.Register.Q: 7,
            csr.Register.CLOCK: 12_000_000,
            csr.Register.CYCLES: self.delay,
        }

    def elaborate(self, platform):
        m = Module()
        count = Signal(range(self.samples + 1))
        waited = Signal(range(self.delay + 1))
        frames = Signal(32)
        sums = [Signal(signed(32), name=f"sum{i}", init=300 * i) for i in range(2)]
        logits = [Signal(signed(32), name=f"logit{i}") for i in range(2)]
        working = Signal()
        sent = Signal(range(3))
        m.d.comb += self.image.ready.eq(count != self.samples)
        with m.If(self.image.valid & self.image.ready):
            m.d.sync += count.eq(count + 1)
            with m.If(count[0]):
                m.d.sync += sums[1].eq(sums[1] - 3 * self.image.payload)
            with m.Else():
                m.d.sync += sums[0].eq(sums[0] + self.image.payload)
        with m.If((count == self.samples) & ~working):
            m.d.sync += [working.eq(1), count.eq(0), waited.eq(0), sent.eq(0)]
            m.d.sync += [logit.eq(s) for logit, s in zip(logits, sums, strict=True)]
            m.d.sync += [s.eq(s.init) for s in sums]
        with m.If(working):
            with m.If(waited != self.delay):
                m.d.sync += waited.eq(waited + 1)
            with m.Else():
                m.d.comb += self.result.valid.eq(1)
        with m.Switch(sent):
            for i, logit in enumerate(logits):
                with m.Case(i):
                    m.d.comb += self.result.payload.value.eq(logit)
            with m.Default():
                m.d.comb += self.result.payload.value.eq(Mux(logits[1] > logits[0], 1, 0))
                m.d.comb += self.result.payload.last.eq(1)
        with m.If(self.result.valid & self.result.ready):
            m.d.sync += sent.eq(sent + 1)
            with m.If(self.result.payload.last):
                m.d.sync += [working.eq(0), frames.eq(frames + 1)]
        with m.If(self.csr.write & (self.csr.address == csr.Register.CONTROL) & self.csr.write_data[0]):
            m.d.sync += [s.eq(s.init) for s in (count, working, frames, *sums)]

        with m.If(self.csr.read):
            m.d.sync += self.csr.read_data.eq(0)
            with m.Switch(self.csr.address):
                for address, value in self.registers().items():
                    with m.Case(address):
                        m.d.sync += self.csr.read_data.eq(value)
                with m.Case(csr.Register.FRAMES):
                    m.d.sync += self.csr.read_data.eq(frames)
                with m.Case(csr.Register.STATUS):
                    m.d.sync += self.csr.read_data.eq(Mux(working, csr.STATUS_BUSY, 0))
        return m
