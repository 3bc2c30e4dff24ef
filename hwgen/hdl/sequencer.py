"""The sequencer: nested counters over a table of stages. It issues one step a cycle; no processor, no bubbles."""

from amaranth import Module, Mux, Signal, signed
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
        """Increments and waits of the current stage, its loops and its timers, by name; the stage goes on where it is
        done."""
        plan = self.plan
        following = self.following
        m.d.comb += following.eq(Mux(self.stage == len(plan.stages) - 1, 0, self.stage + 1))
        with m.If(self.stage_done):
            m.d.sync += self.stage.eq(following)
        compiled = [s.compiled for s in plan.stages]
        sources = [s.source for s in plan.stages]
        starts = [sum(len(t) for t in plan.tap_tables[:i]) for i in range(len(compiled))]
        timings = [s.timing for s in plan.stages]
        loops = {
            "word": [c.words for c in compiled],
            "tap": [len(c.taps) for c in compiled],
            "plane": [1 if c.packed else c.planes for c in compiled],
            "window": [c.windows for c in compiled],
            "group": [c.walked_groups for c in compiled],
            "tile": [c.tiles for c in compiled],
        }
        waits = {
            "spacing": [t.spacing - 1 if s.target else 0 for s, t in zip(plan.stages, timings)],
            "gap": [t.gap for t in [*timings[1:], timings[0]]],
        }
        tables = {
            "last_plane": [n - 1 for n in loops["plane"]],
            "first_entry": starts,
            "base": [source.base for source in sources],
            "top_plane": [0 if c.packed else (c.planes - 1) * f.plane_words for c, f in zip(compiled, sources)],
            "plane_words": [f.plane_words for f in sources],
            "final": [i == len(compiled) - 1 for i in range(len(compiled))],
        }

        def held(name, values):
            return held_field(m, self.stage_done, following, values, name)

        fields = {name: held(name, values) for name, values in tables.items()}
        counters = {name: _Loop(m, name, counts, held) for name, counts in loops.items()}
        timers = {name: _Timer(m, name, max(values)) for name, values in waits.items()}
        for name, values in waits.items():
            fields[name] = held(name, [timers[name].starting(value) for value in values])
        return fields, counters, timers

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        field, loops, timers = self._fields(m)
        gap, spacing = timers["gap"], timers["spacing"]
        swap_time = parameter_time(plan.shape, plan.parameter_lanes)
        parameters = _Timer(m, "parameters", swap_time + 1, init=swap_time + 1)

        fresh = {name: Signal(init=1, name=f"fresh_{name}") for name in ("frame", "tile", "capture", "plane")}
        ends, gives = Signal(), Signal()  # this step ends a position of the window, or a load; which is captured
        m.d.comb += ends.eq(loops["word"].at_last & loops["tap"].at_last & loops["plane"].at_last)
        leads = self._leads(m)
        m.d.comb += gives.eq(ends & ~leads)
        final = field["final"]
        issue = Signal()
        m.d.comb += issue.eq(
            (~fresh["frame"] | self.image)
            & gap.over
            & (~fresh["tile"] | parameters.over)
            & (~gives | (spacing.over & ~(final & self.result_busy)))
        )

        top = len(self.control.index)
        m.d.comb += [
            self.control.step.eq(issue),
            self.control.first.eq(fresh["capture"]),
            self.control.plane.eq(fresh["plane"] & ~fresh["capture"]),
            self.control.last.eq(gives),
            self.control.tile.eq(fresh["tile"]),
            self.control.frame.eq(fresh["frame"]),
            self.control.index.eq((field["last_plane"] - loops["plane"].count)[:top]),
            self.result_sent.eq(issue & gives & final),
        ]

        with m.If(issue):
            m.d.sync += [signal.eq(0) for signal in fresh.values()]
            with m.If(fresh["tile"]):
                m.d.sync += parameters.left.eq(parameters.starting(swap_time - 1))
        with m.If(issue & gives):
            m.d.sync += spacing.left.eq(field["spacing"])
        with m.If(self.stage_done):
            m.d.sync += gap.left.eq(field["gap"])
        self._count(m, issue, ends, field, loops, fresh)
        m.d.comb += self.active.eq(~fresh["frame"] | issue)
        return m

    def _leads(self, m):
        """Whether the load is one that only fills the region of a packed stage, at the start of a row."""
        gathering = self.plan.stages[0].compiled.gathering
        if gathering is None or not gathering.leads:
            return Signal()
        load, following, leads = Signal(range(gathering.row_loads)), Signal(range(gathering.row_loads)), Signal(init=1)
        m.d.comb += following.eq(Mux(load == gathering.row_loads - 1, 0, load + 1))
        with m.If(self.stage_done):
            m.d.sync += [load.eq(0), leads.eq(self.following == 0)]
        with m.Elif(self.group_done & (self.stage == 0)):
            m.d.sync += [load.eq(following), leads.eq(following < gathering.leads)]
        return leads

    def _count(self, m, issue, ends, field, loops, fresh):
        """The counters, innermost first, and the addresses that go with them."""
        plan = self.plan
        bits = plan.address_bits
        at_last = {name: loop.at_last for name, loop in loops.items()}
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
        m.d.comb += self.address.eq(field["base"] + parity_offset + current_plane + loops["word"].count)
        m.d.comb += self.group_done.eq(issue & ends & at_last["window"])
        m.d.comb += self.tile_done.eq(self.group_done & at_last["group"])
        m.d.comb += self.stage_done.eq(self.tile_done & at_last["tile"])

        loops["word"].advance(m, issue)
        loops["tap"].advance(m, issue & at_last["word"])
        loops["plane"].advance(m, issue & at_last["word"] & at_last["tap"])
        loops["window"].advance(m, issue & ends)
        loops["group"].advance(m, self.group_done)
        loops["tile"].advance(m, self.tile_done)
        with m.If(issue):
            m.d.sync += [
                plane_offset.eq(current_plane), started.eq(1),
                entry.eq(self.entry), block.eq(current_block), entered.eq(1),
            ]  # fmt: skip
        with m.If(issue & at_last["word"]):
            m.d.sync += entry.eq(self.entry + 1)
            with m.If(at_last["tap"]):
                m.d.sync += [fresh["plane"].eq(1), entry.eq(current_block)]
                m.d.sync += plane_offset.eq(current_plane - field["plane_words"])
        with m.If(issue & ends):
            m.d.sync += [started.eq(0), fresh["capture"].eq(1), entry.eq(self.entry + 1), block.eq(self.entry + 1)]
        with m.If(self.group_done):
            m.d.sync += entered.eq(0)
        with m.If(self.tile_done):
            m.d.sync += fresh["tile"].eq(1)
        with m.If(self.stage_done & field["final"]):
            m.d.sync += [fresh["frame"].eq(1), self.parity.eq(~self.parity)]


