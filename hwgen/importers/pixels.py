"""What the source reads for a raw pixel: the steps from 0..255 to the reals of the network's first operation."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..integers import IntegerType
from .realfold import Add, Divide, Function, Multiply, Quantizer, Step, column

RANGES = ("auto", "0..255", "0..1", "-1..1")
_PIXELS = np.arange(256)[None, :]


@dataclass(frozen=True)
class InputRange:
    """The input scaling that a user asked for, or ``"auto"``.

    Parameters
    ----------
    range : one of `RANGES`
    mean, std : of the scaled pixel, scalar or one per channel, or None: (pixel - mean) / std; with ``"auto"`` they are
        those of pixels/255, unless one is above 2
    raw : type of the source's input, where it says that this holds unsigned integers: raw pixels
    given : steps that the source itself states; ``"auto"`` takes them

    Raises
    ------
    InputError : an unknown range, or a mean or deviation that is no finite number
    """

    range: str = "auto"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    raw: IntegerType | None = None
    given: tuple[Step, ...] | None = None

    def __post_init__(self):
        if self.range not in RANGES:
            raise InputError(f"--input-range is one of {', '.join(RANGES)}, not {self.range!r}")
        for option, field in (("--input-mean", "mean"), ("--input-std", "std")):
            value = getattr(self, field)
            if value is None:
                continue
            try:
                values = tuple(float(v) for v in np.asarray(value, np.float64).reshape(-1))
            except (TypeError, ValueError):
                raise InputError(f"{option} is one number, or one per channel, not {value!r}") from None
            if not values or not np.isfinite(values).all() or (field == "std" and 0 in values):
                raise InputError(f"{option} is finite{' and not zero' if field == 'std' else ''}, not {value!r}")
            object.__setattr__(self, field, values)

    def steps(
        self, following: tuple[Step, ...], quantizer: Quantizer | None, dtype, channels: int
    ) -> tuple[tuple[Step, ...], str]:
        """The steps, and the message that says what was taken.

        Parameters
        ----------
        following : the source's own steps before its first quantizer or layer
        quantizer : what comes then, if it is a quantizer
        channels : of the image

        Raises
        ------
        InputError : a number of means or deviations, or such values, that the image has no use for
        """
        for option, values in self._options():
            if len(values) not in (1, channels):
                has = f"the image has {channels} channel{'s' if channels > 1 else ''}"
                raise InputError(f"{option} has {len(values)} values, and {has}; give one, or one per channel")
        asked = self.range
        if asked == "auto" and self.mean is None and self.std is None and self.given is not None:
            return self.given, "input: pixels are scaled as the file says"
        why = ""
        if asked == "auto":
            asked, why = self._guess(following, quantizer, dtype)
        steps: list[Step] = []
        if asked != "0..255":
            steps.append(Divide(column(255, dtype)))
        if asked == "-1..1":
            steps += [Add(column(-0.5, dtype)), Divide(column(0.5, dtype))]
        text = {"0..255": "raw pixels 0..255", "0..1": "pixels/255 (0..1)", "-1..1": "pixels scaled to -1..1"}[asked]
        if self.mean is not None:
            steps.append(Add(-column(self.mean, dtype)))
            text += f" minus {', '.join(f'{v:g}' for v in self.mean)}"
        if self.std is not None:
            steps.append(Divide(column(self.std, dtype)))
            text += f" over {', '.join(f'{v:g}' for v in self.std)}"
        self._check(steps, dtype)
        mend = "" if self.range != "auto" else "; --input-range, --input-mean and --input-std change it"
        return tuple(steps), f"input: the network reads {text}{why}{mend}"

    def _options(self) -> list[tuple[str, tuple[float, ...]]]:
        """The options that were given, with their values."""
        options = (("--input-mean", self.mean), ("--input-std", self.std))
        return [(option, values) for option, values in options if values is not None]

    def _check(self, steps, dtype):
        """Refuse means and deviations that overflow, or that are too large to tell black from white."""
        try:
            ends = Function.affine_of(1.0, 0.0, dtype).then(*steps)(_PIXELS[:, [0, -1]])
        except ValueError:  # not a number
            ends = np.full((1, 2), np.inf)
        if not np.isfinite(ends).all() or (ends[:, 0] == ends[:, 1]).any():
            given = " and ".join(f"{option} {','.join(map(str, values))}" for option, values in self._options())
            raise InputError(
                f"with {given} pixels are no finite numbers, or all the same, in {np.dtype(dtype).name}; "
                "give the values of the training"
            )

    def _guess(self, following, quantizer, dtype) -> tuple[str, str]:
        if self.mean is not None or self.std is not None:
            # Mean and deviation of pixels/255 are below 1, those of raw pixels are tens.
            return ("0..255" if max(np.abs((self.mean or ()) + (self.std or ()))) > 2 else "0..1"), ""
        if self.raw:
            return "0..255", f", as its input is declared as {self.raw.bits}-bit integers"
        for step in following:
            constant = np.abs(getattr(step, "constant", np.zeros(1))).max()
            if (
                (isinstance(step, Add) and constant > 2)
                or (isinstance(step, Divide) and constant >= 100)
                or (isinstance(step, Multiply) and 0 < constant <= 0.01)
            ):
                return "0..255", f", as its first constants ({constant:g}) make sense for nothing else"
            if isinstance(step, Multiply | Divide) and constant != 1:
                break
        if quantizer is not None:
            raw = Function.affine_of(1.0, 0.0, dtype).then(*following)
            unit = Function.affine_of(1.0, 0.0, dtype).then(Divide(column(255, dtype)), *following)
            seen_raw, seen_unit = (np.unique(quantizer.levels(f(_PIXELS))).size for f in (raw, unit))
            if seen_raw > 2 * seen_unit:
                return "0..255", f", as its first quantizer tells {seen_raw} raw pixels apart and {seen_unit} of 0..1"
        return "0..1", ""
