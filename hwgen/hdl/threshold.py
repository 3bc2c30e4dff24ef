"""Codes of a group, then the pool: an accumulator's sign, a search among its channel's thresholds, or a division."""

from dataclasses import dataclass
from types import SimpleNamespace

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan.layout import ceil_div
from ..plan.plan import Plan
from ..plan.schedule import ring_length
from .buffers import Table
from .delay import delayed
from .fields import stage_field
from .pool import pool
from .repeated import copies

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


@dataclass(frozen=True, kw_only=True)
class _Rounds:
    """Control of all rings: rounds of as many cycles as a ring is long; the comparison trails by one cycle.

    Attributes
    ----------
    start : accumulators are taken in
    turning, level : an entry is asked for, of this bit (of the base: the number of bits)
    comparing, compare_level : it is there
    compare_base, compare_last : it is the base of a ramp, the last round
    divides : the stage is a ramp
    channel : address of the channel's entries
    window_first : the codes start a window
    """

    start: Signal
    turning: Signal
    level: Signal
    comparing: Signal
    compare_level: Signal
    compare_base: Signal
    compare_last: Signal
    divides: Signal
    channel: Signal
    window_first: Signal


class ThresholdUnit(wiring.Component):
    """Turns captured accumulators into codes and pools them.

    A 1-bit stage's codes are the signs: pooled at the edge of the capture, `done` one cycle later. For a stage of n
    bits each of R lanes holds P*Q/R accumulators in a ring and goes round it n times, most significant bit first;
    one comparison per lane and cycle decides `code | 1 << k` against that entry of the channel's row (`search`). For a
    ramp the ring goes round n + 1 times: base and multiples of the slope are subtracted (`divide`). `done` comes
    rounds*P*Q/R + 1 cycles later than for signs. Where the style has registers there, all this is so much later.

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
            self.tables = [Table(rows, plan.threshold_bits, spec.block, plan.loadable) for rows in plan.thresholds]
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
        took = self._took(m)
        codes = Signal(self.codes.shape(), reset_less=True)  # every window sets them
        m.d.comb += self.codes.eq(codes)
        takes, completes = Signal(), Signal()  # signs; those that complete a window
        m.d.comb += [takes.eq(self.capture & signs), completes.eq(takes & self.window_last)]
        m.d.sync += self.done.eq(delayed(m, "completes", completes, plan.style.drain_registers, reset_less=False)[-1])
        controls = [Cat(takes, self.window_first)] * plan.style.copies(plan.shape.p)
        if plan.style.drain_registers:
            controls = copies(m, platform, "signs", controls)
        channels = ceil_div(plan.shape.p, len(controls))
        for p in range(plan.shape.p):
            takes, window_first = controls[p // channels]
            with m.If(takes):
                for q in range(plan.shape.q):
                    code = Signal(name=f"sign_{p}_{q}")
                    m.d.comb += code.eq(~took.accumulators[p][q][-1])
                    least = took.minimum[p] if plan.pools_minimum else None
                    held = codes[p][q][:1]
                    m.d.sync += codes[p][q].eq(pool(held, code, window_first, least))
        if self.tables:
            rounds = self._rounds(m, took)
            for lane, table in enumerate(self.tables):
                m.submodules[f"table_{lane}"] = table
                self._ring(m, took, codes, rounds, lane, table)
        return m

    def _took(self, m):
        """The inputs, behind the style's registers; only that of `capture` has a reset."""
        registers = self.plan.style.drain_registers
        names = [name for name, member in self.signature.members.items() if member.flow is In]
        return SimpleNamespace(
            **{
                name: delayed(m, f"took_{name}", getattr(self, name), registers, reset_less=name != "capture")[-1]
                for name in names
            }
        )

    def _rounds(self, m, took) -> _Rounds:
        plan, compiled = self.plan, [planned.compiled for planned in self.plan.stages]
        length = ring_length(plan.shape, plan.threshold_lanes)
        rounds = stage_field(m, took.stage, [c.threshold_rounds for c in compiled], "rounds")
        entries = stage_field(m, took.stage, [c.threshold_entries for c in compiled], "entries")
        is_ramp = stage_field(m, took.stage, [c.mode == "ramp" for c in compiled], "is_ramp")
        depth_bits = len(self.tables[0].address)
        control = _Rounds(
            start=Signal(),
            turning=Signal(),
            level=Signal(range(max(c.threshold_rounds for c in compiled))),
            comparing=Signal(),
            compare_level=Signal(range(max(c.threshold_rounds for c in compiled))),
            compare_base=Signal(),
            compare_last=Signal(),
            divides=Signal(),
            channel=Signal(depth_bits),
            window_first=Signal(),
        )
        turning, level = control.turning, control.level
        place, pixel = Signal(range(length)), Signal(range(max(2, plan.shape.q)))
        base, tile, stride = Signal(), Signal(depth_bits), Signal.like(entries)
        window_last, last_of_tile, finishing = Signal(), Signal(), Signal()
        last_round, last_place, last_pixel = Signal(), Signal(), Signal()
        m.d.comb += [
            control.start.eq(took.capture & (rounds != 0)),
            last_round.eq(level == 0),
            last_place.eq(place == length - 1),
            last_pixel.eq(pixel == plan.shape.q - 1),
        ]
        m.d.sync += [
            control.comparing.eq(turning),
            control.compare_level.eq(level),
            control.compare_base.eq(base),
            control.compare_last.eq(turning & last_round),
            finishing.eq(turning & last_round & last_place),
        ]
        with m.If(finishing & window_last):
            m.d.sync += self.done.eq(1)
        with m.If(turning):
            m.d.sync += [place.eq(place + 1), pixel.eq(Mux(last_pixel, 0, pixel + 1))]
            with m.If(last_pixel):
                m.d.sync += control.channel.eq(control.channel + stride)
            with m.If(last_place):
                m.d.sync += [place.eq(0), level.eq(level - 1), base.eq(0), control.channel.eq(tile)]
                with m.If(last_round):
                    m.d.sync += turning.eq(0)
                    with m.If(last_of_tile):
                        m.d.sync += tile.eq(control.channel + stride)
        with m.If(control.start):
            m.d.sync += [
                turning.eq(1), place.eq(0), level.eq(rounds - 1), control.divides.eq(is_ramp), base.eq(is_ramp),
                control.channel.eq(tile), stride.eq(entries), last_of_tile.eq(took.tile_ends),
                control.window_first.eq(took.window_first), window_last.eq(took.window_last),
            ]  # fmt: skip
        with m.If(took.capture & took.frame_ends):
            m.d.sync += tile.eq(0)
        return control

    def _ring(self, m, took, codes, control: _Rounds, lane, table):
        """The accumulators of a lane go round; the one at the end meets its channel's entry."""
        plan = self.plan
        bits, width = plan.code_bits, plan.threshold_bits
        length = ring_length(plan.shape, plan.threshold_lanes)
        members = [(lane + plan.threshold_lanes * (i // plan.shape.q), i % plan.shape.q) for i in range(length)]
        ring = [
            {
                "remainder": Signal(signed(width), name=f"remainder_{lane}_{i}"),
                "code": Signal(bits, name=f"code_{lane}_{i}"),
                "minimum": Signal(name=f"minimum_{lane}_{i}"),
                "held": codes[p][q],
            }
            for i, (p, q) in enumerate(members)
        ]
        end = ring[-1]
        found, pooled = Signal(bits, name=f"found_{lane}"), Signal(bits, name=f"pooled_{lane}")
        reached, left = Signal(name=f"reached_{lane}"), Signal(signed(width), name=f"left_{lane}")
        difference = Signal(signed(width + 1), name=f"difference_{lane}")
        least = end["minimum"] if plan.pools_minimum else None
        m.d.comb += [
            difference.eq(end["remainder"] - table.data.as_signed()),
            reached.eq(~difference[-1] & ~control.compare_base),
            found.eq(Mux(control.comparing, end["code"] | (reached << control.compare_level), end["code"])),
            pooled.eq(Mux(control.compare_last, pool(end["held"], found, control.window_first, least), end["held"])),
            left.eq(end["remainder"]),
            table.address.eq(
                control.channel + Mux(control.divides, control.level, ring[0]["code"] | (1 << control.level))
            ),
        ]
        if any(ramp is not None for ramp in plan.ramps):
            with m.If(control.comparing & (control.compare_base | control.divides & reached)):
                m.d.comb += left.eq(difference)
        shown = [*ring[:-1], {**end, "remainder": left, "code": found, "held": pooled}]
        with m.If(control.turning):
            for slot, source in zip(ring, [*shown[1:], shown[0]], strict=True):
                m.d.sync += [slot[key].eq(source[key]) for key in slot]
        with m.Elif(control.comparing):
            m.d.sync += [end["remainder"].eq(left), end["code"].eq(found), end["held"].eq(pooled)]
        with m.If(control.start):
            for slot, (p, q) in zip(ring, members, strict=True):
                m.d.sync += [slot["remainder"].eq(took.accumulators[p][q] << plan.threshold_shift), slot["code"].eq(0)]
                m.d.sync += slot["minimum"].eq(took.minimum[p])
