"""The examples in docs/ do what they show."""

import doctest
from pathlib import Path

import numpy as np

from hwgen.integers import BIPOLAR, signed, unsigned

DOCS = Path(__file__).parents[1] / "docs"


def test_the_examples_of_arithmetic():
    result = doctest.testfile(str(DOCS / "arithmetic.md"), module_relative=False)
    assert result.failed == 0 and result.attempted == 18


def test_the_array_formulas_of_arithmetic():
    """dot = A*acc + B for every type, with idle lanes, from XNOR and popcount as the page writes them."""
    rng = np.random.default_rng(0)
    compared = 0
    for type in (BIPOLAR, unsigned(1), unsigned(5), signed(2), signed(6)):
        for channels, lanes, taps in ((4, 4, 1), (5, 4, 3), (6, 4, 2), (7, 8, 5), (1, 2, 9)):
            steps = -(-channels // lanes)
            idle = steps * lanes - channels
            weights = rng.choice([-1, 1], size=(taps, channels))
            codes = rng.integers(0, 1 << type.bits, size=(taps, channels))
            all_weights = np.concatenate([weights, np.tile([1, -1], lanes)[:idle] * np.ones((taps, 1), int)], axis=1)
            all_codes = np.concatenate([codes, np.zeros((taps, idle), int)], axis=1)
            accumulator = 0
            for plane in range(type.bits):
                xnor = (all_weights > 0) == (all_codes >> plane & 1 > 0)
                per_step = xnor.reshape(taps * steps, lanes).sum(axis=1) - lanes // 2
                accumulator += int(per_step.sum()) << plane
            unpaired = taps * (idle % 2)
            total = int(weights.sum())
            scale = type.step
            constant = type.step * ((1 << type.bits) - 1) * (total + unpaired) // 2 + type.minimum * total
            assert type.step * ((1 << type.bits) - 1) * (total + unpaired) % 2 == 0
            dot = int((weights * (type.minimum + type.step * codes)).sum())
            assert scale * accumulator + constant == dot
            for threshold in range(dot - 3, dot + 4):
                least = -((constant - threshold) // scale)  # the least accumulator that reaches it
                assert (accumulator - least >= 0) == (dot >= threshold)
                start, low = divmod(-least, 1 << (type.bits - 1))
                horner = start
                for plane in reversed(range(type.bits)):
                    xnor = (all_weights > 0) == (all_codes >> plane & 1 > 0)
                    if plane < type.bits - 1:
                        horner = 2 * horner + (low >> plane & 1)
                    horner += int(xnor.sum()) - taps * steps * lanes // 2
                assert horner == accumulator - least
                compared += 1
    assert compared == 5 * 5 * 7
