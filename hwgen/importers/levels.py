"""Which integers stand for the levels of a quantizer."""

import numpy as np

from ..errors import InputError
from ..integers import BIPOLAR, MAX_ACTIVATION_BITS, MAX_RESULT_BITS, IntegerType, Range, signed, unsigned
from .realfold import Quantizer, Rounded


def integer_view(where, quantizer) -> tuple[IntegerType, int, np.ndarray, np.ndarray]:
    """Type, integer of the lowest level, and scale and offset of the integers that stand for the quantizer's levels."""
    low, high = quantizer.low, quantizer.high
    scale, offset = (np.asarray(v, np.float64) for v in (quantizer.scale, quantizer.offset))
    if high - low == 1 and (scale * (low + high) / 2 + offset == 0).all():
        return BIPOLAR, -1, scale / 2, np.zeros((1, 1))
    shift = offset / scale
    if (shift == shift.flat[0]).all() and float(shift.flat[0]).is_integer() and abs(float(shift.flat[0])) < 1 << 20:
        low, high, offset = low + int(shift.flat[0]), high + int(shift.flat[0]), np.zeros((1, 1))
    extent = Range(low, high)
    bits = extent.bits if low < 0 else max(high.bit_length(), 1)
    if bits > MAX_ACTIVATION_BITS:
        raise InputError(
            f"{where}: its output {extent} takes {bits} bits, and an activation has at most {MAX_ACTIVATION_BITS}; "
            "quantize to fewer bits"
        )
    return (signed(max(bits, 2)) if low < 0 else unsigned(bits)), low, scale, offset


def wide_floor(quantizer: Quantizer) -> IntegerType | None:
    """The type of a quantizer that only rounds down, to more bits than an activation has; None for any other."""
    bits, level = (quantizer.high - quantizer.low).bit_length(), quantizer.level
    if not MAX_ACTIVATION_BITS < bits <= MAX_RESULT_BITS:
        return None
    if not (isinstance(level, Rounded) and level.rounding is np.floor) or (level.scale != 1).any():
        return None
    type = signed(bits) if quantizer.low < 0 else unsigned(bits)
    whole = (type.minimum, type.maximum) == (quantizer.low, quantizer.high)
    return type if whole and not level.zero_point.any() else None
