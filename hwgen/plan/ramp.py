"""Evenly spaced thresholds: T_k = ceil((base + k*slope) / 2^shift), k = 1 .. 2^n - 1, found for given rows.

A batch norm and a uniform activation give such rows. They need no memory of 2^n - 1 thresholds per channel: with
r = 2^shift * value - base, the code is floor(r / slope) limited to 0 .. 2^n - 1, a division of n subtractions.
"""

from dataclasses import dataclass

import numpy as np

MOST_SHIFT = 24
"""Fraction bits of base and slope beyond which rows are not taken for evenly spaced."""

_MOST_BITS = 60  # of all that is computed here, in 64


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """Rows of evenly spaced thresholds.

    Attributes
    ----------
    shift : fraction bits of `base` and `slope`, alike for all channels
    base, slope : int64 (channels,); no slope is negative
    """

    shift: int
    base: np.ndarray
    slope: np.ndarray

    def thresholds(self, count: int) -> np.ndarray:
        """The first `count` thresholds, int64 (channels, count)."""
        levels = self.base[:, None] + np.arange(1, count + 1) * self.slope[:, None]
        return -(-levels >> self.shift)


def fit_ramp(thresholds: np.ndarray, bits: int, minimum: int, maximum: int) -> Ramp | None:
    """The ramp with few fraction bits that decides as `thresholds` does for every value minimum..maximum.

    Parameters
    ----------
    thresholds : int64 (channels, count), ascending, count at most 2^bits - 1; thresholds left out are never reached

    Returns
    -------
    Ramp | None
        None where there is none of at most `MOST_SHIFT` fraction bits. (Few, not fewest: one slope near the
        middle of its range is tried for each number of bits.)
    """
    lower, upper = _bounds(thresholds, bits, minimum, maximum)
    most_shift = min(MOST_SHIFT, _MOST_BITS - (upper.max() - lower.min()).item().bit_length())
    finest = _widest(lower, upper, maximum - minimum + 2, most_shift)
    for shift in range(most_shift + 1):
        found = _rounded(lower, upper, finest >> (most_shift - shift), shift)
        if found is not None:
            return found
    return None


def _bounds(thresholds, bits, minimum, maximum):
    """lower < (base + k*slope) / 2^shift <= upper for each channel and k; far away where one side is free."""
    count = (1 << bits) - 1
    far = (maximum - minimum + 2) << (bits + 2)  # more than a slope of the whole range can climb
    rows = np.full((len(thresholds), count), maximum + 1, np.int64)
    rows[:, : thresholds.shape[1]] = np.clip(thresholds, minimum, maximum + 1)
    return np.where(rows == minimum, minimum - far, rows - 1), np.where(rows > maximum, maximum + far, rows)


def _interval(lower, upper, slope, shift):
    """Least and greatest base for a slope of each channel; there is none where the least is above the greatest.

    `below` and `above` are the k that bound it.
    """
    climb = np.arange(1, lower.shape[1] + 1) * slope[:, None]
    least, greatest = (lower << shift) + 1 - climb, (upper << shift) - climb
    below, above = least.argmax(axis=1), greatest.argmin(axis=1)
    rows = np.arange(len(lower))
    return least[rows, below], greatest[rows, above], below, above


def _widest(lower, upper, most, shift):
    """The slope 0..most of each channel that leaves the base the widest interval.

    The width is a concave function of the slope that changes, where k `below` and k `above` bound the interval, by
    below - above for each unit of the slope: its sign says on which side the widest lies.
    """
    low, high = np.zeros(len(lower), np.int64), np.full(len(lower), most << shift, np.int64)
    while (low < high).any():
        middle = (low + high) >> 1
        _, _, below, above = _interval(lower, upper, middle, shift)
        rises = below > above
        low, high = np.where(rises, middle + 1, low), np.where(rises, high, middle)
        low = np.minimum(low, high)
    return low


def _rounded(lower, upper, near, shift):
    """The ramp whose slopes are next to `near`, or None where a channel has none."""
    base, slope = np.zeros(len(lower), np.int64), np.zeros(len(lower), np.int64)
    open_ = np.ones(len(lower), bool)
    for step in (0, 1, -1, 2):
        candidate = np.maximum(near + step, 0)
        least, greatest, _, _ = _interval(lower, upper, candidate, shift)
        fits = open_ & (least <= greatest)
        slope[fits], base[fits] = candidate[fits], np.clip(0, least, greatest)[fits]
        open_ &= ~fits
    return None if open_.any() else Ramp(shift=shift, base=base, slope=slope)