class _Loop:
    """A counter from 0 to the stage's count - 1. Whether it is there is known from the edge before: what may be issued
    is a long path already.

    Attributes
    ----------
    count, at_last : where it is, and whether that is the last one
    """

    def __init__(self, m, name: str, counts: list[int], held):
        self.count = Signal(range(max(2, *counts)), name=name)
        self._before_last = held(f"before_last_{name}", [max(0, n - 2) for n in counts])
        self._only = held(f"only_{name}", [n == 1 for n in counts])
        self._reached = Signal(name=f"reached_last_{name}")
        self.at_last = Signal(name=f"at_last_{name}")
        m.d.comb += self.at_last.eq(self._only | self._reached)

    def advance(self, m, go):
        """At this edge it goes on, from the last one to the first, where `go` is high."""
        with m.If(go & self.at_last):
            m.d.sync += [self.count.eq(0), self._reached.eq(0)]
        with m.Elif(go):
            m.d.sync += [self.count.eq(self.count + 1), self._reached.eq(self.count == self._before_last)]


class _Timer:
    """Counts cycles down to -1, whose sign says that it is over, and stands there.

    Parameters
    ----------
    most : cycles that it takes
    init : cycles that it takes from reset on
    """

    def __init__(self, m, name: str, most: int, init: int = 0):
        self.left = Signal(signed(most.bit_length() + 1), init=init - 1, name=name)
        self.over = self.left[-1]
        with m.If(~self.over):
            m.d.sync += self.left.eq(self.left - 1)

    def starting(self, cycles: int) -> int:
        """What `left` is set to, without a sign, for it to be over in so many cycles after the one that begins."""
        return cycles - 1 & (1 << len(self.left)) - 1
