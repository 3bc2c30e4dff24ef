"""Max-pooling of codes: OR on bits, AND where a channel pools by minimum, comparison on wider codes."""

from amaranth import Mux

__all__ = ["compute", "pool"]


def compute(held: int, code: int, first: bool, minimum: bool) -> int:
    """The code to hold after `code` came in; `first` starts a window."""
    if first:
        return code
    return min(held, code) if minimum else max(held, code)


def pool(held, code, first, minimum):
    """`compute` in hardware; `minimum` None where no channel pools by minimum."""
    if len(code) == 1:
        largest, smallest = held | code, held & code
    else:
        largest, smallest = Mux(code > held, code, held), Mux(code < held, code, held)
    return Mux(first, code, largest if minimum is None else Mux(minimum, smallest, largest))
