"""Memories: read-only tables (weights, taps, thresholds) and the banked activation memory."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory, MemoryData
from amaranth.lib.wiring import In, Out

from ..plan.loads import weight_blocks
from .delay import delayed
from .repeated import copies
from .step import delayed_control, step_layout

__all__ = ["ActivationMemory", "Table", "WeightMemory", "write_signature"]


class Table(wiring.Component):
    """A memory with contents, read-only or not: `data` is the word at `address` one cycle before.

    Parameters
    ----------
    rows : contents, Python integers
    width : bits of a row
    block : whether it lies in block RAM (else in LUTs, however the tool likes)
    loadable : whether its rows can be written, while nobody reads

    Members
    -------
    address : In
    data : Out
    load, load_address, load_data : In, if loadable: write `load_data` to a row
    """

    latency = 1

    def __init__(self, rows, width: int, block: bool, loadable: bool = False):
        self.contents = MemoryData(shape=width, depth=max(2, len(rows)), init=rows)
        self.block, self.loadable = block, loadable
        bits = (self.contents.depth - 1).bit_length()
        written = {"load": In(1), "load_address": In(bits), "load_data": In(width)} if loadable else {}
        super().__init__({"address": In(bits), "data": Out(width), **written})

    def elaborate(self, platform):
        m = Module()
        attrs = {"ram_style": "block"} if self.block else {}
        if not self.loadable:
            m.submodules.memory = memory = Memory(self.contents, attrs=attrs)
            port = memory.read_port()
            m.d.comb += [port.addr.eq(self.address), self.data.eq(port.data)]
            return m
        # As in `ActivationMemory`: a register of its own, where Yosys heeds the attribute.
        m.submodules.memory = memory = Memory(self.contents, attrs={**attrs, "no_rw_check": 1})
        read, write = memory.read_port(domain="comb"), memory.write_port()
        word = Signal(len(self.data), reset_less=True)
        m.d.sync += word.eq(read.data)
        m.d.comb += [
            read.addr.eq(self.address),
            self.data.eq(word),
            write.en.eq(self.load),
            write.addr.eq(self.load_address),
            write.data.eq(self.load_data),
        ]
        return m


class WeightMemory(wiring.Component):
    """Weights of all stages, in the order of reading; finds its own address from the control word.

    A tile's words follow those of the tile before; every capture and every plane reads the tile from its start.
    `weights` stands `latency` cycles after `control`.

    Parameters
    ----------
    words : P*S bits each
    width : P*S
    planes : as in `step_layout`
    parts : memories side by side, each for as many of the channels
    registered : whether each has a register for its address and one for its words, and all have one for the control:
        RAM lies all over the chip
    rows : words that lie in one memory, a power of two; further ones lie in another, where registers follow
    loadable : as in `Table`
    """

    def __init__(
        self,
        words,
        width: int,
        planes: int,
        parts: int = 1,
        registered: bool = False,
        rows: int | None = None,
        loadable: bool = False,
    ):
        self.depth, self.part = len(words), width // parts
        rows = rows or self.depth
        assert rows >= self.depth or (registered and rows & (rows - 1) == 0)
        self.tables = [
            [Table(block, self.part, True, loadable) for block in part]
            for part in weight_blocks(words, width, parts, rows)
        ]
        self.row_bits = (rows - 1).bit_length()
        self.registered = registered
        self.latency = Table.latency + 3 * registered
        super().__init__({"control": In(step_layout(planes)), "weights": Out(width)})

    def elaborate(self, platform):
        m = Module()
        address = Signal(max(1, (self.depth - 1).bit_length()))
        next_word = Signal.like(address)  # after the word read last
        tile_word = Signal.like(address)  # first of the tile
        control = delayed_control(m, "control", self.control, int(self.registered))[-1]
        m.d.comb += address.eq(next_word)
        with m.If(control.frame):
            m.d.comb += address.eq(0)
        with m.Elif((control.first | control.plane) & ~control.tile):
            m.d.comb += address.eq(tile_word)
        with m.If(control.step):
            m.d.sync += next_word.eq(address + 1)
            with m.If(control.tile):
                m.d.sync += tile_word.eq(address)
        parts = len(self.tables)
        addresses = copies(m, platform, "address", [address] * parts) if self.registered else [address] * parts
        for i, (tables, asked) in enumerate(zip(self.tables, addresses, strict=True)):
            words = []
            for k, table in enumerate(tables):
                name = f"{i}_{k}" if k else f"{i}"
                m.submodules[f"table_{name}"] = table
                words.append(delayed(m, f"word_{name}", table.data, int(self.registered))[-1])
                m.d.comb += table.address.eq(asked)
            word = words[0]
            if len(words) > 1:
                chosen = delayed(m, f"chosen_{i}", asked[self.row_bits :], Table.latency + 1)[-1]
                word = Array(words)[chosen]
            m.d.comb += self.weights.word_select(i, self.part).eq(word)
        return m


def write_signature(banks: int, lanes: int, columns: int, address_bits: int) -> wiring.Signature:
    """A write to the `ActivationMemory`: with `enable` the `columns` of a word of one bank become those of `data`."""
    return wiring.Signature(
        {
            "enable": Out(1),
            "bank": Out(range(max(2, banks))),
            "address": Out(address_bits),
            "columns": Out(columns),
            "data": Out(lanes),
        }
    )


class ActivationMemory(wiring.Component):
    """Q banks of S-bit words, one read and one write a cycle each. A read gives what was there before the edge.

    Every bank may have registers of its own in front of its ports; they need no reset, since what a reset interrupts is
    at most a write that no frame after it will read.

    Parameters
    ----------
    banks : Q
    lanes : S
    columns : parts of a word that are written apart (S / P where P < S)
    depth : words per bank
    parts : memories side by side for each column
    registered : whether there are registers in front of the ports
    count : writes that there may be at once, to as many banks

    Members
    -------
    read_address : In, per bank
    read_data : Out, per bank, one cycle later, two with registers
    writes : In, see `write_signature`
    """

    def __init__(
        self, banks: int, lanes: int, columns: int, depth: int, parts: int = 1, registered: bool = False, count: int = 1
    ):
        self.banks, self.lanes, self.columns, self.depth, self.parts = banks, lanes, columns, max(2, depth), parts
        self.registered = registered
        bits = (self.depth - 1).bit_length()
        super().__init__(
            {
                "read_address": In(data.ArrayLayout(bits, banks)),
                "read_data": Out(data.ArrayLayout(lanes, banks)),
                "writes": In(write_signature(banks, lanes, columns, bits)).array(count),
            }
        )

    def elaborate(self, platform):
        m = Module()
        memories = self.columns * self.parts
        width = self.lanes // memories
        bits = (self.depth - 1).bit_length()
        asked = data.StructLayout({"address": bits, "columns": self.columns, "data": self.lanes})
        writes, reads = [], []
        for bank in range(self.banks):
            writes.append(Signal(asked, name=f"write_{bank}"))
            reads.append(self.read_address[bank])
            first, *others = self.writes
            m.d.comb += [
                writes[bank].address.eq(first.address),
                writes[bank].columns.eq(Mux(first.enable & (first.bank == bank), first.columns, 0)),
                writes[bank].data.eq(first.data),
            ]
            for write in others:
                with m.If(write.enable & (write.bank == bank)):
                    m.d.comb += [getattr(writes[bank], f).eq(getattr(write, f)) for f in ("address", "columns", "data")]
        if self.registered:
            held = copies(m, platform, "write", [write.as_value() for write in writes])
            writes = [asked(write) for write in held]
            reads = copies(m, platform, "read", reads)
        for bank in range(self.banks):
            for i in range(memories):
                # The schedule never reads a word that is being written, so no tool need care what that would give.
                # Yosys heeds that only where it finds the read port's register itself.
                memory = Memory(shape=width, depth=self.depth, init=[], attrs={"ram_style": "block", "no_rw_check": 1})
                m.submodules[f"memory_{bank}_{i}"] = memory
                write, read = memory.write_port(), memory.read_port(domain="comb")
                word = Signal(width, name=f"word_{bank}_{i}", reset_less=True)
                m.d.sync += word.eq(read.data)
                m.d.comb += [
                    write.addr.eq(writes[bank].address),
                    write.data.eq(writes[bank].data.word_select(i, width)),
                    write.en.eq(writes[bank].columns[i // self.parts]),
                    read.addr.eq(reads[bank]),
                    self.read_data[bank].word_select(i, width).eq(word),
                ]
        return m
