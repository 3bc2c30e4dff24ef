"""The whole datapath in plain Python, step by step, from nothing but the memories' contents and the tap table.

Slow and simple on purpose: it shares no arithmetic with the golden model, so that a plan that computes the golden
model's results here has right weights, parameters, thresholds, taps, borders and layouts; what is left for the
Verilog to get wrong is the hardware itself.
"""

import numpy as np

from hwgen.hdl import pool
from hwgen.hdl.threshold import divide, search
from hwgen.hdl.window import Packer
from hwgen.plan.plan import Plan

from .plans import captured_group, output_pixels, steps, walk


def to_bits(words, width) -> np.ndarray:
    """int64 (len(words), width) of 0 and 1, least significant bit first."""
    return np.array([[word >> i & 1 for i in range(width)] for word in words], np.int64).reshape(-1, width)


def words_of_pixel(codes, lanes: int, planes: int) -> list[list[int]]:
    """Words of one pixel for each plane, `lanes` channels a word."""
    groups = [codes[i : i + lanes] for i in range(0, len(codes), lanes)]
    return [[sum((int(c) >> k & 1) << i for i, c in enumerate(group)) for group in groups] for k in range(planes)]


def packed_words_of_pixel(codes, lanes: int, bits: int) -> list[int]:
    """Words of one pixel of a packed image, `lanes // bits` whole codes a word."""
    each = lanes // bits
    groups = [codes[i : i + each] for i in range(0, len(codes), each)]
    return [sum(int(c) << (i * bits) for i, c in enumerate(group)) for group in groups]


def image_words(plan: Plan, image: np.ndarray, place: int) -> dict[tuple[int, int], int]:
    """What the loader has to write for an image: (bank, address) -> word."""
    compiled, layout = plan.stages[0].compiled, plan.inputs[place]
    channels, height, width = plan.lowered.input.shape
    maps = len(plan.pixel_codes)
    samples = image.reshape(-1)
    codes = plan.pixel_codes[np.arange(samples.size) % maps, samples].reshape(height, width, channels)
    memory = {}
    for y in range(height):
        for x in range(width):
            if compiled.packed:
                planes = [packed_words_of_pixel(codes[y, x], plan.shape.s, plan.input_bits)]
            else:
                planes = words_of_pixel(codes[y, x], plan.shape.s, plan.input_bits)
            for plane, words in enumerate(planes):
                for word, value in enumerate(words):
                    memory[layout.locate(y, x, word, plane)] = value
    return memory


