"""The reader: from a step to the Q words of activations that it works on, borders included."""

from itertools import pairwise

from amaranth import Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..plan import pipeline
from ..plan.plan import Plan
from .buffers import Table
from .delay import delayed
from .fields import stage_field
from .lanes import Lanes, row_ends
from .repeated import copies
from .step import delayed_control, step_layout

__all__ = ["Reader"]


class Reader(wiring.Component):
    """Looks the tap up, addresses the banks, turns them back into lanes, and puts in what lies outside the image.

    Cycle 0: the step; 1: its tap entry and its lanes; 2, 3: addresses of lanes, of banks; 4: bank data; 5: `words`,
    `valid`, `control`, `packed`. The style may hold the entry, the banks' addresses (in the `ActivationMemory`) and the
    data in registers, for a cycle each.

    Members
    -------
    control_in, stage, stage_done, following, entry, address, group_done, tile_done : In, from the `Sequencer`
    bank_address, bank_data : the read side of the `ActivationMemory`
    words : Out, a word per lane (pixel)
    valid : Out, per lane; low where the tap contributes nothing
    control : Out, the step's control word
    packed : Out, the words are pixels for the packer
    image_read : Out, high for a cycle when the image has been read for the last time
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.tap_cycle = 1 + plan.style.tap_registers
        self.data_cycle = pipeline.READ + plan.style.address_registers + 1 + plan.style.read_registers
        self.latency = self.data_cycle + 1
        q = plan.shape.q
        self.table = Table(
            [self._pack(tap, end) for table, end in zip(plan.tap_tables, row_ends(plan), strict=True) for tap in table],
            plan.tap_bits,
            next(spec.block for spec in plan.memories if spec.name == "taps"),
        )
        stages = range(max(2, len(plan.stages)))
        super().__init__(
            {
                "control_in": In(step_layout(plan.planes)),
                "stage": In(stages),
                "stage_done": In(1),
                "following": In(stages),
                "entry": In(len(self.table.address)),
                "address": In(plan.address_bits),
                "group_done": In(1),
                "tile_done": In(1),
                "bank_address": Out(data.ArrayLayout(plan.address_bits, q)),
                "bank_data": In(data.ArrayLayout(plan.shape.s, q)),
                "words": Out(data.ArrayLayout(plan.shape.s, q)),
                "valid": Out(q),
                "control": Out(step_layout(plan.planes)),
                "packed": Out(1),
                "image_read": Out(1),
            }
        )

    def _pack(self, tap, end):
        """A tap entry as bits: address offset, rotation, and with borders dy and, from where lanes count, dx."""
        plan = self.plan
        coordinate = (1 << plan.coordinate_bits) - 1
        value = tap.offset & ((1 << plan.address_bits) - 1)
        shift = plan.address_bits
        value |= tap.rotate << shift
        shift += plan.rotate_bits
        if plan.has_border:
            value |= (tap.dy & coordinate) << shift
            value |= (tap.dx + end & coordinate) << (shift + plan.coordinate_bits)
        return value

    def elaborate(self, platform):
        m = Module()
        plan, q = self.plan, self.plan.shape.q
        m.submodules.table = table = self.table
        m.d.comb += table.address.eq(self.entry)

        # Control and stage of the steps in cycles 1 .. latency.
        controls = delayed_control(m, "control", self.control_in, self.latency)
        stages = delayed(m, "stage", self.stage, self.latency)
        done = Signal(self.latency)
        m.d.sync += done.eq((done << 1) | (self.stage_done & (self.stage == 0)))
        m.d.comb += self.image_read.eq(done[-1])

        # `tap_cycle`: the entry and the lanes.
        m.submodules.lanes = lanes = Lanes(plan)
        held = plan.style.tap_registers
        advance, restart, address = Signal(), Signal(init=1), Signal.like(self.address)
        m.d.sync += [
            advance.eq(delayed(m, "group_done", self.group_done, held, reset_less=False)[-1]),
            restart.eq(delayed(m, "tile_done", self.tile_done, held, reset_less=False)[-1]),
            address.eq(delayed(m, "step_address", self.address, held)[-1]),
        ]
        m.d.comb += [
            lanes.stage_done.eq(delayed(m, "stage_done", self.stage_done, held, reset_less=False)[-1]),
            lanes.following.eq(delayed(m, "following", self.following, held)[-1]),
            lanes.advance.eq(advance),
            lanes.restart.eq(restart),
        ]
        bits, turn = plan.address_bits, plan.rotate_bits
        entry = delayed(m, "tap", table.data, held)[-1]
        offset, rotate = entry[:bits], entry[bits : bits + turn]

        # A cycle later: addresses of the lanes. Those whose bank wraps round find their tap one cell further.
        near, far = Signal(bits), Signal(bits)
        rotates = [Signal(max(1, turn), name=f"rotate_{i}") for i in range(self.tap_cycle + 1, self.data_cycle)]
        m.d.sync += near.eq(address + offset)
        if q > 1:
            cell_words = stage_field(
                m, stages[self.tap_cycle], [s.source.cell_words for s in plan.stages], "cell_words"
            )
            further = Signal.like(cell_words)
            m.d.sync += [further.eq(cell_words), rotates[0].eq(rotate)]
            m.d.comb += far.eq(near + further)
            m.d.sync += [later.eq(earlier) for earlier, later in pairwise(rotates)]
        lane_address = [Signal(bits, name=f"lane_address_{lane}") for lane in range(q)]
        for lane in range(q):
            origin = Signal(bits, name=f"origin_{lane}")
            m.d.sync += origin.eq(lanes.address[lane])
            m.d.sync += lane_address[lane].eq(origin + (Mux(rotates[0] >= q - lane, far, near) if lane else near))

        # Another one later: lanes to banks.
        for bank in range(q):
            m.d.comb += self.bank_address[bank].eq(lane_address[bank])
            if q > 1:
                with m.Switch(rotates[1]):
                    for amount in range(q):
                        with m.Case(amount):
                            m.d.comb += self.bank_address[bank].eq(lane_address[(bank - amount) % q])

        inside = self._inside(m, entry[bits + turn :], lanes, stages)

        # `data_cycle`: banks to lanes; outside the image the border's code, or a word that does not count.
        at = self.data_cycle
        bank_data = delayed(m, "bank_data", self.bank_data.as_value(), plan.style.read_registers)[-1]
        bank_data = data.View(self.bank_data.shape(), bank_data)
        fill, masks = self._border(m, stages[at], controls[at])
        turns = copies(m, platform, "turn", rotates[-1:] * q) if q > 1 else []
        for lane in range(q):
            word = Signal(plan.shape.s, name=f"word_{lane}")
            m.d.comb += word.eq(bank_data[lane])
            if q > 1:
                with m.Switch(turns[lane]):
                    for amount in range(q):
                        with m.Case(amount):
                            m.d.comb += word.eq(bank_data[(lane + amount) % q])
            m.d.sync += self.words[lane].eq(Mux(inside[lane], word, fill) if plan.has_border else word)
            m.d.sync += self.valid[lane].eq(inside[lane] | ~masks if plan.has_border else 1)
        m.d.comb += self.control.eq(controls[-1])
        if plan.stages[0].compiled.packed:
            m.d.sync += self.packed.eq(stages[-2] == 0)
        return m

    def _inside(self, m, offsets, lanes, stages):
        """Per lane, in `data_cycle`: the tap, whose entry is there in `tap_cycle`, lies inside the image."""
        plan = self.plan
        inside = Signal(plan.shape.q)
        if not plan.has_border:
            return inside
        bits = plan.coordinate_bits
        dy, dx = offsets[:bits].as_signed(), offsets[bits:].as_signed()
        bordered = [s.compiled.border is not None for s in plan.stages]
        at = self.tap_cycle + 1
        height = stage_field(m, stages[at], [s.source.height for s in plan.stages], "height")
        width = stage_field(m, stages[at], [s.source.width for s in plan.stages], "width")
        free = stage_field(m, stages[at], [not b for b in bordered], "borderless")
        for lane in range(plan.shape.q):
            y, x = Signal(signed(bits), name=f"y_{lane}"), Signal(signed(bits), name=f"x_{lane}")
            found = Signal(name=f"inside_{lane}")
            m.d.sync += [y.eq(lanes.y[lane] + dy), x.eq(lanes.x[lane] + dx)]
            m.d.comb += found.eq(free | ((y >= 0) & (y < height) & (x >= 0) & (x < width)))
            m.d.comb += inside[lane].eq(delayed(m, f"inside_{lane}", found, self.data_cycle - at)[-1])
        return inside

    def _border(self, m, stage, control):
        """The word outside the image, and whether such a tap is masked instead."""
        plan = self.plan
        lanes = plan.shape.s
        fill, masks = Signal(lanes), Signal()
        with m.Switch(stage):
            for index, planned in enumerate(plan.stages):
                compiled = planned.compiled
                with m.Case(index):
                    if compiled.border == "mask":
                        m.d.comb += masks.eq(1)
                    elif compiled.border is not None and compiled.packed:
                        slots = lanes // compiled.planes
                        word = sum(compiled.border << (i * compiled.planes) for i in range(slots))
                        m.d.comb += fill.eq(word)
                    elif compiled.border is not None:
                        bit = Const(compiled.border, compiled.planes).bit_select(control.index, 1)
                        m.d.comb += fill.eq(bit.replicate(lanes))
        return fill, masks
