"""What arrays of fixed sizes cost, to 2 %: more is a defect, and much less has to be noted here."""

import pytest

from hwgen.bench.array import Size, finn, unit
from hwgen.bench.counts import synthesise
from hwgen.plan.style import Style

CARRY = Style(cells="ecp5", stages=2)


@pytest.mark.parametrize(
    "size, luts",
    [
        (Size(family="ecp5", style=CARRY, p=8, s=64, q=1, planes=8), 1146),
        (Size(family="ecp5", style=CARRY, p=8, s=64, q=1, planes=8, split=4), 1179),
        (Size(family="ecp5", style=CARRY, p=8, s=64, q=1, planes=1), 977),
        (Size(family="ecp5", style=Style(), p=4, s=32, q=1, planes=1), 443),
        (Size(family="ice40", style=Style(), p=4, s=32, q=1, planes=1), 455),
        (Size(family="ice40", style=Style(cells="ice40"), p=4, s=32, q=1, planes=1), 421),
        (Size(family="ice40", style=Style(cells="ice40"), p=4, s=64, q=1, planes=1), 713),
        (Size(family="gowin", style=Style(), p=8, s=64, q=1, planes=1), 1636),
        (Size(family="gowin", style=Style(cells="gowin"), p=8, s=64, q=1, planes=1), 1172),
        (Size(family="gowin", style=Style(cells="gowin"), p=4, s=32, q=1, planes=1), 370),
    ],
    ids=lambda value: (
        None if isinstance(value, int) else f"{value.family} {value.style.cells} {value.s} {value.planes} {value.split}"
    ),
)
def test_luts(size, luts):
    made = synthesise(unit(size), size.family).luts
    assert 0.97 * luts <= made <= 1.02 * luts, made
    assert made < finn(size)


def test_finns_formula():
    """PEERS: about 6.6 LUT6 for each binary MAC of a large unit, before its accumulator and threshold."""
    size = Size(family="ecp5", style=CARRY, p=1000, s=64, q=1, planes=1)
    assert finn(size) == 300 + 1.1 * 1000 * (128 + 254 + 16 + 16)
    assert 6.5 < (finn(size) - 300 - 1.1 * 1000 * 32) / size.macs < 6.6
