"""The loader: the image stream, pixel by pixel through the pixel map, into one of two places in activation memory."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out, connect, flipped

from ..plan.plan import Plan
from .buffers import Table
from .raster import Raster
from .result import image_signature

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Packs samples into words: S channels a word and plane, or (packed first stage) whole pixels, S/n codes a word.

    Images go to the two input places in turn. A place is filled while the other is read; samples wait (`image.ready`
    is low) while both are taken, and while the `Writer` writes to the bank that comes next. They come in through a
    queue of two places, so that `image.ready` is no part of a path.

    Members
    -------
    image : In, stream of samples: row, column, channel fastest
    loaded : Out, high for a cycle when an image is complete
    read : In, high for a cycle when an image has been read
    busy : In, `bank` is being written to
    write, bank, address, data : Out, to the `ActivationMemory`
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.table = None
        if not plan.pixel_identity:
            rows = [code for row in plan.pixel_codes.tolist() for code in row]
            spec = next(spec for spec in plan.memories if spec.name == "pixels")
            self.table = Table(rows, plan.input_bits, spec.block)
        super().__init__(
            {
                "image": In(image_signature()),
                "loaded": Out(1),
                "read": In(1),
                "busy": In(1),
                "write": Out(1),
                "address": Out(plan.address_bits),
                "bank": Out(range(max(2, plan.shape.q))),
                "data": Out(plan.shape.s),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        compiled, layout = plan.stages[0].compiled, plan.inputs[0]
        bits, lanes = plan.input_bits, plan.shape.s
        channels, height, width = plan.lowered.input.shape
        per_word = lanes // bits if compiled.packed else lanes
        planes = 1 if compiled.packed else bits

        m.submodules.arriving = arriving = SyncFIFO(width=8, depth=2)
        connect(m, flipped(self.image), arriving.w_stream)
        image = arriving.r_stream

        # Stage 1: sample to code; a map in memory answers one cycle later.
        sample = Signal(8)
        taken, mapped = Signal(), Signal()  # a sample goes in / a code comes out
        code = Signal(bits)
        room = Signal()  # the assembler takes a code
        free = Signal(range(3), init=2)  # places that may be written
        opened = Signal()  # this image has its place
        m.d.comb += [sample.eq(image.payload), taken.eq(image.valid & image.ready)]
        if self.table is None:
            m.d.comb += [code.eq(sample), mapped.eq(image.valid & opened), image.ready.eq(room & opened)]
        else:
            m.d.comb += image.ready.eq(self._map(m, sample, code, mapped, taken, room, opened))

        # Stage 2: codes to a word.
        channel, slot = Signal(range(max(2, channels))), Signal(range(max(2, per_word)))
        next_channel, next_slot = Signal.like(channel), Signal.like(slot)
        # Known since the code before.
        word_ends, pixel_ends = Signal(init=1 in (per_word, channels)), Signal(init=channels == 1)
        accepted = Signal()
        assembled = [Signal(lanes, name=f"assembled_{k}") for k in range(planes)]
        staged = [Signal(lanes, name=f"staged_{k}", reset_less=True) for k in range(planes)]
        fresh = [Signal(lanes, name=f"fresh_{k}") for k in range(planes)]
        pending = Signal(range(planes + 1))  # planes of `staged` to write
        m.d.comb += [
            accepted.eq(mapped & room),
            next_channel.eq(Mux(pixel_ends, 0, channel + 1)),
            next_slot.eq(Mux(word_ends, 0, slot + 1)),
            room.eq(~word_ends | (pending == 0)),
        ]
        for k in range(planes):
            for i in range(per_word):
                at = i * bits if compiled.packed else i
                part = fresh[k][at : at + bits] if compiled.packed else fresh[k][at]
                held = assembled[k][at : at + bits] if compiled.packed else assembled[k][at]
                m.d.comb += part.eq(Mux(slot == i, code if compiled.packed else code[k], held))
        with m.If(accepted):
            m.d.sync += [
                slot.eq(next_slot),
                channel.eq(next_channel),
                pixel_ends.eq(next_channel == channels - 1),
                word_ends.eq((next_slot == per_word - 1) | (next_channel == channels - 1)),
                *(a.eq(f) for a, f in zip(assembled, fresh, strict=True)),
            ]
            with m.If(word_ends):
                m.d.sync += [pending.eq(planes), *(a.eq(0) for a in assembled)]
                m.d.sync += [s.eq(f) for s, f in zip(staged, fresh, strict=True)]

        self._place(m, taken, staged, pending, free, opened, layout, channels, height, width, planes)
        return m

    def _map(self, m, sample, code, mapped, taken, room, opened):
        """The pixel map: one sample in its table at a time; a new one goes in as the last one's code is taken.
        Whether one goes in if it is there."""
        m.submodules.table = table = self.table
        maps, count = self.plan.lowered.pixel_map.shape
        looking = Signal()  # the table's output is a code
        held = Signal.like(table.address)
        turn = Signal(range(max(2, maps)))  # channel of the next sample
        address = Signal.like(held)
        sample = sample[: (count - 1).bit_length()]
        m.d.comb += address.eq(sample if maps == 1 else Cat(sample, turn))
        m.d.comb += [table.address.eq(Mux(taken, address, held)), mapped.eq(looking), code.eq(table.data)]
        with m.If(taken):
            m.d.sync += [looking.eq(1), held.eq(address)]
            m.d.sync += turn.eq(Mux(turn == maps - 1, 0, turn + 1))
        with m.Elif(room):
            m.d.sync += looking.eq(0)
        return opened & (~looking | room)

    def _place(self, m, taken, staged, pending, free, opened, layout, channels, height, width, planes):
        """Stage 3: words to memory, in the order of `Layout`."""
        plan = self.plan
        bits = plan.address_bits
        m.submodules.raster = raster = Raster([layout], bits)
        parity = Signal()
        words = plan.stages[0].compiled.words
        word, plane = Signal(range(max(2, words))), Signal(range(planes + 1))
        plane_offset = Signal(bits)
        m.d.comb += [
            self.write.eq((pending != 0) & ~self.busy),
            self.address.eq(
                Mux(parity, plan.inputs[1].base, plan.inputs[0].base) + raster.address + plane_offset + word
            ),
            self.bank.eq(raster.bank),
        ]
        with m.Switch(plane):
            for k in range(planes):
                with m.Case(k):
                    m.d.comb += self.data.eq(staged[k])
        image_ends = Signal()
        m.d.sync += self.loaded.eq(image_ends)
        with m.If(self.write):
            m.d.sync += [
                pending.eq(pending - 1),
                plane.eq(plane + 1),
                plane_offset.eq(plane_offset + layout.plane_words),
            ]
            with m.If(plane == planes - 1):
                m.d.sync += [plane.eq(0), plane_offset.eq(0), word.eq(word + 1)]
                with m.If(word == words - 1):
                    m.d.sync += word.eq(0)
                    m.d.comb += [raster.advance.eq(1), image_ends.eq(raster.last)]
        with m.If(image_ends):
            m.d.sync += parity.eq(~parity)

        # A place is taken when an image's first sample comes in and freed when the image has been read.
        samples, begun = Signal(range(channels * height * width + 1)), Signal()  # `begun`: there are some, not all
        m.d.comb += opened.eq(begun | (free != 0))
        opening, last = Signal(), Signal()
        m.d.comb += [opening.eq(taken & ~begun), last.eq(samples == channels * height * width - 1)]
        with m.If(taken):
            m.d.sync += [samples.eq(Mux(last, 0, samples + 1)), begun.eq(~last)]
        m.d.sync += free.eq(free - opening + self.read)
