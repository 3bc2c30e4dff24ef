"""The Amaranth simulator as the unit tests use it: a watchdog, a pipelined driver, and stream put and get."""

from collections.abc import Callable, Iterable, Sequence

from amaranth.sim import Simulator


def simulate(dut, *benches, limit: int):
    """Runs test benches (async functions of a simulator context) to their end.

    Raises AssertionError after `limit` cycles: a bench that waits for ever is a failure, not a hang.
    """

    async def watchdog(ctx):
        for _ in range(limit):
            await ctx.tick()
        raise AssertionError(f"{type(dut).__name__} was not done after {limit} cycles")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watchdog, background=True)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


def respond(dut, inputs: Iterable, drive: Callable, observe: Callable, latency: int) -> list:
    """Drives one input a cycle; what `observe(ctx)` shows `latency` cycles after each.

    `drive(ctx, input)` sets the ports for one cycle; `latency` is at least 1.
    """
    inputs = list(inputs)
    seen = []

    async def bench(ctx):
        for cycle in range(len(inputs) + latency - 1):
            if cycle < len(inputs):
                drive(ctx, inputs[cycle])
            await ctx.tick()
            if cycle >= latency - 1:
                seen.append(observe(ctx))

    simulate(dut, bench, limit=len(inputs) + latency + 2)
    return seen


def drive_lanes(ctx, unit, popcount, cases: Sequence, cycle: int):
    """Sets `weights`, `activations` and `valid` of a unit as `popcount`, which is in it, wants them in `cycle`.

    `cases` are (weights, activations, valid, and for a popcount with a shift split), one a cycle; before and after them
    everything is 0.
    """

    def value(back, part):
        return cases[cycle - back][part] if 0 <= cycle - back < len(cases) else 0

    for port, part in ((unit.weights, 0), (unit.activations, 1)):
        ctx.set(port, sum((value(skew, part) >> lane & 1) << lane for lane, skew in enumerate(popcount.skew)))
    ctx.set(unit.valid, value(popcount.latency - 1, 2))
    if popcount.shift:
        ctx.set(unit.split, value(popcount.split_skew, 3))


async def stream_put(ctx, stream, payloads: Sequence, gaps: Callable[[], int] = lambda: 0):
    """Offers payloads one after the other, each after `gaps()` idle cycles, each until it is taken."""
    for payload in payloads:
        for _ in range(gaps()):
            await ctx.tick()
        ctx.set(stream.payload, payload)
        ctx.set(stream.valid, 1)
        taken = False
        while not taken:
            _, _, taken = await ctx.tick().sample(stream.ready)
        ctx.set(stream.valid, 0)


async def stream_get(ctx, stream, count: int, gaps: Callable[[], int] = lambda: 0) -> list:
    """Takes `count` payloads, each after `gaps()` cycles without `ready`."""
    taken = []
    for _ in range(count):
        for _ in range(gaps()):
            await ctx.tick()
        ctx.set(stream.ready, 1)
        valid = False
        while not valid:
            _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        ctx.set(stream.ready, 0)
        taken.append(payload)
    return taken


def random_gaps(rng, chance: float, longest: int) -> Callable[[], int]:
    """Idle cycles before a transfer: none most often, now and then up to `longest`."""
    return lambda: int(rng.integers(1, longest + 1)) if rng.random() < chance else 0
