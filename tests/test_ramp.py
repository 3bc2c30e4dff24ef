"""Evenly spaced thresholds: what is found decides as the rows do, for every value in range."""

import numpy as np
import pytest

from hwgen.plan.ramp import fit_ramp


def decided(thresholds, minimum, maximum):
    """Rows with all that no value in range tells apart made alike."""
    return np.clip(thresholds, minimum, maximum + 1)


def batch_norm_rows(rng, bits, reach, channels=300):
    """T_k = ceil(a + k*b) of real a and b, some of them far outside -reach..reach."""
    slope = rng.uniform(0.01, 4, channels) * 2 * reach / (1 << bits)
    slope[:20] *= 1000
    base = rng.normal(0, reach, channels)
    return np.ceil(base[:, None] + np.arange(1, 1 << bits) * slope[:, None]).astype(np.int64)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("reach", [3, 500, 147_000, 1 << 21])
def test_rows_of_a_batch_norm(bits, reach):
    rows = batch_norm_rows(np.random.default_rng(bits), bits, reach)
    ramp = fit_ramp(rows, bits, -reach, reach)
    assert ramp is not None and (ramp.slope >= 0).all()
    found = ramp.thresholds((1 << bits) - 1)
    assert (decided(found, -reach, reach) == decided(rows, -reach, reach)).all()
    assert ramp.shift <= 2 * bits + 3  # few enough bits to be worth it


def test_powers_of_two_need_no_fraction():
    rows = np.arange(-7, 900, 7)[:, None] + np.arange(1, 256) * 8
    ramp = fit_ramp(rows, 8, -5000, 5000)
    assert ramp is not None and ramp.shift == 0 and (ramp.slope == 8).all()


def test_always_never_one_step_and_short_rows():
    rows = np.array([[-999] * 15, [999] * 15, [0] + [999] * 14, [-999] * 14 + [3], [5] * 15])
    ramp = fit_ramp(rows, 4, -100, 90)
    assert ramp is not None
    assert (decided(ramp.thresholds(15), -100, 90) == decided(rows, -100, 90)).all()
    short = np.arange(0, 70, 10)[None, :]  # 7 of 15: the eighth code is never reached
    ramp = fit_ramp(short, 4, -100, 68)
    assert ramp is not None and decided(ramp.thresholds(15), -100, 68)[0, 6:].tolist() == [60] + [69] * 8
    assert fit_ramp(short, 4, -100, 200) is None


@pytest.mark.parametrize("bits", [5, 8])
def test_rows_that_are_no_ramp(bits):
    rng = np.random.default_rng(bits)
    rows = batch_norm_rows(rng, bits, 10_000, channels=4)
    rows[2] = np.sort(rng.integers(-10_000, 10_000, rows.shape[1]))
    assert fit_ramp(rows, bits, -10_000, 10_000) is None


def test_one_threshold_off_by_one_is_kept_or_refused():
    """Moved rows are either found exactly or not at all: never rounded away."""
    refused = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rows = batch_norm_rows(rng, 5, 800, channels=21)[20:]
        rows[0, rng.integers(31)] += rng.choice([-1, 1])
        rows.sort(axis=1)
        ramp = fit_ramp(rows, 5, -800, 800)
        if ramp is None:
            refused += 1
        else:
            assert (decided(ramp.thresholds(31), -800, 800) == decided(rows, -800, 800)).all()
    assert 5 < refused < 60


def test_the_widest_range_does_not_overflow():
    reach = 4095 << 16
    rows = batch_norm_rows(np.random.default_rng(1), 8, reach, channels=50)
    ramp = fit_ramp(rows, 8, -reach, reach)
    assert ramp is not None
    assert (decided(ramp.thresholds(255), -reach, reach) == decided(rows, -reach, reach)).all()
