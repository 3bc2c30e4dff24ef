"""The host's end of a simulated serial line."""

from hwgen.hdl.shells.uart import encode


class SerialLine:
    """Sends bytes into `rx` of a device in Amaranth's simulator and collects what comes out of its `tx`.

    `monitor` goes to `Simulator.add_testbench` with ``background=True``; `received` then grows by itself.
    """

    def __init__(self, device, divisor: int):
        self.device = device
        self.divisor = divisor
        self.received = bytearray()

    async def send(self, ctx, data: bytes):
        """Sends `data` without a pause."""
        for level in encode(data, 1):
            ctx.set(self.device.rx, level)
            await ctx.tick().repeat(self.divisor)

    async def receive(self, ctx, count: int, *, cycles: int = 20_000) -> bytes:
        """The next `count` bytes, taken out of `received`; fails if they have not come within `cycles`."""
        while len(self.received) < count:
            await ctx.tick().repeat(self.divisor)
            cycles -= self.divisor
            assert cycles > 0, f"{count} bytes were expected, {bytes(self.received)} came"
        data = bytes(self.received[:count])
        del self.received[:count]
        return data

    async def monitor(self, ctx):
        while True:
            await ctx.negedge(self.device.tx)
            await self._cycles(ctx, self.divisor // 2)
            byte = 0
            for i in range(8):
                await self._cycles(ctx, self.divisor)
                byte |= ctx.get(self.device.tx) << i
            await self._cycles(ctx, self.divisor)
            assert ctx.get(self.device.tx) == 1, "a stop bit is missing"
            self.received.append(byte)

    async def _cycles(self, ctx, count):
        for _ in range(count):  # a background test bench that the end of a simulation finds in `repeat` complains
            await ctx.tick()
