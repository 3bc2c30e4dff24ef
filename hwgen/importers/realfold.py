"""Real functions of integers, and the integer thresholds that replace them.

Between a sum and the quantizer after it a trained network computes reals: scale factors, bias, batch norm, a clip.
Every step is monotone in each channel, so that the quantizer's level, as a function of the integer, is a staircase;
`thresholds` finds each stair by bisection over the integers, evaluating the reals themselves. No formula is
inverted and nothing is rounded, whatever the steps are.

The reals are evaluated in the source's own arithmetic: float32 in the order of the operators for ONNX (what the qonnx
executor and ONNX Runtime compute), float64 for a plain .npz and for `hwgen.training`. Rounded addition,
multiplication and division are monotone too, so that bisection stays exact. An integer that float64 would put on
the other side of a threshold is a near tie: it is counted, and the importer says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..integers import Range

_BLOCK = 1 << 21  # thresholds that one bisection handles at a time: bounds its memory to about 100 MB


def column(values, dtype) -> np.ndarray:
    """A scalar or a vector of one value per channel as a (1 or channels, 1) array of `dtype`."""
    return np.asarray(values, dtype).reshape(-1, 1)


@dataclass(frozen=True)
class Add:
    """x + constant, (1 or channels, 1)."""

    constant: np.ndarray

    def __call__(self, x):
        return x + self.constant.astype(x.dtype)


@dataclass(frozen=True)
class Multiply:
    """x * constant, (1 or channels, 1)."""

    constant: np.ndarray

    def __call__(self, x):
        return x * self.constant.astype(x.dtype)


@dataclass(frozen=True)
class Divide:
    """x / constant, (1 or channels, 1), none of them zero."""

    constant: np.ndarray

    def __call__(self, x):
        return x / self.constant.astype(x.dtype)

    @property
    def is_exact(self) -> bool:
        """Whether no quotient is rounded: all constants are powers of two."""
        return bool((np.abs(np.frexp(self.constant)[0]) == 0.5).all())


@dataclass(frozen=True)
class Clip:
    """x limited to low..high (scalars; a rectifier is 0..infinity)."""

    low: float
    high: float

    def __call__(self, x):
        return np.minimum(np.maximum(x, x.dtype.type(self.low)), x.dtype.type(self.high))


@dataclass(frozen=True)
class Cast:
    """x in another dtype from here on."""

    dtype: type

    def __call__(self, x):
        return x.astype(self.dtype)


@dataclass(frozen=True)
class Whole:
    """x rounded to a whole number by a NumPy function: np.floor, or np.trunc as a cast to integers does."""

    rounding: Callable[[np.ndarray], np.ndarray]

    def __call__(self, x):
        return self.rounding(x)


@dataclass(frozen=True)
class Power:
    """x ** exponent (scalar); of unknown direction unless the exponent is an odd positive integer."""

    exponent: float

    def __call__(self, x):
        return np.power(x, x.dtype.type(self.exponent))


Step = Add | Multiply | Divide | Clip | Cast | Whole | Power


def onnx_batch_norm(gamma, beta, mean, variance, epsilon, dtype) -> tuple[Step, ...]:
    """BatchNormalization as ONNX Runtime evaluates it: x * s + (beta - mean * s).

    s is gamma * (1 / sqrt(variance + epsilon)); every operation rounds to `dtype`.
    """
    gamma, beta, mean, variance = (column(v, dtype) for v in (gamma, beta, mean, variance))
    scale = gamma * (dtype(1) / np.sqrt(variance + dtype(epsilon)))
    return Multiply(scale), Add(beta - mean * scale)


def plain_batch_norm(gamma, beta, mean, variance, epsilon, dtype) -> tuple[Step, ...]:
    """(x - mean) * (gamma / sqrt(variance + epsilon)) + beta: x - mean keeps a sum equal to the mean an exact zero."""
    gamma, beta, mean, variance = (column(v, dtype) for v in (gamma, beta, mean, variance))
    return Add(-mean), Multiply(gamma / np.sqrt(variance + dtype(epsilon))), Add(beta)


@dataclass(frozen=True)
class Function:
    """x -> steps(coefficient * x + offset), per channel, for integers x.

    Parameters
    ----------
    coefficient, offset : float64, (1 or channels, 1); this first part is exact but for one rounding to `dtype`
    steps : evaluated one after the other in `dtype`
    dtype : np.float32 or np.float64; a `Cast` changes it
    """

    coefficient: np.ndarray
    offset: np.ndarray
    dtype: type
    steps: tuple[Step, ...] = ()

    @classmethod
    def affine_of(cls, coefficient, offset, dtype) -> "Function":
        return cls(column(coefficient, np.float64), column(offset, np.float64), dtype)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Values for integers x, (1 or channels, count)."""
        with np.errstate(all="ignore"):
            value = (self.coefficient * x + self.offset).astype(self.dtype)
            for step in self.steps:
                value = step(value)
        if np.isnan(value).any():
            raise ValueError("its constants overflow: a value is not a number")
        return value

    def then(self, *steps: Step) -> "Function":
        return replace(self, steps=self.steps + steps)

    def with_dtype(self, dtype) -> "Function":
        """The function in `dtype` from its beginning to its end."""
        return replace(self, dtype=dtype, steps=tuple(step for step in self.steps if not isinstance(step, Cast)))

    def negated(self, channels: np.ndarray) -> "Function":
        """The function of -x in the channels marked by the boolean vector."""
        return replace(self, coefficient=self.coefficient * np.where(channels, -1.0, 1.0).reshape(-1, 1))

    def take(self, channels: np.ndarray) -> "Function":
        """The function whose channel i is this one's channel channels[i]."""

        def pick(constant):
            return constant[channels] if len(constant) > 1 else constant

        steps = tuple(
            replace(s, constant=pick(s.constant)) if isinstance(s, Add | Multiply | Divide) else s for s in self.steps
        )
        return replace(self, coefficient=pick(self.coefficient), offset=pick(self.offset), steps=steps)

    @property
    def is_identity(self) -> bool:
        """Whether it gives each integer back."""
        unchanged = all(isinstance(step, Cast) for step in self.steps)
        return unchanged and bool((self.coefficient == 1).all()) and not self.offset.any()

    @property
    def uniform(self) -> bool:
        """Whether all channels have the same function."""
        constants = [self.coefficient, self.offset, *(getattr(s, "constant", self.offset[:1]) for s in self.steps)]
        return all((constant == constant[0]).all() for constant in constants)

    @property
    def direction(self) -> np.ndarray | None:
        """+1 where the function rises, -1 where it falls, 0 where it is constant: (1 or channels, 1); None: unknown."""
        direction = np.sign(self.coefficient)
        for step in self.steps:
            if isinstance(step, Multiply | Divide):
                direction = direction * np.sign(step.constant)
            elif isinstance(step, Power) and not (step.exponent > 0 and step.exponent % 2 == 1):
                return None
        return direction

    @property
    def affine(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(a, b), float64, (1 or channels, 1), if the function is a * x + b; None where a clip or the like bends it."""
        a, b = self.coefficient, self.offset
        for step in self.steps:
            if isinstance(step, Add):
                b = b + step.constant.astype(np.float64)
            elif isinstance(step, Multiply | Divide):
                a, b = (step(v) for v in (a, b))
            elif not isinstance(step, Cast):
                return None
        return a, b


@dataclass(frozen=True)
class Quantizer:
    """A staircase of integer levels: y = scale * level(x) + offset.

    Parameters
    ----------
    low, high : lowest and highest level
    level : values (channels, count) to whole numbers of the same dtype, rising, within low..high
    scale, offset : (1 or channels, 1)
    edges : instead of `level`: level = low + #(x >= edge), edges (1 or channels, high - low), ascending
    """

    low: int
    high: int
    scale: np.ndarray
    offset: np.ndarray
    level: Callable[[np.ndarray], np.ndarray] | None = None
    edges: np.ndarray | None = None

    def levels(self, x: np.ndarray) -> np.ndarray:
        """Levels of values x, (1 or channels, count), as int64."""
        if self.level is not None:
            return self.level(x).astype(np.int64)
        assert self.edges is not None
        channels = max(len(x), len(self.edges))
        x = np.broadcast_to(x, (channels, x.shape[1]))
        rows = zip(x, np.broadcast_to(self.edges, (channels, self.edges.shape[1])), strict=True)
        return self.low + np.stack([np.searchsorted(edges.astype(x.dtype), row, side="right") for row, edges in rows])

    def reaches(self, x: np.ndarray) -> np.ndarray:
        """Whether x[:, k] has at least level low + 1 + k; x is (channels, high - low)."""
        if self.level is not None:
            return self.level(x) >= np.arange(self.low + 1, self.high + 1)
        assert self.edges is not None
        return x >= self.edges.astype(x.dtype)

    def take(self, channels: np.ndarray) -> "Quantizer":
        """The quantizer of some channels only."""

        def pick(constant):
            return constant[channels] if constant is not None and len(constant) > 1 else constant

        return replace(
            self,
            scale=pick(self.scale),
            offset=pick(self.offset),
            edges=pick(self.edges),
            level=_picked(self.level, channels),
        )


def _picked(level, channels):
    pick = getattr(level, "take", None)
    return pick(channels) if pick else level


@dataclass(frozen=True)
class Rounded:
    """level(x) = rounding of x / scale + zero_point, limited to low..high before the rounding (as `Quant` does).

    Parameters
    ----------
    scale, zero_point : (1 or channels, 1)
    rounding : a NumPy function
    """

    scale: np.ndarray
    zero_point: np.ndarray
    low: int
    high: int
    rounding: Callable[[np.ndarray], np.ndarray]

    def __call__(self, x):
        y = x / self.scale.astype(x.dtype) + self.zero_point.astype(x.dtype)
        return self.rounding(np.clip(y, x.dtype.type(self.low), x.dtype.type(self.high)))

    def take(self, channels):
        def pick(constant):
            return constant[channels] if len(constant) > 1 else constant

        return replace(self, scale=pick(self.scale), zero_point=pick(self.zero_point))


@dataclass(frozen=True)
class Stairs:
    """Result of `thresholds`.

    Attributes
    ----------
    thresholds : int64, (channels, high - low): level >= low + 1 + k exactly where x >= thresholds[:, k].
        range.minimum where every x has the level, range.maximum + 1 where none has
    near_ties : how many (channel, x) pairs float64 would decide otherwise, at least
    """

    thresholds: np.ndarray
    near_ties: int


def thresholds(function: Function, quantizer: Quantizer, range_: Range, channels: int) -> Stairs:
    """Integer thresholds of quantizer(function(x)) over the integers x of `range_`.

    Raises
    ------
    ValueError : the function falls somewhere, or its steps overflow
    """
    direction = function.direction
    if direction is None or (direction < 0).any():
        raise ValueError("the function before the quantizer does not rise")
    count = quantizer.high - quantizer.low
    rows = max(1, _BLOCK // count)
    parts = []
    for start in range(0, channels, rows):
        index = np.arange(start, min(start + rows, channels))
        parts.append(_bisect(function.take(index), quantizer.take(index), range_, len(index), count))
    return Stairs(np.concatenate([p.thresholds for p in parts]), sum(p.near_ties for p in parts))


def _bisect(function, quantizer, range_, channels, count):
    low = np.full((channels, count), range_.minimum, np.int64)
    high = np.full((channels, count), range_.maximum + 1, np.int64)
    while (low < high).any():
        middle = (low + high) >> 1
        reached = quantizer.reaches(function(middle))
        open_ = low < high
        high = np.where(reached & open_, middle, high)
        low = np.where(~reached & open_, middle + 1, low)
    precise = function.with_dtype(np.float64)
    below = (low > range_.minimum) & quantizer.reaches(precise(low - 1))
    at = (low <= range_.maximum) & ~quantizer.reaches(precise(low))
    return Stairs(low, int(np.count_nonzero(below) + np.count_nonzero(at)))
