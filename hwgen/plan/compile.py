"""Stage -> what the hardware holds for it: weight words, parameters, tap table, loop counts, all plain integers.

The array adds, for each step and PE, v = popcount(XNOR of S lanes) - S/2, or 0 for a masked tap. With planes b_k of
the code u (value = minimum + step*u, most significant plane first) the accumulator ends at sum 2^k v_k, so that

    dot = A*acc + B[o],   A = step,   B[o] = step*((2^n - 1)*W[o] - E)/2 + minimum*W[o],

where W[o] is the sum of output o's weights and E/2 is what lanes without a channel add. These always read 0; their
weights alternate, so that pairs cancel. One lane without a partner counts -1/2 for each tap; where a border makes that
depend on the position, every tap is taken twice, with the odd lane inverted the second time, and A halves. Where the
left lanes read the upper half of the planes, the popcount adds what they count 2^(n/2) times, and E also holds what
the centring by S/2 leaves. docs/arithmetic.md derives this.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..integers import signed
from .gathering import Gathering
from .layout import Layout, ceil_div
from .lowering import Stage


@dataclass(frozen=True, kw_only=True)
class ArrayShape:
    """P output channels x S input-channel lanes x Q pixels.

    Raises
    ------
    InputError : S is no even number of at least 2, neither of P and S divides the other, or S is over 64 P
    """

    p: int
    s: int
    q: int

    def __post_init__(self):
        for name in ("p", "s", "q"):
            if not 1 <= getattr(self, name) <= 1024:
                raise InputError(f"{name.upper()} is 1..1024, not {getattr(self, name)}")
        if self.s % 2:
            raise InputError(f"S is an even number of lanes, not {self.s}")
        if self.p % self.s and self.s % self.p:
            raise InputError(f"one of P and S divides the other, but P is {self.p} and S is {self.s}")
        if self.s > 64 * self.p:
            # A trace has a bit for each of the S / P columns of an activation word, in 64.
            least = ceil_div(self.s, 64)
            raise InputError(f"S is at most 64 P, but P is {self.p} and S is {self.s}; take P of at least {least}")


@dataclass(frozen=True, kw_only=True)
class Tap:
    """An entry of the tap table: where a lane finds one tap, from its output pixel's place in memory.

    Attributes
    ----------
    offset : addresses further
    rotate : banks further
    dy, dx : pixels further, to find the border
    """

    offset: int
    rotate: int
    dy: int
    dx: int


@dataclass(frozen=True, kw_only=True)
class CompiledStage:
    """A stage for one array shape.

    Attributes
    ----------
    mode : "sign" (1-bit output), "search" or "ramp" (2..8 bits, among thresholds or by a `Ramp`), or "logits"
    gathering : how pixels are put side by side in the lanes (a packed first stage), or None
    left : lanes that read the upper half of the planes while the others read the lower half; 0: all read one plane
    planes : bit planes that are read
    words : words read per tap (packed: pixel words per tap, else channel words)
    array_words : array steps per plane and tap (packed: per plane and window)
    taps : (dy, dx) after any doubling (packed: of a load)
    doubled : whether every tap is taken twice
    border : None, "mask", or the code that stands for a pixel outside
    tiles : output-channel tiles of P
    rows, span : rows of output pixels (pooled ones) and pixels a row, as the lanes walk them, Q at a time
    groups : pixel groups per tile that give results
    lanes : pixels of the largest group
    apart : pixels from one to another that is written with it, in the cell beside, or 0: they are written one by one
    scale_a2, offset_b2 : 2*A and 2*B[o] of the docstring above
    reach : largest magnitude of the accumulator before its start value
    """

    stage: Stage
    mode: str
    gathering: Gathering | None
    left: int
    planes: int
    words: int
    array_words: int
    taps: tuple[tuple[int, int], ...]
    doubled: bool
    border: None | str | int
    tiles: int
    rows: int
    span: int
    groups: int
    lanes: int
    apart: int
    scale_a2: int
    offset_b2: np.ndarray
    reach: int

    @property
    def pitch(self) -> tuple[int, int]:
        """Input pixels from one output pixel to the next, down and across."""
        (down, across), (window_down, window_across) = self.stage.step, self.stage.window_step
        return down * window_down, across * window_across

    @property
    def packed(self) -> bool:
        return self.gathering is not None

    @property
    def passes(self) -> int:
        """Rounds that the array makes over its taps, one after the other: of a plane, or of two."""
        return self.planes // 2 if self.left else self.planes

    @property
    def walked_groups(self) -> int:
        """Pixel groups per tile that the lanes walk through; a packed stage's leads give no results."""
        return self.rows * self.gathering.row_loads if self.gathering else self.groups

    @property
    def windows(self) -> int:
        """Positions of the pooling window that the sequencer goes through; the packer has them all in its region."""
        return 1 if self.packed else len(self.stage.window)

    @property
    def steps(self) -> int:
        """Steps that the sequencer issues for one group and window position (packed: for one load)."""
        return len(self.taps) * self.words * (1 if self.packed else self.planes)

    @property
    def array_steps(self) -> int:
        """Steps that the array takes for one group and position of the pooling window."""
        return self.array_words * self.passes * (1 if self.packed else len(self.taps))

    @property
    def turns(self) -> list[tuple[int, ...]]:
        """The lanes of a group in the order in which their pixels are written, those of one turn together."""
        if not self.apart:
            return [(lane,) for lane in range(self.lanes)]
        cells = [range(first, first + self.apart) for first in range(0, self.lanes, self.apart)]
        pairs = [cells[i : i + 2] for i in range(0, len(cells), 2)]
        return [turn for pair in pairs for turn in zip(*pair, strict=True)]

    @property
    def threshold_rounds(self) -> int:
        """Comparisons that find a code of 2 or more bits: one per bit, and the subtraction of a ramp's base."""
        return {"search": self.stage.code_bits, "ramp": self.stage.code_bits + 1}.get(self.mode, 0)

    @property
    def threshold_entries(self) -> int:
        """Entries per channel in threshold memory."""
        return {"search": 1 << self.stage.code_bits, "ramp": self.stage.code_bits + 1}.get(self.mode, 0)

    @property
    def weight_words(self) -> int:
        """Words of P*S bits per tile."""
        return self.array_words * (1 if self.packed else len(self.taps))

    def group_of(self, y: int, x: int) -> int:
        """The group of an output pixel."""
        if self.gathering:
            return y * self.gathering.row_groups + x // self.gathering.outputs
        return (y * self.span + x) // self.lanes


