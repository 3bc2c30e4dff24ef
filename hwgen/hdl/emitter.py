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

    After the last tile's logits comes the class: the index of the largest, the lowest such index. They leave through a
    queue of two places, so that whoever takes them is no part of a path to the accumulators. `done` is high in the
    cycle in which the last of a tile goes into that queue.

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
        sending, closing = Signal(), Signal()
        best, best_index = Signal(signed(bits)), Signal.like(index)
        logit = Signal(signed(bits))
        value = Signal(signed(max(bits, len(index) + 1)))
        m.submodules.leaving = leaving = SyncFIFO(width=len(value) + 1, depth=2)
        accepted, tile_over, frame_over = Signal(), Signal(), Signal()
        m.d.comb += [
            logit.eq(self._logit(m, queue[0], index, accepted & sending)),
            value.eq(Mux(closing, best_index, logit)),
            leaving.w_data.eq(Cat(value, closing)),
            leaving.w_en.eq(sending | closing),
            accepted.eq(leaving.w_en & leaving.w_rdy),
            self.result.valid.eq(leaving.r_rdy),
            self.result.payload.value.eq(leaving.r_data[:-1].as_signed()),
            self.result.payload.last.eq(leaving.r_data[-1]),
            leaving.r_en.eq(self.result.ready),
            frame_over.eq(index == count - 1),
            tile_over.eq((place == p - 1) | frame_over),
            self.done.eq(accepted & (closing | (tile_over & ~frame_over))),
        ]
        with m.If(accepted & sending):
            m.d.sync += [earlier.eq(later) for earlier, later in pairwise(queue)]
            m.d.sync += [place.eq(place + 1), index.eq(index + 1)]
            with m.If((index == 0) | (logit > best)):
                m.d.sync += [best.eq(logit), best_index.eq(index)]
            with m.If(tile_over):
                m.d.sync += [sending.eq(0), place.eq(0), closing.eq(frame_over)]
            with m.If(frame_over):
                m.d.sync += index.eq(0)
        with m.If(accepted & closing):
            m.d.sync += closing.eq(0)
        with m.If(self.capture):
            m.d.sync += [sending.eq(1), *(each.eq(self.accumulators[i]) for i, each in enumerate(queue))]
        return m

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
