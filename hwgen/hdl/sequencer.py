"""The sequencer: nested counters over a table of stages. It issues one step a cycle; no processor, no bubbles."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..plan.plan import Plan
from ..plan.schedule import parameter_time
from .fields import held_field
from .step import step_layout

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """Walks stage, tile, group, window, plane, tap, word.

    Each step names an entry of the tap table and, in `address`, what is added to the lanes' own addresses. A frame
    starts when `image` says that one is loaded. Steps are held back by exactly the rules of
    `hwgen.plan.schedule`, and by `result_busy` for a result that nobody has taken.

    Members
    -------
    image : In, an image is loaded
    parity : Out, which of the two images is read
    result_busy : In, the last tile of logits is still on its way out
    control : Out, the step (see `step_layout`)
    stage, entry, address : Out, belong to the step
    group_done, tile_done : Out, the step is the last of a pixel group, of a tile
    active, stage_done : Out, this cycle counts for the stage; it is the stage's last
    following : Out, the stage after this one; after the last comes the first
    result_sent : Out, the step is the last of a tile of logits
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        stages = len(plan.stages)
        entries = sum(len(t) for t in plan.tap_tables)
        super().__init__(
            {
                "image": In(1),
                "parity": Out(1),
                "result_busy": In(1),
                "control": Out(step_layout(plan.planes)),
                "stage": Out(range(max(2, stages))),
                "entry": Out(range(max(2, entries))),
                "address": Out(plan.address_bits),
                "group_done": Out(1),
                "tile_done": Out(1),
                "active": Out(1),
                "stage_done": Out(1),
                "following": Out(range(max(2, stages))),
                "result_sent": Out(1),
            }
        )

    def _fields(self, m):
        """Loop limits and increments of the current stage, by name; the stage goes on where it is done."""
        plan = self.plan
        following = self.following
        m.d.comb += following.eq(Mux(self.stage == len(plan.stages) - 1, 0, self.stage + 1))
        with m.If(self.stage_done):
            m.d.sync += self.stage.eq(following)
        compiled = [s.compiled for s in plan.stages]
        sources = [s.source for s in plan.stages]
        starts = [sum(len(t) for t in plan.tap_tables[:i]) for i in range(len(compiled))]
        timings = [s.timing for s in plan.stages]
        tables = {
            "last_word": [c.words - 1 for c in compiled],
            "last_tap": [len(c.taps) - 1 for c in compiled],
            "last_plane": [0 if c.packed else c.planes - 1 for c in compiled],
            "last_window": [c.windows - 1 for c in compiled],
            "last_group": [c.walked_groups - 1 for c in compiled],
            "last_tile": [c.tiles - 1 for c in compiled],
            "first_entry": starts,
            "base": [source.base for source in sources],
            "top_plane": [0 if c.packed else (c.planes - 1) * f.plane_words for c, f in zip(compiled, sources)],
            "plane_words": [f.plane_words for f in sources],
            "spacing": [(t.spacing if s.target else 1) - 1 for s, t in zip(plan.stages, timings)],
            "gap": [t.gap for t in [*timings[1:], timings[0]]],
            "final": [i == len(compiled) - 1 for i in range(len(compiled))],
        }
        fields = {name: held_field(m, self.stage_done, following, values, name) for name, values in tables.items()}
        return fields, tables

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        field, tables = self._fields(m)

        def counter(name):
            return Signal(range(max(tables[name]) + 2), name=name.removeprefix("last_"))

        word, tap, plane = counter("last_word"), counter("last_tap"), counter("last_plane")
        window, group, tile = counter("last_window"), counter("last_group"), counter("last_tile")
        at_last = {}
        for signal, name in [
            (word, "word"),
            (tap, "tap"),
            (plane, "plane"),
            (window, "window"),
            (group, "group"),
            (tile, "tile"),
        ]:
            at_last[name] = Signal(name=f"at_last_{name}")
            m.d.comb += at_last[name].eq(signal == field[f"last_{name}"])

        # What is left of each of the three rules, in cycles.
        spacing = Signal(range(max(tables["spacing"]) + 2))
        swap_time = parameter_time(plan.shape, plan.parameter_lanes)
        parameters = Signal(range(swap_time + 2), init=swap_time + 1)
        gap = Signal(range(max(tables["gap"]) + 2))
        for timer in (spacing, parameters, gap):
            with m.If(timer != 0):
                m.d.sync += timer.eq(timer - 1)

        fresh = {name: Signal(init=1, name=f"fresh_{name}") for name in ("frame", "tile", "capture", "plane")}
        ends, gives = Signal(), Signal()  # this step ends a position of the window, or a load; which is captured
        m.d.comb += ends.eq(at_last["word"] & at_last["tap"] & at_last["plane"])
        leads = self._leads(m)
        m.d.comb += gives.eq(ends & ~leads)
        final = field["final"]
        issue = Signal()
        m.d.comb += issue.eq(
            (~fresh["frame"] | self.image)
            & (gap == 0)
            & (~fresh["tile"] | (parameters == 0))
            & (~gives | ((spacing == 0) & ~(final & self.result_busy)))
        )

        top = len(self.control.index)
        m.d.comb += [
            self.control.step.eq(issue),
            self.control.first.eq(fresh["capture"]),
            self.control.plane.eq(fresh["plane"] & ~fresh["capture"]),
            self.control.last.eq(gives),
            self.control.tile.eq(fresh["tile"]),
            self.control.frame.eq(fresh["frame"]),
            self.control.index.eq((field["last_plane"] - plane)[:top]),
            self.result_sent.eq(issue & gives & final),
        ]

        with m.If(issue):
            m.d.sync += [signal.eq(0) for signal in fresh.values()]
            with m.If(fresh["tile"]):
                m.d.sync += parameters.eq(swap_time - 1)
        self._count(m, issue, ends, gives, field, at_last, fresh, word, tap, plane, window, group, tile, spacing, gap)
        m.d.comb += self.active.eq(~fresh["frame"] | issue)
        return m

    def _leads(self, m):
        """Whether the load is one that only fills the region of a packed stage, at the start of a row."""
        leads = Signal()
        gathering = self.plan.stages[0].compiled.gathering
        if gathering is not None and gathering.leads:
            load = Signal(range(gathering.row_loads))
            m.d.comb += leads.eq((self.stage == 0) & (load < gathering.leads))
            with m.If(self.group_done & (self.stage == 0)):
                m.d.sync += load.eq(Mux(load == gathering.row_loads - 1, 0, load + 1))
        return leads

    def _count(self, m, issue, ends, gives, field, at_last, fresh, word, tap, plane, window, group, tile, spacing, gap):
        """The counters, innermost first, and the addresses that go with them."""
        plan = self.plan
        bits = plan.address_bits
        plane_offset, started = Signal(bits), Signal()  # `started`: plane_offset has been set for this capture
        block = Signal.like(self.entry)  # first entry of this window position
        entry, entered = Signal.like(self.entry), Signal()  # likewise: entries are set for this stage
        parity_offset = Signal(bits)
        m.d.comb += parity_offset.eq(Mux((self.stage == 0) & self.parity, plan.inputs[1].base, 0))
        current_plane = Signal(bits)
        m.d.comb += current_plane.eq(Mux(started, plane_offset, field["top_plane"]))
        current_block = Signal.like(block)
        m.d.comb += current_block.eq(Mux(entered, block, field["first_entry"]))
        m.d.comb += self.entry.eq(Mux(entered, entry, field["first_entry"]))
        m.d.comb += self.address.eq(field["base"] + parity_offset + current_plane + word)
        m.d.comb += self.group_done.eq(issue & ends & at_last["window"])
        m.d.comb += self.tile_done.eq(self.group_done & at_last["group"])

        with m.If(issue):
            m.d.sync += [
                word.eq(word + 1), plane_offset.eq(current_plane), started.eq(1),
                entry.eq(self.entry), block.eq(current_block), entered.eq(1),
            ]  # fmt: skip
        with m.If(issue & at_last["word"]):
            m.d.sync += [word.eq(0), tap.eq(tap + 1), entry.eq(self.entry + 1)]
            with m.If(at_last["tap"]):
                m.d.sync += [tap.eq(0), plane.eq(plane + 1), fresh["plane"].eq(1), entry.eq(current_block)]
                m.d.sync += plane_offset.eq(current_plane - field["plane_words"])
        with m.If(issue & ends):
            m.d.sync += [plane.eq(0), started.eq(0), fresh["capture"].eq(1)]
            m.d.sync += [window.eq(window + 1), entry.eq(self.entry + 1), block.eq(self.entry + 1)]
        with m.If(issue & gives):
            m.d.sync += spacing.eq(field["spacing"])
        with m.If(self.group_done):
            m.d.sync += [window.eq(0), entered.eq(0), group.eq(group + 1)]
        with m.If(self.tile_done):
            m.d.sync += [group.eq(0), tile.eq(tile + 1), fresh["tile"].eq(1)]
            with m.If(at_last["tile"]):
                m.d.comb += self.stage_done.eq(1)
                m.d.sync += [tile.eq(0), gap.eq(field["gap"])]
        with m.If(self.stage_done & field["final"]):
            m.d.sync += [fresh["frame"].eq(1), self.parity.eq(~self.parity)]
