"""Network -> stages: every chain of layers becomes a list of passes over the one array.

A stage is what the array does in one go: taps (a convolution of any shape), a max-pool window around it, and a
threshold. Everything else is expressed in those terms, exactly:

- a dense layer after feature maps is a convolution whose kernel is the map;
- a sum (average) pool before or after a linear layer widens the list of taps, since sums of sums are sums;
- a pool or threshold that has no linear layer of its own gets two taps on the same pixel, one with all weights +1
  and one with +1 for its own channel and -1 elsewhere: together they give twice the channel's value;
- a ScaleBias that makes an activation is monotone, so it is a row of thresholds;
- thresholds of many bits that are evenly spaced are a `Ramp`.

The arithmetic is that of docs/arithmetic.md; `docs/decisions/0001-one-stage.md` says why.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..errors import InputError
from ..integers import IntegerType
from ..layers import (
    Argmax,
    Convolution,
    Dense,
    Flatten,
    Lookup,
    MaxPool,
    ScaleBias,
    SumPool,
    Tensor,
    Threshold,
    linear_range,
)
from ..network import Network
from .ramp import Ramp, fit_ramp

Offset = tuple[int, int]
MOST_THRESHOLD_BITS = 8

LEAST_RAMP_BITS = 5
"""Activations of fewer bits have so few thresholds that a table of them is smaller than what a ramp needs."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One pass over the array. Offsets are (vertical, horizontal) in pixels.

    Attributes
    ----------
    layer : index of the network layer whose output this stage gives
    input : the tensor that it reads
    weights : int8 (output channels, taps, input channels), -1 or +1
    taps : offset of each tap from the origin of its output pixel, in input pixels
    step : input pixels from one (unpooled) output pixel to the next
    border : value of a tap outside the input; None when none is
    window : offsets of the max-pool's positions, in unpooled output pixels
    window_step : unpooled output pixels from one pooled pixel to the next
    minimum : bool (output channels,), pool the smallest value
    output_shape : (channels, height, width) after pooling
    thresholds : int64 (output channels, count) on the dot product, or None for logits
    ramp : the same thresholds as a ramp on the dot product, where they are one and have `LEAST_RAMP_BITS` or more
    output_type : type of the activation; None for logits
    scale : the ScaleBias of the logits, or None
    divisor : logits are the dot product divided by this (1, or 2 where every dot product is even)
    """

    name: str
    layer: int
    input: Tensor
    weights: np.ndarray
    taps: tuple[Offset, ...]
    step: Offset
    border: int | None
    window: tuple[Offset, ...] = ((0, 0),)
    window_step: Offset = (1, 1)
    minimum: np.ndarray
    output_shape: tuple[int, int, int]
    thresholds: np.ndarray | None = None
    ramp: Ramp | None = None
    output_type: IntegerType | None = None
    scale: ScaleBias | None = None
    divisor: int = 1

    @property
    def final(self) -> bool:
        return self.thresholds is None

    @cached_property
    def weight_sums(self) -> np.ndarray:
        """Sum of each output channel's weights, int64 (output channels,)."""
        return self.weights.reshape(len(self.weights), -1).sum(axis=1, dtype=np.int64)

    @property
    def input_type(self) -> IntegerType:
        """Type of the activations that it reads."""
        assert self.input.type is not None, "lowering gives stages activations to read"
        return self.input.type

    @property
    def code_bits(self) -> int:
        """Bits of the activations that it writes; 0 for logits."""
        return self.output_type.bits if self.output_type else 0

    @property
    def macs(self) -> int:
        """Binary multiply-accumulates for one image: an n-bit activation counts n."""
        _, height, width = self.output_shape
        return self.weights.size * len(self.window) * height * width * self.input_type.bits


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """A network as stages.

    Attributes
    ----------
    image_shape : (channels, height, width) as the image arrives, raster order with the channel fastest
    pixel_map : int64 (channels or 1, 256), the input's values for every pixel
    input : what the first stage reads; a flattened image has all its samples as channels of one pixel
    stages : in order; the last gives the logits
    """

    image_shape: tuple[int, int, int]
    pixel_map: np.ndarray
    input: Tensor
    stages: tuple[Stage, ...]


def lower(network: Network) -> Lowered:
    """Express a network as stages. Raises InputError naming the layer that the array cannot do, and the mend."""
    return _Lowering(network).run()