def compile_stage(stage: Stage, shape: ArrayShape, *, packed: bool, left: int = 0) -> CompiledStage:
    """Fix everything about a stage that follows from the array's shape (but not its place in memory).

    `left` as in `CompiledStage`; then the stage is packed, its window fits the lanes on either side, and its planes are
    an even number.
    """
    if packed and stage.border == 0 and stage.input_type.kind == "bipolar":
        stage = replace(stage, input=replace(stage.input, type=signed(2)))  # so that 0 has a code
    type_ = stage.input_type
    outputs, taps, channels = stage.weights.shape
    planes = type_.bits
    border = _border(stage, packed)
    odd_lanes = (taps * channels if packed else channels) % 2 == 1
    doubled = odd_lanes and not packed and border not in (None, 0)
    if packed:
        per_word = shape.s // planes
        words = ceil_div(channels, per_word)
        array_words = ceil_div(taps * channels, shape.s)
    else:
        words = array_words = ceil_div(channels, shape.s)
    _, height, width = stage.output_shape
    gathering = Gathering.of(stage, shape.q) if packed else None
    if gathering:
        walked = gathering.taps
        span, groups, lanes = gathering.row_loads * shape.q, height * gathering.row_groups, min(shape.q, width)
    else:
        walked = tuple(tap for tap in stage.taps for _ in range(2)) if doubled else stage.taps
        span, groups, lanes = width, ceil_div(height * width, shape.q), min(shape.q, height * width)
    sums = stage.weight_sums
    most = (1 << planes) - 1
    extra2 = -most * (0 if doubled or not odd_lanes else (1 if packed else taps))
    if left:
        # The lanes without a tap, of weight +1, read 0 and so count nothing.
        weight = 1 << planes // 2
        extra2 = (weight - 1) * ((weight + 1) * taps * channels - shape.s)
    return CompiledStage(
        stage=stage,
        mode=_mode(stage),
        gathering=gathering,
        left=left,
        planes=planes,
        words=words,
        array_words=array_words,
        taps=walked,
        doubled=doubled,
        border=border,
        tiles=ceil_div(outputs, shape.p),
        rows=height,
        span=span,
        groups=groups,
        lanes=lanes,
        apart=0,
        scale_a2=type_.step * (1 if doubled else 2),
        offset_b2=type_.step * (most * sums - extra2) + 2 * type_.minimum * sums,
        reach=most * (taps * (channels + 1) * (2 if doubled else 1) // 2 + 1) + (abs(extra2) // 2 + 1 if left else 0),
    )


def _mode(stage):
    if stage.final:
        return "logits"
    if stage.code_bits == 1:
        return "sign"
    return "search" if stage.ramp is None else "ramp"


def _border(stage, packed):
    if stage.border is None:
        return None
    type_ = stage.input_type
    if type_.has(stage.border):
        return (stage.border - type_.minimum) // type_.step
    if stage.border == 0:
        return "mask"
    raise InputError(f"stage {stage.name!r}: a border of {stage.border} is no value of its {type_} input; pad with 0")


def tap_table(compiled: CompiledStage, layout: Layout) -> list[Tap]:
    """Entries in the order of issue: window position, tap (packed: those of a load)."""
    stage = compiled.stage
    table = []
    for wy, wx in [(0, 0)] if compiled.packed else stage.window:
        for dy, dx in compiled.taps:
            y, x = stage.step[0] * wy + dy, stage.step[1] * wx + dx
            rotate, offset = layout.offset(y, x)
            table.append(Tap(offset=offset, rotate=rotate, dy=y, dx=x))
    return table


def weight_words(compiled: CompiledStage, shape: ArrayShape) -> list[int]:
    """Words of P*S bits in the order of reading: tile, tap, channel word; bit p*S + lane."""
    stage = compiled.stage
    outputs, taps, channels = stage.weights.shape
    bits = stage.weights > 0
    if compiled.packed:
        bits = bits.reshape(outputs, 1, taps * channels)
    lanes = bits.shape[2]
    if compiled.left:
        wide = np.ones((outputs, 1, shape.s), bool)
        wide[:, :, :lanes] = wide[:, :, compiled.left : compiled.left + lanes] = bits
        bits, lanes = wide, shape.s
    padded = compiled.array_words * shape.s
    filler = np.arange(padded - lanes) % 2 == 0
    # Of channels that are none, too, lanes without a tap count nothing.
    wide = np.full((compiled.tiles * shape.p, bits.shape[1], padded), compiled.left > 0)
    wide[:outputs, :, :lanes] = bits
    wide[:, :, lanes:] = filler
    if compiled.doubled:
        second = wide.copy()
        second[:, :, lanes:] = ~filler
        wide = np.stack([wide, second], axis=2).reshape(wide.shape[0], -1, padded)
    # (tile, P, tap, word, S) -> (tile, tap, word, P, S)
    words = wide.reshape(compiled.tiles, shape.p, -1, compiled.array_words, shape.s).transpose(0, 2, 3, 1, 4)
    rows = np.packbits(words.reshape(-1, shape.p * shape.s), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def hardware_thresholds(compiled: CompiledStage, outputs: int) -> np.ndarray:
    """Thresholds on the accumulator, int64 (outputs, count): dot >= T <=> acc >= ceil((2T - 2B) / 2A).

    Rows beyond the stage's channels never fire; all are clamped to what the accumulator can reach.
    """
    thresholds = compiled.stage.thresholds
    assert thresholds is not None, "logits have no thresholds"
    hardware = -((compiled.offset_b2[:, None] - 2 * thresholds) // compiled.scale_a2)
    table = np.full((outputs, thresholds.shape[1]), compiled.reach + 1, np.int64)
    table[: len(hardware)] = np.clip(hardware, -compiled.reach, compiled.reach + 1)
    return table


@dataclass(frozen=True, kw_only=True)
class HardwareRamp:
    """A stage's ramp on the accumulator: with r = 2^shift * acc - base, the code is floor(r / slope), limited.

    Attributes
    ----------
    shift, base, slope : as in `Ramp`; base and slope are int64 (tiles*P,)
    """

    shift: int
    base: np.ndarray
    slope: np.ndarray


def hardware_ramp(compiled: CompiledStage, outputs: int) -> HardwareRamp:
    """dot = (2A*acc + 2B) / 2 put into the stage's `Ramp`. Rows beyond the stage's channels never fire."""
    ramp = compiled.stage.ramp
    assert ramp is not None, "the stage has no ramp"
    factor = compiled.scale_a2 << ramp.shift
    base, slope = 2 * ramp.base - (compiled.offset_b2 << ramp.shift), 2 * ramp.slope
    while not (factor % 2 or (slope % 2).any()):
        factor, base, slope = factor // 2, -(-base // 2), slope // 2
    shift = factor.bit_length() - 1
    never = (compiled.reach << shift) + 1
    bases, slopes = np.full(outputs, never, np.int64), np.zeros(outputs, np.int64)
    bases[: len(base)], slopes[: len(slope)] = base, slope
    return HardwareRamp(shift=shift, base=bases, slope=slopes)


@dataclass(frozen=True, kw_only=True)
class Logits:
    """How the last stage's accumulators become logits.

    Attributes
    ----------
    count : number of logits
    start : start value of each accumulator
    shift : logit = acc << 1 | low (1), acc (0) or acc >> 1 (-1); with a scale, logit comes from it instead
    low : least significant bit for shift 1
    multiplier, bias, down, minimum, maximum : of the ScaleBias on the accumulator, or multiplier is None
    """

    count: int
    start: tuple[int, ...]
    shift: int = 0
    low: int = 0
    multiplier: tuple[int, ...] | None = None
    bias: tuple[int, ...] = ()
    down: int = 0
    minimum: int = 0
    maximum: int = 0

    def compute(self, accumulators: np.ndarray) -> np.ndarray:
        """Logits of int64 accumulators (..., count) as they stand at the end, start value included."""
        if self.multiplier is not None:
            scaled = (accumulators * np.array(self.multiplier) + np.array(self.bias)) >> self.down
            return np.clip(scaled, self.minimum, self.maximum)
        return accumulators << 1 | self.low if self.shift > 0 else accumulators >> -self.shift


def logits(compiled: CompiledStage) -> Logits:
    """Constants of the last stage: dot / divisor = (2A*acc + 2B) / (2*divisor), through a ScaleBias if it has one."""
    stage, count = compiled.stage, len(compiled.stage.weights)
    a2, b2 = compiled.scale_a2, compiled.offset_b2
    if stage.scale is not None:
        down = stage.scale.shift + 1 + (stage.divisor == 2)
        multiplier = a2 * stage.scale.multiplier
        bias = b2 * stage.scale.multiplier + 2 * stage.divisor * stage.scale.bias
        while down and not (multiplier % 2).any() and not (bias % 2).any():
            multiplier, bias, down = multiplier // 2, bias // 2, down - 1
        type_ = stage.scale.output
        return Logits(
            count=count,
            start=(0,) * count,
            multiplier=tuple(map(int, multiplier)),
            bias=tuple(map(int, bias)),
            down=down,
            minimum=type_.minimum,
            maximum=type_.maximum,
        )
    shift = a2.bit_length() - (2 * stage.divisor).bit_length()
    if shift > 0:
        return Logits(count=count, start=tuple(int(b) // 4 for b in b2), shift=shift, low=int(b2[0]) // 2 % 2)
    return Logits(count=count, start=tuple(int(b) // a2 for b in b2), shift=shift)
