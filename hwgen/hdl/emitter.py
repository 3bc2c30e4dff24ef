"""The emitter: logits and class of a frame leave one by one while the next frame is computed."""

from itertools import pairwise

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..layers import Tensor
from ..plan.compile import Logits
from ..plan.plan import Plan
from .buffers import Table
from .result import result_signature

__all__ = ["Emitter", "logit_bits"]


def logit_bits(plan: Plan) -> int:
    """Bits of a logit."""
    logits: Tensor = plan.network.logits
    return max(logits.range.bits, 2)


class Emitter(wiring.Component):
    """Takes the accumulators of a tile of the last stage (pixel lane 0) and sends its logits, one a cycle.

    They leave through a queue of two places, so that whoever takes them is no part of a path to the accumulators.
    `done` is high in the cycle in which the last of a tile goes into that queue. Behind it they are compared, and after
    the last one leaves the class: the index of the largest, the lowest such index.

    Members
    -------
    capture, accumulators : In, a tile of logits
    result : Out, stream of `result.RESULT`
    done : Out
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        constants: Logits = plan.logits
        self.scale_table = None
        if constants.multiplier is not None:
            extreme = max(abs(v) for v in (*constants.multiplier, *constants.bias)) + 1
            self.scale_bits = extreme.bit_length() + 1
            mask = (1 << self.scale_bits) - 1
            rows = [
                (m & mask) | (b & mask) << self.scale_bits
                for m, b in zip(constants.multiplier, constants.bias, strict=True)
            ]
            self.scale_table = Table(rows, 2 * self.scale_bits, block=False)
        super().__init__(
            {
                "capture": In(1),
                "accumulators": In(data.ArrayLayout(signed(plan.accumulator_bits), plan.shape.p)),
                "result": Out(result_signature()),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, constants = self.plan, self.plan.logits
        p, count, bits = plan.shape.p, constants.count, logit_bits(plan)
        queue = [
            Signal(signed(plan.accumulator_bits), name=f"queue_{i}", reset_less=True) for i in range(min(p, count))
        ]
        place = Signal(range(max(2, p)))  # of the head in its tile
        index = Signal(range(max(2, count)))  # of the head among the logits
        logit = Signal(signed(bits))
        sending, accepted, tile_over, frame_over = Signal(), Signal(), Signal(), Signal()
        m.submodules.leaving = leaving = SyncFIFO(width=bits + 1, depth=2)
        m.d.comb += [
            logit.eq(self._logit(m, queue[0], index, accepted)),
            leaving.w_data.eq(Cat(logit, frame_over)),
            leaving.w_en.eq(sending),
            accepted.eq(sending & leaving.w_rdy),
            frame_over.eq(index == count - 1),
            tile_over.eq((place == p - 1) | frame_over),
            self.done.eq(accepted & tile_over),
        ]
        with m.If(accepted):
            m.d.sync += [earlier.eq(later) for earlier, later in pairwise(queue)]
            m.d.sync += [place.eq(place + 1), index.eq(index + 1)]
            with m.If(tile_over):
                m.d.sync += [sending.eq(0), place.eq(0)]
            with m.If(frame_over):
                m.d.sync += index.eq(0)
        with m.If(self.capture):
            m.d.sync += [sending.eq(1), *(each.eq(self.accumulators[i]) for i, each in enumerate(queue))]
        self._leave(m, leaving)
        return m

    def _leave(self, m, leaving):
        """Logits come out of the queue, and behind the last of a frame the class."""
        count, bits = self.plan.logits.count, logit_bits(self.plan)
        logit, last = leaving.r_data[:bits].as_signed(), leaving.r_data[bits]
        index, first, closing = Signal(range(max(2, count))), Signal(init=1), Signal()
        best, best_index = Signal(bits, reset_less=True), Signal.like(index, reset_less=True)
        m.d.comb += [
            self.result.valid.eq(leaving.r_rdy | closing),
            self.result.payload.value.eq(Mux(closing, best_index, logit)),
            self.result.payload.last.eq(closing),
            leaving.r_en.eq(self.result.ready & ~closing),
        ]
        # As often as a logit stands there: whether it is taken is not waited for, and changes nothing. With the sign
        # inverted they compare as unsigned numbers, whose order is the carry alone.
        ordered = Cat(logit[:-1], ~logit[-1])
        with m.If(leaving.r_rdy & ~closing & (first | (ordered > best))):
            m.d.sync += [best.eq(ordered), best_index.eq(index)]
        with m.If(self.result.ready):
            m.d.sync += closing.eq(leaving.r_rdy & last & ~closing)
            with m.If(leaving.r_rdy & ~closing):
                m.d.sync += [index.eq(Mux(last, 0, index + 1)), first.eq(last)]

    def _logit(self, m, accumulator, index, leaves):
        """`Logits.compute` of one accumulator; `leaves`: the next logit's turn comes."""
        constants = self.plan.logits
        if self.scale_table is None:
            if constants.shift > 0:
                return (accumulator << 1) + constants.low
            return accumulator >> -constants.shift
        # The table is read one cycle ahead: the index changes only when a logit leaves.
        m.submodules.scale = table = self.scale_table
        m.d.comb += table.address.eq(index)
        with m.If(leaves):
            m.d.comb += table.address.eq(Mux(index == constants.count - 1, 0, index + 1))
        multiplier = table.data[: self.scale_bits].as_signed()
        bias = table.data[self.scale_bits :].as_signed()
        scaled = (accumulator * multiplier + bias) >> constants.down
        low = Mux(scaled < constants.minimum, constants.minimum, scaled)
        return Mux(low > constants.maximum, constants.maximum, low)
