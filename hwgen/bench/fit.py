"""Coefficients of a sum that fit what was measured, near those that it had before."""

import numpy as np

__all__ = ["fitted"]

TRUST = 0.01
"""What a coefficient's being off by its own size costs, where a measurement's being off by its own size costs one."""


def fitted(rows: list[dict[str, float]], measured: list[float], start: dict[str, float]) -> dict[str, float]:
    """Least squares of the relative errors of sum(coefficient * amount), with `start` for what the rows do not tell.

    Parameters
    ----------
    rows : amounts of every coefficient, by name, one row for each measurement
    measured : what the sums are to be
    """
    names = list(start)
    before = np.array([start[name] for name in names])
    amounts = np.array([[row[name] for name in names] for row in rows]).reshape(-1, len(names))
    amounts = amounts * before / np.array(measured).reshape(-1, 1)
    drawn = TRUST**0.5 * np.eye(len(names))
    targets = np.concatenate([1 - amounts.sum(axis=1), np.zeros(len(names))])
    change, *_ = np.linalg.lstsq(np.concatenate([amounts, drawn]), targets, rcond=None)
    return {name: float(f"{value:.3g}") for name, value in zip(names, before * (1 + change), strict=True)}