def fetch(plan: Plan, step, read) -> tuple[list[int], list[bool]]:
    """The word and whether it counts, for each lane of a step; `read(bank, address)` reads activation memory."""
    planned = plan.stages[step.stage]
    compiled, q, s = planned.compiled, plan.shape.q, plan.shape.s
    tap = [tap for table in plan.tap_tables for tap in table][step.entry]
    words, valid = [], []
    for row, column in walk(plan, step.stage, step.group):
        down, across = row * compiled.pitch[0], column * compiled.pitch[1]
        bank, place = planned.source.offset(down, across)
        turns, bank = divmod(bank + tap.rotate, q)
        address = place + step.address + tap.offset + turns * planned.source.cell_words
        y, x = down + tap.dy, across + tap.dx
        inside = 0 <= y < planned.source.height and 0 <= x < planned.source.width
        if compiled.border is None or inside:
            words.append(read(bank, address))
            valid.append(True)
        elif compiled.border == "mask":
            words.append(0)
            valid.append(False)
        elif compiled.packed:
            words.append(sum(compiled.border << (i * compiled.planes) for i in range(s // compiled.planes)))
            valid.append(True)
        else:
            words.append((1 << s) - 1 if compiled.border >> step.plane & 1 else 0)
            valid.append(True)
    return words, valid


def threshold_rows(plan: Plan) -> dict[int, list[list[int]]]:
    """Number of each stage of 2 or more bits -> each channel's entries in threshold memory, as signed integers."""
    rows, width, first = {}, plan.threshold_bits, 0
    for index, compiled in enumerate(planned.compiled for planned in plan.stages):
        if compiled.mode not in ("search", "ramp"):
            continue
        bits = compiled.stage.output_type.bits
        entries = bits + 1 if compiled.mode == "ramp" else 1 << bits
        rows[index] = []
        for channel in range(compiled.tiles * plan.shape.p):
            at = first + channel // plan.threshold_lanes * entries
            row = plan.thresholds[channel % plan.threshold_lanes][at : at + entries]
            rows[index].append([value - (value >> (width - 1) << width) for value in row])
        first += compiled.tiles * plan.shape.p // plan.threshold_lanes * entries
    return rows


class Datapath:
    """Runs images through a plan's memories. `run` gives the output of every stage, the last one's logits."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.memory: dict[tuple[int, int], int] = {}
        shape = plan.shape
        self.weights = 2 * to_bits(plan.weights, shape.p * shape.s).reshape(-1, shape.p, shape.s) - 1
        self.starts, self.minimum = self._parameters()
        self.thresholds = threshold_rows(plan)

    def _parameters(self):
        """Start values and pooling kinds out of the parameter rows, one per channel of every tile."""
        plan, width = self.plan, self.plan.parameter_bits
        low_bits = plan.planes - 1
        starts, minimum = [], []
        for row in plan.parameters:
            for lane in range(plan.parameter_lanes):
                field = row >> (lane * width) & ((1 << width) - 1)
                start = field & ((1 << plan.accumulator_bits) - 1)
                start -= (start >> (plan.accumulator_bits - 1)) << plan.accumulator_bits
                starts.append((start, field >> plan.accumulator_bits & ((1 << low_bits) - 1)))
                minimum.append(bool(field >> (width - 1) & 1) if plan.pools_minimum else False)
        return starts, minimum

    def run(self, image: np.ndarray, place: int = 0) -> list[np.ndarray]:
        self.memory.update(image_words(self.plan, image, place))
        weight, channel = 0, 0
        outputs = []
        for index, planned in enumerate(self.plan.stages):
            compiled = planned.compiled
            codes = self._stage(index, place, weight, channel)
            weight += compiled.weight_words * compiled.tiles
            channel += compiled.tiles * self.plan.shape.p
            channels, height, width = compiled.stage.output_shape
            if compiled.mode == "logits":
                outputs.append(self.plan.logits.compute(codes[: self.plan.logits.count, 0, 0]))
                continue
            assert not codes[channels:].any(), "a lane without a channel is not 0"
            type_ = compiled.stage.output_type
            outputs.append(type_.minimum + type_.step * codes[:channels])
            for y in range(height):
                for x in range(width):
                    for plane, words in enumerate(words_of_pixel(codes[:, y, x], self.plan.shape.s, type_.bits)):
                        for word, value in enumerate(words):
                            self.memory[planned.target.locate(y, x, word, plane)] = value
        return outputs

    def _stage(self, index, place, weight, channel):
        """Codes (logits: accumulators), (tiles*P, height, width)."""
        plan, (p, s, q) = self.plan, (self.plan.shape.p, self.plan.shape.s, self.plan.shape.q)
        compiled = plan.stages[index].compiled
        out = np.zeros((compiled.tiles * p, *compiled.stage.output_shape[1:]), np.int64)
        packer = Packer(plan) if compiled.packed else None
        accumulators, words, pixels = np.zeros((p, q), np.int64), 0, {}

        factors = np.ones(s, np.int64)  # how often a lane counts
        factors[: compiled.left] <<= plan.split

        def accumulate(step, number, words, valid):
            same = (
                self.weights[weight + step.tile * compiled.weight_words + number][:, None] == 2 * to_bits(words, s) - 1
            )
            accumulators[...] += np.where(valid, (same * factors).sum(axis=2) - s // 2, 0)

        def later_plane(step, plane):
            channels = range(channel + step.tile * p, channel + (step.tile + 1) * p)
            low = [self.starts[c][1] >> plane & 1 for c in channels]
            accumulators[...] = 2 * accumulators + np.array(low)[:, None]

        def begin(step):
            channels = range(channel + step.tile * p, channel + (step.tile + 1) * p)
            accumulators[...] = np.array([self.starts[c][0] for c in channels])[:, None]

        for step in steps(plan, index, place):
            lanes = fetch(plan, step, lambda bank, address: self.memory.get((bank, address), 0))
            if packer is None:
                if step.first:
                    begin(step)
                elif step.plane_first:
                    later_plane(step, step.plane)
                words = 0 if step.plane_first else words + 1
                accumulate(step, words, *lanes)
                if step.last:
                    self._capture(index, step, step.group, step.window, accumulators, channel, out)
                continue
            # A packed stage's pixels, by their place in the input; each window is played after the load that ends it.
            tap = plan.tap_tables[index][step.tap]
            for (row, column), word in zip(walk(plan, index, step.group), lanes[0], strict=True):
                at = row * compiled.pitch[0] + tap.dy, column * compiled.pitch[1] + tap.dx
                pixels.setdefault(at, {})[step.word] = word
            if not step.last:
                continue
            group = captured_group(plan, index, step.group)
            for number, position in enumerate(compiled.stage.window):
                begin(step)
                played = [self._window(compiled, packer, pixels, group, lane, position) for lane in range(q)]
                for i, window in enumerate(zip(*played, strict=True)):
                    if i and i % compiled.array_words == 0:
                        later_plane(step, compiled.passes - 1 - i // compiled.array_words)
                    accumulate(step, i % compiled.array_words, window, [True] * q)
                self._capture(index, step, group, number, accumulators, channel, out)
        return out

    def _window(self, compiled, packer, pixels, group, lane, position):
        """What is played of a lane's window; where its pixels were never read, zeros."""
        gathering = compiled.gathering
        row, first = divmod(group, gathering.row_groups)
        y, x = row * compiled.pitch[0], (first * self.plan.shape.q + lane) * compiled.pitch[1]
        part = {
            (r, c): [pixels.get((y + dy, x + gathering.left + c), {}).get(word, 0) for word in range(compiled.words)]
            for r, dy in enumerate(gathering.rows)
            for c in range(gathering.width)
        }
        return packer.compute(part, position)

    def _capture(self, index, step, group, window, accumulators, channel, out):
        """Codes of a group at a position of the pooling window, pooled into `out`."""
        for i in range(self.plan.shape.p):
            c = step.tile * self.plan.shape.p + i
            for lane, pixel in enumerate(output_pixels(self.plan, index, group)):
                if pixel is None:
                    continue
                code = self._code(index, int(accumulators[i, lane]), c)
                least = self.minimum[channel + c]
                out[c, *pixel] = pool.compute(int(out[c, *pixel]), code, window == 0, least)

    def _code(self, index, accumulator, channel):
        compiled = self.plan.stages[index].compiled
        if compiled.mode == "logits":
            return accumulator
        if compiled.mode == "sign":
            return int(accumulator >= 0)
        find = divide if compiled.mode == "ramp" else search
        row = self.thresholds[index][channel]
        return find(accumulator << self.plan.threshold_shift, row, compiled.stage.output_type.bits)
