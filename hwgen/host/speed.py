"""How fast a board is over its serial line, and what the line and the core would allow."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import BuildError
from . import frames, protocol
from .device import Device, Identity, Result

__all__ = ["LineLimit", "Speed", "measure"]

BITS = 10
"""Of a byte on the line: with its start bit and its stop bit."""


@dataclass(frozen=True, kw_only=True)
class LineLimit:
    """What a serial line allows that carries images and results at the same time.

    Attributes
    ----------
    images_per_second : most
    latency : least seconds from the first bit of an image to the last of its result, as if there was no core
    """

    images_per_second: float
    latency: float

    @classmethod
    def of(cls, rate: float, *, samples: int, logits: int, layers: int) -> "LineLimit":
        """Of a line of `rate` bytes per second, for images of so many samples and results of so many numbers."""
        sent = frames.frame_bytes(len(protocol.command(0, protocol.Command.IMAGE, bytes(samples))))
        received = frames.frame_bytes(protocol.reply_bytes(protocol.Reply.RESULT, logits, layers))
        return cls(images_per_second=rate / max(sent, received), latency=(sent + received) / rate)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What `measure` found.

    Attributes
    ----------
    images : how many were sent one by one, and then again one behind the other
    images_per_second : with two under way
    latency, worst_latency : seconds for an image alone, the median and the longest
    line : what the line allows
    cycles : least clock cycles of each layer; the last one's include those in which its logits waited for the line
    core : images per second in the core at its clock, at least and at most: with the last layer's cycles, and without
    results : of the images
    """

    images: int
    images_per_second: float
    latency: float
    worst_latency: float
    line: LineLimit
    cycles: list[int]
    core: tuple[float, float]
    results: list[Result]


def measure(
    device: Device,
    images: Sequence[np.ndarray],
    baud: float,
    *,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Speed:
    """The speed of a board, from images one by one and then one behind the other.

    Parameters
    ----------
    images : at least one, as for `Device.classify`
    baud : bits per second of the line
    clock : the time in seconds
    progress : called with images done, and to be done

    Raises
    ------
    InputError : as for `Device.classify`
    BuildError : so too, or an image's result was another the second time
    """
    alone, latencies = [], []
    for image in images:
        begun = clock()
        alone.append(device.classify(image))
        latencies.append(clock() - begun)
        progress(len(alone), 2 * len(images))
    together, begun = [], clock()
    for result in device.classify_all(images):
        together.append(result)
        progress(len(images) + len(together), 2 * len(images))
    seconds = clock() - begun
    if [_answer(result) for result in alone] != [_answer(result) for result in together]:
        raise BuildError(f"{device.name} gave other results for the same images the second time; run its design slower")
    known = device.identity
    channels, height, width = known.image_shape
    samples = channels * height * width
    cycles = [min(layer) for layer in zip(*(result.cycles for result in alone + together), strict=True)]
    return Speed(
        images=len(images),
        images_per_second=len(images) / seconds,
        latency=statistics.median(latencies),
        worst_latency=max(latencies),
        line=LineLimit.of(baud / BITS, samples=samples, logits=known.logits, layers=known.layers),
        cycles=cycles,
        core=(_rate(known, cycles, samples), _rate(known, cycles[:-1], samples)),
        results=alone,
    )


def _answer(result: Result):
    return result.index, result.logits


def _rate(known: Identity, cycles: Sequence[int], samples: int) -> float:
    """Images per second of a core that takes a sample a cycle, while it computes the image before."""
    return known.clock_hz / max(sum(cycles), samples)