class _Lowering:
    def __init__(self, network):
        self.network = network
        self.layers = network.layers
        self.index = 0
        self.flattened = None  # (order, shape) of a Flatten that the next dense layer has to undo
        self.stages = []

    def refuse(self, reason, index=None):
        raise InputError(f"{self.network.describe(self.index if index is None else index)}: {reason}")

    def peek(self, kind):
        return isinstance(self.layers[self.index], kind)

    def run(self):
        pixel_map, tensor = self.image()
        first = tensor
        while not self.peek(Argmax):
            stage = self.stage(tensor)
            self.stages.append(stage)
            type_ = stage.output_type
            tensor = Tensor.activation(stage.output_shape, type_) if type_ else None
            if stage.final and not self.peek(Argmax):
                self.refuse(
                    "the array has no place for a layer between accumulators and Argmax; put a Threshold before it"
                )
        if tensor is not None:
            self.stages.append(self.finish(self.identity(tensor, ((0, 0),), (1, 1), self.index), raw=True))
        return Lowered(
            image_shape=self.network.image_shape, pixel_map=pixel_map, input=first, stages=tuple(self.stages)
        )

    # The image: pixel map and layout.

    def image(self):
        """Take the layers that act on pixels alone; what they do to each of the 256 values is the pixel map."""
        channels, height, width = self.network.image_shape
        tensor = self.network.tensors[0]
        count = 1 << tensor.type.bits
        pixel_map = np.arange(count)[None, :]
        type_, shape, mapped = tensor.type, tensor.shape, False
        while self.peek((Lookup, Flatten, Threshold)):
            layer = self.layers[self.index]
            if isinstance(layer, Flatten):
                self.flattened = (layer.order, shape)
                shape = (channels * height * width, 1, 1)
            else:
                per_channel = len(layer.table if isinstance(layer, Lookup) else layer.thresholds)
                if self.flattened and per_channel > 1:
                    self.refuse("per-element pixel maps after a Flatten have no place; put it before the Flatten")
                pixel_map = self.map_pixels(layer, pixel_map, mapped)
                type_, mapped = layer.output, True
            self.index += 1
        if self.flattened:
            return pixel_map, Tensor.activation(shape, type_)
        return pixel_map, Tensor.activation((channels, height, width), type_)

    def map_pixels(self, layer, pixel_map, mapped):
        if isinstance(layer, Lookup):
            if mapped:
                self.refuse("a Lookup takes raw pixels; merge the two maps")
            return np.broadcast_to(layer.table, (max(len(layer.table), 1), layer.table.shape[1]))
        count = (pixel_map[:, :, None] >= layer.thresholds[:, None, :]).sum(axis=2)
        return layer.output.minimum + layer.output.step * count

    # One stage: [sum pool] linear [sum pool] [max pool] threshold [max pool].

    def stage(self, tensor):
        stage = self.linear(tensor)
        if self.peek(SumPool) and isinstance(self.layers[self.index - 1], (Convolution, Dense, SumPool)):
            stage = self.sum_after(stage)
        while self.peek(MaxPool):
            stage = self.max_pool(stage)
        if self.peek(Argmax):
            return self.finish(stage, raw=True)
        self.skip_flatten(stage)
        if self.peek(Argmax):
            return self.finish(stage, raw=True)
        if self.peek(ScaleBias) and isinstance(self.layers[self.index + 1], Argmax):
            scale = self.layers[self.index]
            self.index += 1
            return self.finish(replace(stage, scale=scale), raw=True)
        if self.peek((Threshold, ScaleBias)):
            stage = self.threshold(stage)
            self.index += 1
        elif stage.input.type is not None and stage.divisor == 2:
            stage = self.pass_through(stage)
        else:
            self.refuse("accumulators need a Threshold or ScaleBias before this layer")
        while self.peek(MaxPool):
            stage = self.max_pool(stage)
        stage = self.finish(stage, raw=False)
        self.skip_flatten(stage)
        return stage

    def skip_flatten(self, stage):
        while self.peek(Flatten):
            layer = self.layers[self.index]
            if stage.output_shape[1:] != (1, 1):
                if self.flattened:
                    self.refuse("two Flatten layers in a row; drop one")
                if not isinstance(self.layers[self.index + 1], Dense):
                    self.refuse("a Flatten of a feature map stands right before a Dense layer; move it there")
                self.flattened = (layer.order, stage.output_shape)
            self.index += 1

    def linear(self, tensor):
        """Taps and weights of the next linear layer, with a sum pool before it; or twice the identity."""
        if self.peek(SumPool):
            pool = self.layers[self.index]
            following = self.layers[self.index + 1]
            if isinstance(following, Flatten):
                following = self.layers[self.index + 2]
            padded = isinstance(following, Convolution) and following.padded
            merges = isinstance(following, (Convolution, Dense)) and (
                not padded or self.border_merges(tensor, pool, following)
            )
            self.index += 1
            if not merges:
                window = [(y, x) for y in range(pool.window[0]) for x in range(pool.window[1])]
                return self.identity(tensor, window, pool.stride, self.index - 1)
            pooled = pool.apply(tensor)
            return self.sum_before(replace(self.linear_layer(pooled, self.skip_to_linear(pooled)), input=tensor), pool)
        if self.peek((Convolution, Dense)):
            return self.linear_layer(tensor, self.layers[self.index])
        return self.identity(tensor, ((0, 0),), (1, 1), self.index)

    def border_merges(self, tensor, pool, following):
        """Whether a sum that lies outside the pooled map is a sum of pixels outside this one, each worth 0."""
        _, height, width = pool.apply(tensor).shape
        covered = height * pool.stride[0] >= tensor.shape[1] and width * pool.stride[1] >= tensor.shape[2]
        apart = pool.window[0] <= pool.stride[0] and pool.window[1] <= pool.stride[1]
        return following.border == 0 and covered and apart

    def skip_to_linear(self, tensor):
        if self.peek(Flatten):
            if tensor.shape[1:] != (1, 1):
                self.flattened = (self.layers[self.index].order, tensor.shape)
            self.index += 1
        return self.layers[self.index]

    def linear_layer(self, tensor, layer):
        outputs = len(layer.weights)
        name = layer.name or f"{type(layer).__name__.lower()}{self.index}"
        index, minimum = self.index, np.zeros(outputs, bool)
        self.index += 1
        if isinstance(layer, Convolution):
            top, left, _, _ = layer.padding
            kernel = [(y, x) for y in range(layer.kernel[0]) for x in range(layer.kernel[1])]
            shape = self.network.tensors[self.index].shape
            return Stage(
                name=name,
                layer=index,
                input=tensor,
                weights=layer.weights.transpose(0, 2, 3, 1).reshape(outputs, len(kernel), -1),
                taps=tuple((y - top, x - left) for y, x in kernel),
                step=layer.stride,
                border=layer.border if layer.padded else None,
                minimum=minimum,
                output_shape=shape,
            )
        weights, taps = self.unflatten(layer.weights, tensor.shape)
        return Stage(
            name=name,
            layer=index,
            input=tensor,
            weights=weights,
            taps=taps,
            step=(1, 1),
            border=None,
            minimum=minimum,
            output_shape=(outputs, 1, 1),
        )

    def unflatten(self, weights, shape):
        """Dense weights as (outputs, taps, channels) over the feature map as it lies in memory."""
        outputs = len(weights)
        if not self.flattened:
            return weights.reshape(outputs, 1, -1), ((0, 0),)
        order, (channels, height, width) = self.flattened
        self.flattened = None
        if order == "CHW":
            weights = weights.reshape(outputs, channels, height, width).transpose(0, 2, 3, 1)
        if shape[1:] == (1, 1):  # a flattened image: samples are channels of one pixel, in the order of arrival
            return weights.reshape(outputs, 1, -1), ((0, 0),)
        taps = tuple((y, x) for y in range(height) for x in range(width))
        return weights.reshape(outputs, height * width, channels), taps

    def identity(self, tensor, window, step, named):
        """Twice the sum over `window` of each channel's own values, a stage named after the layer of that number."""
        channels = tensor.shape[0]
        own = 2 * np.eye(channels, dtype=np.int8) - 1
        pair = np.stack([np.ones_like(own), own], axis=1)
        size = tuple((n - 1 - max(w[i] for w in window)) // step[i] + 1 for i, n in enumerate(tensor.shape[1:]))
        return Stage(
            name=self.layers[named].name or f"{type(self.layers[named]).__name__.lower()}{named}",
            layer=self.index - 1,
            input=tensor,
            weights=np.tile(pair, (1, len(window), 1)),
            taps=tuple(offset for offset in window for _ in range(2)),
            step=step,
            border=None,
            minimum=np.zeros(channels, bool),
            output_shape=(channels, *size),
            divisor=2,
        )

    def sum_before(self, stage, pool):
        """A linear layer on sums: each tap becomes the taps of its pool window."""
        window = [(y, x) for y in range(pool.window[0]) for x in range(pool.window[1])]
        taps = tuple((dy * pool.stride[0] + wy, dx * pool.stride[1] + wx) for dy, dx in stage.taps for wy, wx in window)
        step = (stage.step[0] * pool.stride[0], stage.step[1] * pool.stride[1])
        return replace(stage, weights=np.repeat(stage.weights, len(window), axis=1), taps=taps, step=step)

    def sum_after(self, stage):
        """The sum of a linear layer's outputs: the same weights at every position of the window."""
        pool = self.layers[self.index]
        window = [(y, x) for y in range(pool.window[0]) for x in range(pool.window[1])]
        taps = tuple((dy + wy * stage.step[0], dx + wx * stage.step[1]) for wy, wx in window for dy, dx in stage.taps)
        shape = pool.apply(Tensor(stage.output_shape, stage.input.range, None)).shape
        self.index += 1
        return replace(
            stage,
            layer=self.index - 1,
            weights=np.tile(stage.weights, (1, len(window), 1)),
            taps=taps,
            step=(stage.step[0] * pool.stride[0], stage.step[1] * pool.stride[1]),
            output_shape=shape,
        )

    def max_pool(self, stage):
        pool = self.layers[self.index]
        if any(pool.padding):
            self.refuse("a padded max-pool is not built yet; crop or pad the feature map so that its windows fit")
        minimum = pool.minimum if pool.minimum.size else np.zeros(len(stage.weights), bool)
        if len(stage.window) > 1 and (minimum != stage.minimum).any():
            self.refuse("two pools in a row take the minimum on different channels; put a Threshold between them")
        window = {
            (wy + y * stage.window_step[0], wx + x * stage.window_step[1])
            for y in range(pool.window[0])
            for x in range(pool.window[1])
            for wy, wx in stage.window
        }
        step = (stage.window_step[0] * pool.stride[0], stage.window_step[1] * pool.stride[1])
        shape = pool.apply(Tensor(stage.output_shape, stage.input.range, None)).shape
        self.index += 1
        return replace(
            stage,
            layer=self.index - 1,
            window=tuple(sorted(window)),
            window_step=step,
            minimum=minimum.copy(),
            output_shape=shape,
        )

    def threshold(self, stage):
        layer = self.layers[self.index]
        if isinstance(layer, ScaleBias):
            stage, thresholds = self.scale_to_thresholds(stage, layer)
        else:
            thresholds = layer.thresholds
        if layer.output.bits > MOST_THRESHOLD_BITS:
            self.refuse(
                f"its output has {layer.output.bits} bits; the array writes activations of 1..{MOST_THRESHOLD_BITS}"
            )
        return self.activation(replace(stage, layer=self.index), thresholds, layer.output)

    def scale_to_thresholds(self, stage, layer):
        """One threshold per code, and the weights of falling channels turned over."""
        bits = layer.output.bits
        if bits > MOST_THRESHOLD_BITS:
            self.refuse(f"its output has {bits} bits; the array writes activations of 1..{MOST_THRESHOLD_BITS}")
        flip, thresholds = layer.staircase()
        if flip.any():
            weights = np.where(flip[:, None, None], -stage.weights, stage.weights).astype(np.int8)
            stage = replace(stage, weights=weights, minimum=stage.minimum ^ (flip & (len(stage.window) > 1)))
        return stage, thresholds

    def pass_through(self, stage):
        """A pool of activations with no threshold after it: thresholds that give each value back."""
        type_ = self.network.tensors[self.index].type
        if type_ is None or type_.bits > MOST_THRESHOLD_BITS:
            self.refuse(
                f"the sums before it have over {MOST_THRESHOLD_BITS} bits; put a Threshold or a linear layer after them"
            )
        levels = np.arange(type_.minimum + type_.step, type_.maximum + 1, type_.step, dtype=np.int64)
        return self.activation(stage, np.tile(levels, (len(stage.weights), 1)), type_)

    def activation(self, stage, thresholds, type_):
        """The stage with thresholds, given on the dot product divided by the stage's divisor."""
        found, divisor = None, stage.divisor
        if type_.bits >= LEAST_RAMP_BITS:
            sums = linear_range(stage.weights, stage.input, stage.border)
            found = fit_ramp(thresholds, type_.bits, sums.minimum // divisor, sums.maximum // divisor)
        if found is not None:
            found = replace(found, base=found.base * divisor, slope=found.slope * divisor)
        return replace(stage, thresholds=thresholds * divisor, ramp=found, output_type=type_, divisor=1)

    def finish(self, stage, raw):
        if raw and len(stage.window) > 1:
            self.refuse("logits cannot be max-pooled; put a Threshold before the pool", stage.layer)
        if raw and stage.output_shape[1:] != (1, 1):
            self.refuse(f"logits are flat, not {stage.output_shape}", stage.layer)
        return stage
