"""A value in the cycles after it stood there."""

from amaranth import Module, Signal

__all__ = ["delayed"]


def delayed(m: Module, name: str, value, cycles: int, *, reset_less: bool = True) -> list:
    """`value` as it was 0 .. `cycles` cycles before; without a reset where a control says whether it counts."""
    values = [value]
    for i in range(cycles):
        later = Signal(value.shape(), name=f"{name}_{i + 1}", reset_less=reset_less)
        m.d.sync += later.eq(values[-1])
        values.append(later)
    return values
