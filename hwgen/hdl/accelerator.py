"""The accelerator core: image stream in, logits and class out, and a bank of status registers."""

from functools import reduce
from operator import or_

from amaranth import Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..plan.loads import row_bytes
from ..plan.plan import Plan
from . import csr
from .array import Array
from .buffers import ActivationMemory, Table, WeightMemory, write_signature
from .collector import Collector
from .delay import delayed
from .emitter import Emitter
from .loader import Loader
from .loading import RowLoader, load_signature
from .parameters import ParameterLoader
from .reader import Reader
from .result import image_signature, result_signature
from .sequencer import Sequencer
from .step import delayed_control
from .threshold import ThresholdUnit
from .window import Packer
from .writer import Writer

__all__ = ["Accelerator", "Core", "trace_signature"]


def _write(plan):
    shape = plan.shape
    return write_signature(shape.q, shape.s, max(1, shape.s // shape.p), plan.address_bits)


def trace_signature(plan: Plan) -> wiring.Signature:
    """What a simulation watches; a board leaves it open and it costs nothing.

    Members
    -------
    write_0, write_1, stage : writes of codes to activation memory (see `write_signature`), as many as there may be at
        once; of which stage
    active, active_stage, stage_done : this cycle counts for a stage; it is the stage's last
    """
    stages = range(max(2, len(plan.stages)))
    return wiring.Signature(
        {
            **{f"write_{k}": Out(_write(plan)) for k in range(plan.writes)},
            "stage": Out(stages),
            "active": Out(1),
            "active_stage": Out(stages),
            "stage_done": Out(1),
        }
    )


class Core(wiring.Component):
    """Everything but the registers. Frames follow one another without a pause where images are there and results go.

    Members
    -------
    image, result : the streams of `hwgen.hdl.result`; both may stall at any time
    busy : Out, a frame is being computed or sent
    active, stage, stage_done : Out, see `Sequencer`
    frame_done : Out, high for a cycle when a class is accepted
    trace : Out, see `trace_signature`
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        shape = plan.shape
        specs = {spec.name: spec for spec in plan.memories}
        self.weights = WeightMemory(
            plan.weights, shape.p * shape.s, plan.planes, specs["weights"].count, bool(plan.style.weight_registers),
            plan.style.weight_rows(specs["weights"].width, specs["weights"].depth), plan.loadable,
        )  # fmt: skip
        self.parameters = ParameterLoader(
            plan.parameters, shape.p, plan.parameter_lanes, plan.accumulator_bits, plan.planes, plan.pools_minimum,
            specs["parameters"].block, plan.style.copies(shape.p), plan.loadable,
        )  # fmt: skip
        self.thresholds = ThresholdUnit(plan)
        super().__init__(
            {
                "image": In(image_signature()),
                "result": Out(result_signature()),
                "busy": Out(1),
                "active": Out(1),
                "stage": Out(range(max(2, len(plan.stages)))),
                "stage_done": Out(1),
                "frame_done": Out(1),
                "trace": Out(trace_signature(plan)),
            }
        )

    @property
    def tables(self) -> list[Table]:
        """Those of `plan.loads.loads`, by their numbers."""
        weights = [table for part in self.weights.tables for table in part]
        return [*weights, self.parameters.table, *self.thresholds.tables]

    def elaborate(self, platform):
        m = Module()
        plan, shape = self.plan, self.plan.shape
        m.submodules.loader = loader = Loader(plan)
        m.submodules.sequencer = sequencer = Sequencer(plan)
        m.submodules.reader = reader = Reader(plan)
        m.submodules.activations = activations = ActivationMemory(
            shape.q, shape.s, max(1, shape.s // shape.p), plan.memory_depth, plan.activation_parts,
            bool(plan.style.port_registers), 1 + plan.writes,
        )  # fmt: skip
        m.submodules.weights = weights = self.weights
        m.submodules.parameters = parameters = self.parameters
        m.submodules.array = array = Array(
            shape.p, shape.s, shape.q, plan.accumulator_bits, plan.planes, plan.pools_minimum, plan.style, plan.split,
            plan.has_mask,
        )  # fmt: skip
        m.submodules.collector = collector = Collector(plan)
        m.submodules.thresholds = thresholds = self.thresholds
        m.submodules.writer = writer = Writer(plan)
        m.submodules.emitter = emitter = Emitter(plan)

        connect(m, flipped(self.image), loader.image)
        connect(m, emitter.result, flipped(self.result))

        # Images that are loaded and not yet begun; the sequencer begins one by its first step.
        images = Signal(range(3))
        begun = Signal()
        m.d.comb += begun.eq(sequencer.control.step & sequencer.control.frame)
        m.d.sync += images.eq(images + loader.loaded - begun)
        m.d.comb += [sequencer.image.eq(images != 0), loader.read.eq(reader.image_read)]

        result_busy = Signal()
        with m.If(emitter.done):
            m.d.sync += result_busy.eq(0)
        with m.If(sequencer.result_sent):
            m.d.sync += result_busy.eq(1)
        m.d.comb += sequencer.result_busy.eq(result_busy)

        m.d.comb += [
            reader.control_in.eq(sequencer.control),
            reader.stage.eq(sequencer.stage),
            reader.stage_done.eq(sequencer.stage_done),
            reader.following.eq(sequencer.following),
            reader.entry.eq(sequencer.entry),
            reader.address.eq(sequencer.address),
            reader.group_done.eq(sequencer.group_done),
            reader.tile_done.eq(sequencer.tile_done),
            activations.read_address.eq(reader.bank_address),
            reader.bank_data.eq(activations.read_data),
        ]
        self._feed(m, reader, weights, parameters, array)
        self._drain(m, loader, activations, array, collector, thresholds, writer, emitter)

        m.d.comb += [
            self.active.eq(sequencer.active),
            self.stage.eq(sequencer.stage),
            self.stage_done.eq(sequencer.stage_done),
            self.frame_done.eq(self.result.valid & self.result.ready & self.result.payload.last),
            self.busy.eq(sequencer.active | result_busy | self.result.valid),
            self.trace.active.eq(sequencer.active),
            self.trace.active_stage.eq(sequencer.stage),
            self.trace.stage_done.eq(sequencer.stage_done),
        ]
        return m

    def _feed(self, m, reader, weights, parameters, array):
        """Reader (through the packer in a packed first stage) and weights to the array, when it wants them."""
        plan = self.plan
        control, words, valid = reader.control, reader.words, reader.valid
        if plan.stages[0].compiled.packed:
            m.submodules.packer = packer = Packer(plan)
            control, words = Signal.like(reader.control), Signal.like(reader.words)
            valid = Signal(plan.shape.q)
            m.d.comb += [
                packer.words.eq(reader.words),
                packer.control.eq(reader.control),
                packer.packed.eq(reader.packed),
                control.eq(Mux(packer.playing, packer.played, reader.control)),
                words.eq(Mux(packer.playing, packer.window, reader.words)),
                valid.eq(Mux(packer.playing, (1 << plan.shape.q) - 1, reader.valid)),
            ]
            with m.If(~packer.playing & reader.packed):
                m.d.comb += control.step.eq(0)
        m.d.comb += weights.control.eq(control)
        # They wait for the weights.
        later = weights.latency - plan.style.spread_registers
        m.d.comb += [
            array.control.eq(delayed_control(m, "fed_control", control, later)[-1]),
            array.valid.eq(delayed(m, "fed_valid", valid, later)[-1]),
        ]
        for lane, word in enumerate(words):
            m.d.comb += array.activations[lane].eq(delayed(m, f"fed_word_{lane}", word, later)[-1])
        m.d.comb += [
            array.weights.eq(weights.weights),
            array.start.eq(parameters.start),
            array.low.eq(parameters.low),
            array.minimum.eq(parameters.minimum),
            parameters.swap.eq(array.swap),
        ]

    def _drain(self, m, loader, activations, array, collector, thresholds, writer, emitter):
        """Array to codes and back to memory, or out as logits; the loader writes to banks that the writer does not."""
        plan = self.plan

        def took(name, value, reset_less=True):
            return delayed(m, f"took_{name}", value, plan.style.drain_registers, reset_less=reset_less)[-1]

        logits = Signal()
        m.d.comb += [
            logits.eq(array.capture & (collector.stage == len(plan.stages) - 1)),
            collector.capture.eq(array.capture),
            thresholds.capture.eq(array.capture),
            thresholds.accumulators.eq(array.accumulators),
            thresholds.minimum.eq(array.pool_minimum),
            writer.capture.eq(took("capture", array.capture, reset_less=False)),
            writer.codes.eq(thresholds.codes),
            writer.done.eq(thresholds.done),
            emitter.capture.eq(took("logits", logits, reset_less=False)),
        ]
        for p in range(plan.shape.p):
            m.d.comb += emitter.accumulators[p].eq(took(f"accumulator_{p}", array.accumulators[p][0]))
        for name in ("stage", "window_first", "window_last", "tile_ends", "frame_ends"):
            m.d.comb += getattr(thresholds, name).eq(getattr(collector, name))
        for name in ("stage", "window_last", "tile_last", "column", "word"):
            m.d.comb += getattr(writer, name).eq(took(name, getattr(collector, name)))
        of_loader, *of_writer = activations.writes
        m.d.comb += [
            loader.busy.eq(reduce(or_, (write.enable & (write.bank == loader.bank) for write in writer.writes))),
            of_loader.enable.eq(loader.write),
            of_loader.bank.eq(loader.bank),
            of_loader.address.eq(loader.address),
            of_loader.columns.eq(~0),
            of_loader.data.eq(loader.data),
            self.trace.stage.eq(writer.written_stage),
        ]
        for port, write in zip(of_writer, writer.writes, strict=True):
            connect(m, port, write)
        for k, write in enumerate(writer.writes):
            connect(m, flipped(getattr(self.trace, f"write_{k}")), write)


class Accelerator(wiring.Component):
    """`Core` with its control and status registers (`hwgen.hdl.csr`).

    Members
    -------
    image, result, trace : as in `Core`
    csr : In, `csr.Signature`
    load : In, if the plan is loadable, see `loading.load_signature`

    Parameters
    ----------
    clock_hz : of the core, for its register; 0 where that is not known
    structure : value of the register `STRUCTURE`
    model : of the register `MODEL`, if not the network's

    Attributes
    ----------
    samples : bytes of an image
    pixel_bits : of a sample, the others are 0
    layers : how many have a cycle counter
    load_bytes : that `load` takes for a row, 0 where it is not loadable
    """

    def __init__(self, plan: Plan, clock_hz: int = 0, structure: int = 0, model: int | None = None):
        self.plan, self.clock_hz, self.structure = plan, clock_hz, structure
        self.model = csr.model_word(plan.network.digest) if model is None else model
        self._core, self._loader = Core(plan), None
        if plan.loadable:
            self._loader = RowLoader(self._core.tables, row_bytes(plan), self.model)
        self.load_bytes = self._loader.bytes if self._loader else 0
        channels, height, width = plan.lowered.image_shape
        self.samples = channels * height * width
        self.pixel_bits = plan.network.image_type.bits
        self.layers = len(plan.stages)
        super().__init__(
            {
                "image": In(image_signature()),
                "result": Out(result_signature()),
                "csr": In(csr.Signature()),
                "trace": Out(trace_signature(plan)),
                **({"load": In(load_signature())} if plan.loadable else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, core = self.plan, self._core
        reset = Signal()
        m.submodules.core = ResetInserter(reset)(core)
        connect(m, flipped(self.image), core.image)
        connect(m, core.result, flipped(self.result))
        connect(m, core.trace, flipped(self.trace))

        model = self.model
        if self._loader:
            m.submodules.loader = loader = self._loader
            connect(m, flipped(self.load), loader.load)
            model = loader.word
        frames, running = Signal(32), Signal(32)
        cycles = [Signal(32, name=f"cycles_{i}") for i in range(len(plan.stages))]
        with m.If(core.frame_done):
            m.d.sync += frames.eq(frames + 1)
        # A cycle later, so that the counters are no part of the sequencer's paths.
        active, stage_done, stage = Signal(), Signal(), Signal.like(core.stage)
        m.d.sync += [active.eq(core.active), stage_done.eq(core.stage_done), stage.eq(core.stage)]
        with m.If(active):
            m.d.sync += running.eq(running + 1)
        with m.If(stage_done):
            m.d.sync += running.eq(0)
            with m.Switch(stage):
                for i, count in enumerate(cycles):
                    with m.Case(i):
                        m.d.sync += count.eq(running + 1)

        m.d.sync += reset.eq(self.csr.write & (self.csr.address == csr.Register.CONTROL) & self.csr.write_data[0])
        with m.If(reset):
            m.d.sync += [active.eq(0), stage_done.eq(0), running.eq(0), frames.eq(0)]
        registers = {
            csr.Register.MAGIC: csr.MAGIC,
            csr.Register.VERSION: csr.VERSION,
            csr.Register.MODEL: model,
            csr.Register.STATUS: Mux(core.busy, csr.STATUS_BUSY, 0),
            csr.Register.LAYERS: self.layers,
            csr.Register.FRAMES: frames,
            csr.Register.CHANNELS: plan.lowered.image_shape[0],
            csr.Register.HEIGHT: plan.lowered.image_shape[1],
            csr.Register.WIDTH: plan.lowered.image_shape[2],
            csr.Register.LOGITS: plan.logits.count,
            csr.Register.P: plan.shape.p,
            csr.Register.S: plan.shape.s,
            csr.Register.Q: plan.shape.q,
            csr.Register.CLOCK: self.clock_hz,
            **({csr.Register.STRUCTURE: self.structure} if self.structure else {}),
            **{csr.layer_cycles(i): count for i, count in enumerate(cycles)},
        }
        with m.If(self.csr.read):
            m.d.sync += self.csr.read_data.eq(0)
            with m.Switch(self.csr.address):
                for address, value in registers.items():
                    with m.Case(int(address)):
                        m.d.sync += self.csr.read_data.eq(value)
        return m
