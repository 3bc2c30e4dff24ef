"""`Plan`: a lowered network on an array of one shape: memory map, ROM contents, cycles. The hardware's only input."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..network import Network
from . import pipeline
from .compile import (
    ArrayShape,
    CompiledStage,
    HardwareRamp,
    Logits,
    Tap,
    hardware_ramp,
    hardware_thresholds,
    logits,
    tap_table,
    weight_words,
)
from .layout import Layout, ceil_div
from .lowering import Lowered
from .schedule import Timing
from .style import Style

BLOCK_BITS = 1024
"""A read-only table of at least this many bits goes to block RAM, a smaller one to LUTs."""


@dataclass(frozen=True, kw_only=True)
class MemorySpec:
    """A memory of the design: `count` alike, each `depth` words of `width` bits; `block` says where it goes."""

    name: str
    depth: int
    width: int
    count: int = 1
    block: bool = True

    @property
    def bits(self) -> int:
        return self.depth * self.width * self.count


@dataclass(frozen=True, kw_only=True)
class PlannedStage:
    """A compiled stage with its place and time."""

    compiled: CompiledStage
    source: Layout
    target: Layout | None
    timing: Timing

    @property
    def name(self) -> str:
        return self.compiled.stage.name

    @property
    def pixel_words(self) -> int:
        """Words that are written for a pixel and tile."""
        return self.timing.written // len(self.compiled.turns)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that the hardware is made from. Built by `placing.make_plan`; all integers.

    Attributes
    ----------
    shape : P, S, Q
    style : cells and pipeline of the array
    parameter_lanes : channels whose start values are loaded per cycle
    threshold_lanes : channels that the multi-threshold unit searches at a time
    inputs : the two places of the input image, filled in turn
    stages : in order
    memory_depth : words of every activation bank
    idle : cycles between the last step of a frame and the first of the next, at least
    loadable : whether weights, start values and thresholds can be written at run time (`plan.loads`)
    """

    network: Network
    lowered: Lowered
    shape: ArrayShape
    style: Style
    parameter_lanes: int
    threshold_lanes: int
    inputs: tuple[Layout, Layout]
    stages: tuple[PlannedStage, ...]
    memory_depth: int
    idle: int
    loadable: bool = False

    # Widths.

    @cached_property
    def planes(self) -> int:
        """Most bit planes that any stage reads."""
        return max(s.compiled.planes for s in self.stages)

    @cached_property
    def split(self) -> int:
        """Planes by which those of the array's left lanes are above the others', where a stage reads two at a time."""
        return max(s.compiled.planes // 2 if s.compiled.left else 0 for s in self.stages)

    @cached_property
    def array_latency(self) -> int:
        """Cycles from a step at the array's input, or at the weight memory's registers, to its accumulators."""
        return self.style.latency(self.shape.s)

    @cached_property
    def code_bits(self) -> int:
        """Most bits of any activation that the array writes (1 where there is none)."""
        return max(1, *(s.compiled.stage.code_bits for s in self.stages))

    @property
    def input_bits(self) -> int:
        """Bits of a pixel's code."""
        return self.stages[0].compiled.planes

    @cached_property
    def accumulator_bits(self) -> int:
        """Two's complement bits that hold every start value and every partial sum."""
        most = 1
        for planned in self.stages:
            reach = planned.compiled.reach
            starts = np.concatenate([np.abs(self._starts(planned)), [reach + 1 if self.loadable else 0]])
            most = max(most, int(starts.max()) + reach, reach + 1)
        return most.bit_length() + 1

    @cached_property
    def pools_minimum(self) -> bool:
        """Whether any channel pools by minimum, or could where another network is loaded."""
        pooled = [s.compiled.stage for s in self.stages if len(s.compiled.stage.window) > 1]
        return any(self.loadable or stage.minimum.any() for stage in pooled)

    @property
    def has_multi_threshold(self) -> bool:
        return any(s.compiled.threshold_rounds for s in self.stages)

    @cached_property
    def ramps(self) -> list[HardwareRamp | None]:
        """The ramp of each stage that has one."""
        outputs = [s.compiled.tiles * self.shape.p for s in self.stages]
        pairs = zip(self.stages, outputs, strict=True)
        return [hardware_ramp(s.compiled, n) if s.compiled.mode == "ramp" else None for s, n in pairs]

    @cached_property
    def threshold_shift(self) -> int:
        """Fraction bits that the threshold unit gives an accumulator."""
        return max((ramp.shift for ramp in self.ramps if ramp), default=0)

    @cached_property
    def threshold_bits(self) -> int:
        """Two's complement bits of an accumulator with its fraction, less the base of a ramp, and of a threshold."""
        most = 1
        for planned, ramp in zip(self.stages, self.ramps, strict=True):
            if planned.compiled.threshold_rounds:
                base = int(np.abs(ramp.base).max()) << (self.threshold_shift - ramp.shift) if ramp else 0
                most = max(most, (planned.compiled.reach + 1 << self.threshold_shift) + base)
        return most.bit_length() + 1

    # ROM contents.

    @cached_property
    def weights(self) -> list[int]:
        """Words of P*S bits in the order of reading, all stages."""
        return [word for s in self.stages for word in weight_words(s.compiled, self.shape)]

    @cached_property
    def logits(self) -> Logits:
        return logits(self.stages[-1].compiled)

    def _starts(self, planned):
        """Start value of every accumulator of a stage, int64 (tiles*P,)."""
        compiled = planned.compiled
        outputs = compiled.tiles * self.shape.p
        starts = np.zeros(outputs, np.int64)
        if compiled.mode == "sign":
            starts = -hardware_thresholds(compiled, outputs)[:, 0]
        elif compiled.mode == "logits":
            starts[: self.logits.count] = self.logits.start
        return starts

    @property
    def parameter_bits(self) -> int:
        """Bits of one channel's parameters: start value, its low bits for the later planes, the pool's kind."""
        return self.accumulator_bits + (self.planes - 1) + self.pools_minimum

    @cached_property
    def parameters(self) -> list[int]:
        """Rows of `parameter_lanes` channels in the order of loading.

        A channel's field is {pool minimum, low bits, start}. Horner's rule doubles the accumulator before every
        pass over the planes but the first; so the start value is given without its low bits, and each of those is put
        in after a doubling: bit k of `low` before pass k, counted down.
        """
        rows, width = [], self.parameter_bits
        for planned in self.stages:
            compiled = planned.compiled
            low = compiled.passes - 1
            starts = self._starts(planned)
            minimum = np.zeros(len(starts), bool)
            minimum[: len(compiled.stage.minimum)] = compiled.stage.minimum
            fields = []
            for start, least in zip(starts.tolist(), minimum.tolist(), strict=True):
                field = (start >> low) & ((1 << self.accumulator_bits) - 1)
                field |= (start & ((1 << low) - 1)) << self.accumulator_bits
                field |= int(least and self.pools_minimum) << (width - 1)
                fields.append(field)
            for row in range(0, len(fields), self.parameter_lanes):
                lanes = fields[row : row + self.parameter_lanes]
                rows.append(sum(field << (i * width) for i, field in enumerate(lanes)))
        return rows

    @cached_property
    def thresholds(self) -> list[list[int]]:
        """Contents of each lane's threshold memory, channel by channel.

        A channel of a stage that searches has 2^n entries, its thresholds; entry 0 is not read. One of a ramp has
        n + 1: slope * 2^k in entry k, or the greatest number where that is greater, and the base in entry n.
        """
        mask = (1 << self.threshold_bits) - 1
        lanes: list[list[int]] = [[] for _ in range(self.threshold_lanes)]
        for planned, ramp in zip(self.stages, self.ramps, strict=True):
            if planned.compiled.threshold_rounds:
                table = self._searched(planned.compiled) if ramp is None else self._divided(planned.compiled, ramp)
                for channel, row in enumerate(table):
                    lanes[channel % self.threshold_lanes].extend(value & mask for value in row)
        return lanes

    def _searched(self, compiled):
        """Entries of the channels of a stage that searches, 2^n each."""
        table = hardware_thresholds(compiled, compiled.tiles * self.shape.p)
        full = np.full((len(table), compiled.threshold_entries), compiled.reach + 1, np.int64)
        full[:, 1 : table.shape[1] + 1] = table
        return [[value << self.threshold_shift for value in row] for row in full.tolist()]

    def _divided(self, compiled, ramp):
        """Entries of the channels of a ramp, n + 1 each. Python's integers: shifted as far as another stage's, a base
        may have more than 64 bits."""
        more, greatest = self.threshold_shift - ramp.shift, (1 << (self.threshold_bits - 1)) - 1
        bits = range(compiled.stage.code_bits)
        return [
            [*(min(slope << k + more, greatest) for k in bits), base << more]
            for slope, base in zip(ramp.slope.tolist(), ramp.base.tolist(), strict=True)
        ]

    @cached_property
    def tap_tables(self) -> list[list[Tap]]:
        return [tap_table(s.compiled, s.source) for s in self.stages]

    @cached_property
    def pixel_codes(self) -> np.ndarray:
        """Code of every pixel value, int64 (channels or 1, 256)."""
        type_ = self.stages[0].compiled.stage.input_type
        return (self.lowered.pixel_map - type_.minimum) // type_.step

    # Figures.

    @property
    def cycles_per_stage(self) -> list[int]:
        return [s.timing.cycles for s in self.stages]

    @property
    def cycles(self) -> int:
        """Cycles from the first step of a frame to its last."""
        return sum(self.cycles_per_stage)

    @property
    def loading(self) -> int:
        """Cycles that bring an image in, while nothing else is written: a sample each, and each word is written out."""
        channels, height, width = self.lowered.input.shape
        packed = self.stages[0].compiled.packed
        lanes, planes = (self.shape.s // self.input_bits, 1) if packed else (self.shape.s, self.input_bits)
        full, rest = divmod(channels, lanes)
        pixel = full * max(lanes, planes + 1) + (max(rest, planes + 1) if rest else 0)
        return height * width * pixel

    @property
    def interval(self) -> int:
        """Least cycles from frame to frame in steady state: of the array, or of the image's way in if that is longer.
        Where the latter sets the pace, or nearly, words that wait for a bank that is written to may make it more."""
        return max(self.cycles + self.idle, self.loading)

    @property
    def latency(self) -> int:
        """Cycles from the first step of a frame to the transfer of its class, both counted."""
        last_tile = self.logits.count - (self.stages[-1].compiled.tiles - 1) * self.shape.p
        return self.cycles + pipeline.capture(self.array_latency) + last_tile + 1

    @property
    def macs(self) -> int:
        """Binary multiply-accumulates of one frame that the array does (an n-bit activation counts n)."""
        return sum(s.compiled.stage.macs for s in self.stages)

    @property
    def utilisation(self) -> float:
        return self.macs / (self.shape.p * self.shape.s * self.shape.q * self.cycles)

    @cached_property
    def writes(self) -> int:
        """Words that go to activation memory at once, at most."""
        return max((len(turn) for s in self.stages if s.target for turn in s.compiled.turns), default=1)

    @cached_property
    def memories(self) -> list[MemorySpec]:
        """Every memory of the design."""
        shape = self.shape
        weight_words = sum(s.compiled.weight_words * s.compiled.tiles for s in self.stages)
        parts = self.style.weight_parts(shape.p, shape.s)
        rows = sum(s.compiled.tiles for s in self.stages) * (shape.p // self.parameter_lanes)
        specs = [
            MemorySpec(name="weights", depth=weight_words, width=shape.p * shape.s // parts, count=parts),
            MemorySpec(
                name="activations",
                depth=self.memory_depth,
                width=min(shape.p, shape.s) // self.activation_parts,
                count=shape.q * max(1, shape.s // shape.p) * self.activation_parts,
            ),
            _table("parameters", rows, self.parameter_lanes * self.parameter_bits, self.loadable),
        ]
        taps = sum(s.compiled.windows * len(s.compiled.taps) for s in self.stages)
        specs.append(_table("taps", taps, self.tap_bits))
        if self.has_multi_threshold:
            channels = shape.p // self.threshold_lanes
            depth = sum(s.compiled.tiles * channels * s.compiled.threshold_entries for s in self.stages)
            thresholds = _table("thresholds", depth, self.threshold_bits, self.loadable)
            specs.append(replace(thresholds, count=self.threshold_lanes))
        if not self.pixel_identity:
            specs.append(_table("pixels", self.lowered.pixel_map.size, self.input_bits))
        return specs

    @cached_property
    def activation_parts(self) -> int:
        """Memories that each separately written part of an activation bank lies in."""
        return self.style.activation_parts(min(self.shape.p, self.shape.s), self.memory_depth)

    @cached_property
    def pixel_identity(self) -> bool:
        """Whether a pixel's code is the pixel."""
        return self.input_bits == 8 and all(np.array_equal(row, np.arange(256)) for row in self.pixel_codes)

    @property
    def address_bits(self) -> int:
        return max(1, (self.memory_depth - 1).bit_length())

    @cached_property
    def coordinate_bits(self) -> int:
        """Two's complement bits of a pixel coordinate, outside the border included."""
        most = 1
        for planned, table in zip(self.stages, self.tap_tables, strict=True):
            source, compiled = planned.source, planned.compiled
            down, across = compiled.pitch
            rows = compiled.rows + ceil_div(self.shape.q, compiled.span)  # the last group's lanes go beyond the map
            reach = max(abs(t.dy) + abs(t.dx) for t in table)
            most = max(most, source.height, source.width, down * rows + reach, across * compiled.span + reach)
        return most.bit_length() + 1

    @property
    def has_mask(self) -> bool:
        """Whether taps outside an image are left out of its sums."""
        return any(s.compiled.border == "mask" for s in self.stages)

    @property
    def has_border(self) -> bool:
        return any(s.compiled.border is not None for s in self.stages)

    @property
    def rotate_bits(self) -> int:
        return (self.shape.q - 1).bit_length()

    @property
    def tap_bits(self) -> int:
        return self.address_bits + self.rotate_bits + (2 * self.coordinate_bits if self.has_border else 0)


def _table(name, depth, width, written=False):
    """A table, in block RAM where it is large, or is written: few devices have other RAM."""
    return MemorySpec(name=name, depth=depth, width=width, block=written or depth * width >= BLOCK_BITS)
