"""A value in the cycles after it stood there."""

from collections.abc import Sequence

from amaranth import Cat, Module, Signal, Value

__all__ = ["delayed", "skewed"]


def delayed(m: Module, name: str, value, cycles: int, *, reset_less: bool = True) -> list:
    """`value` as it was 0 .. `cycles` cycles before; without a reset where a control says whether it counts."""
    values = [value]
    for i in range(cycles):
        later = Signal(value.shape(), name=f"{name}_{i + 1}", reset_less=reset_less)
        m.d.sync += later.eq(values[-1])
        values.append(later)
    return values


def skewed(values: Sequence, skew: Sequence[int]) -> Value:
    """The lanes of a word, each as many cycles later as its skew: `values` are what `delayed` gives for the greatest
    skew, or for more."""
    first = len(values) - 1 - max(skew)
    return Cat(values[first + later][lane] for lane, later in enumerate(skew))
