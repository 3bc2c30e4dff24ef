"""Codes of a group, then the pool: an accumulator's sign, a search among its channel's thresholds, or a division."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.plan import Plan
from ..plan.schedule import ring_length
from .buffers import Table
from .fields import stage_field
from .pool import pool

__all__ = ["ThresholdUnit", "divide", "search"]


def search(accumulator: int, row: list[int], bits: int) -> int:
    """Number of thresholds row[1:] (ascending, 2^bits - 1 of them) that `accumulator` reaches, found bit by bit."""
    code = 0
    for k in reversed(range(bits)):
        if accumulator >= row[code | 1 << k]:
            code |= 1 << k
    return code


def divide(accumulator: int, row: list[int], bits: int) -> int:
    """floor((accumulator - row[bits]) / row[0]) limited to 0 .. 2^bits - 1, where row[k] is row[0] * 2^k."""
    remainder, code = accumulator - row[bits], 0
    for k in reversed(range(bits)):
        if remainder >= row[k]:
            remainder -= row[k]
            code |= 1 << k
    return code


class ThresholdUnit(wiring.Component):
    """Turns captured accumulators into codes and pools them.

    A 1-bit stage's codes are the signs: pooled at the edge of the capture, `done` one cycle later. For a stage of n
    bits each of R lanes holds P*Q/R accumulators in a ring and goes round it n times, most significant bit first;
    one comparison per lane and cycle decides `code | 1 << k` against that entry of the channel's row (`search`). For a
    ramp the ring goes round n + 1 times: base and multiples of the slope are subtracted (`divide`). `done` comes
    rounds*P*Q/R + 1 cycles later than for signs.

    Members
    -------
    capture, accumulators, minimum : In, from the `Array`
    stage, window_first, window_last, tile_ends, frame_ends : In, from the `Collector`
    codes : Out, pooled codes, held until the next capture of a 1-bit stage or the end of the next search
    done : Out, high for a cycle: `codes` are those of a complete pooled pixel
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        p, q = plan.shape.p, plan.shape.q
        self.tables = []
        if plan.has_multi_threshold:
            spec = next(spec for spec in plan.memories if spec.name == "thresholds")
            self.tables = [Table(rows, plan.threshold_bits, spec.block) for rows in plan.thresholds]
        super().__init__(
            {
                "capture": In(1),
                "accumulators": In(data.ArrayLayout(data.ArrayLayout(signed(plan.accumulator_bits), q), p)),
                "minimum": In(p),
                "stage": In(range(max(2, len(plan.stages)))),
                "tile_ends": In(1),
                "frame_ends": In(1),
                "window_first": In(1),
                "window_last": In(1),
                "codes": Out(data.ArrayLayout(data.ArrayLayout(plan.code_bits, q), p)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        modes = [s.compiled.mode for s in plan.stages]
        signs = stage_field(m, self.stage, [mode == "sign" for mode in modes], "signs")
        minimum = self.minimum if plan.pools_minimum else None
        m.d.sync += self.done.eq(self.capture & signs & self.window_last)
        with m.If(self.capture & signs):
            for p in range(plan.shape.p):
                for q in range(plan.shape.q):
                    code = Signal(name=f"sign_{p}_{q}")
                    m.d.comb += code.eq(~self.accumulators[p][q][-1])
                    least = None if minimum is None else minimum[p]
                    held = self.codes[p][q][:1]
                    m.d.sync += self.codes[p][q].eq(pool(held, code, self.window_first, least))
        if self.tables:
            self._rings(m, modes)
        return m

    def _rings(self, m, modes):
        plan = self.plan
        q_count, lanes = plan.shape.q, plan.threshold_lanes
        length = ring_length(plan.shape, lanes)
        bits, width, fraction = plan.code_bits, plan.threshold_bits, plan.threshold_shift
        has_ramps = "ramp" in modes
        compiled = [s.compiled for s in plan.stages]
        rounds = stage_field(m, self.stage, [c.threshold_rounds for c in compiled], "rounds")
        entries = stage_field(m, self.stage, [c.threshold_entries for c in compiled], "entries")
        is_ramp = stage_field(m, self.stage, [mode == "ramp" for mode in modes], "is_ramp")
        start = Signal()
        m.d.comb += start.eq(self.capture & (rounds != 0))

        # Control: rounds of `length` cycles; the comparison trails by one cycle. `base` is the first round of a ramp.
        turning, comparing = Signal(), Signal()
        place, level = Signal(range(length)), Signal(range(bits + has_ramps))
        divides, base, compare_base = Signal(), Signal(), Signal()
        pixel = Signal(range(q_count)) if q_count > 1 else None
        depth_bits = len(self.tables[0].address)
        tile_base, channel_base = Signal(depth_bits), Signal(depth_bits)
        stride = Signal.like(entries)
        window_first, window_last, last_of_tile = Signal(), Signal(), Signal()
        compare_level = Signal.like(level)
        compare_last = Signal()
        m.d.sync += [comparing.eq(turning), compare_level.eq(level), compare_last.eq(turning & (level == 0))]
        m.d.sync += compare_base.eq(base)
        finishing = Signal()
        m.d.sync += finishing.eq(turning & (level == 0) & (place == length - 1))
        with m.If(finishing & window_last):
            m.d.sync += self.done.eq(1)
        next_pixel = Signal()
        m.d.comb += next_pixel.eq(1 if pixel is None else pixel == q_count - 1)
        with m.If(turning):
            m.d.sync += place.eq(place + 1)
            if pixel is not None:
                m.d.sync += pixel.eq(Mux(next_pixel, 0, pixel + 1))
            with m.If(next_pixel):
                m.d.sync += channel_base.eq(channel_base + stride)
            with m.If(place == length - 1):
                m.d.sync += [place.eq(0), level.eq(level - 1), base.eq(0), channel_base.eq(tile_base)]
                with m.If(level == 0):
                    m.d.sync += turning.eq(0)
                    with m.If(last_of_tile):
                        m.d.sync += tile_base.eq(channel_base + stride)
        with m.If(start):
            m.d.sync += [
                turning.eq(1), place.eq(0), level.eq(rounds - 1), divides.eq(is_ramp), base.eq(is_ramp),
                channel_base.eq(tile_base), stride.eq(entries), last_of_tile.eq(self.tile_ends),
                window_first.eq(self.window_first), window_last.eq(self.window_last),
            ]  # fmt: skip
        with m.If(self.capture & self.frame_ends):
            m.d.sync += tile_base.eq(0)

        for lane, table in enumerate(self.tables):
            m.submodules[f"table_{lane}"] = table
            members = [(lane + lanes * (i // q_count), i % q_count) for i in range(length)]
            ring = [
                {
                    "remainder": Signal(signed(width), name=f"remainder_{lane}_{i}"),
                    "code": Signal(bits, name=f"code_{lane}_{i}"),
                    "minimum": Signal(name=f"minimum_{lane}_{i}"),
                    "held": self.codes[p][q],
                }
                for i, (p, q) in enumerate(members)
            ]
            tail = ring[-1]
            found = Signal(bits, name=f"found_{lane}")
            reached = Signal(name=f"reached_{lane}")
            difference = Signal(signed(width + 1), name=f"difference_{lane}")
            left = Signal(signed(width), name=f"left_{lane}")
            m.d.comb += difference.eq(tail["remainder"] - table.data.as_signed())
            m.d.comb += reached.eq(~difference[-1] & ~compare_base)
            m.d.comb += found.eq(Mux(comparing, tail["code"] | (reached << compare_level), tail["code"]))
            m.d.comb += left.eq(tail["remainder"])
            if has_ramps:
                with m.If(comparing & (compare_base | divides & reached)):
                    m.d.comb += left.eq(difference)
            pooled = Signal(bits, name=f"pooled_{lane}")
            least = tail["minimum"] if plan.pools_minimum else None
            m.d.comb += pooled.eq(Mux(compare_last, pool(tail["held"], found, window_first, least), tail["held"]))
            m.d.comb += table.address.eq(channel_base + Mux(divides, level, ring[0]["code"] | (1 << level)))
            shown = [*ring[:-1], {**tail, "remainder": left, "code": found, "held": pooled}]
            with m.If(turning):
                for slot, source in zip(ring, [*shown[1:], shown[0]], strict=True):
                    m.d.sync += [slot[key].eq(source[key]) for key in slot]
            with m.Elif(comparing):
                m.d.sync += [tail["remainder"].eq(left), tail["code"].eq(found), tail["held"].eq(pooled)]
            with m.If(start):
                for slot, (p, q) in zip(ring, members, strict=True):
                    m.d.sync += [slot["remainder"].eq(self.accumulators[p][q] << fraction), slot["code"].eq(0)]
                    m.d.sync += slot["minimum"].eq(self.minimum[p])
