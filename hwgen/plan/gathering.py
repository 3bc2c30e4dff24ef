"""A packed first layer: which pixels come together in front of the array, and when.

A few channels fill a few of the S lanes. So the windows of Q neighbouring outputs are kept in registers, the *region*,
and put side by side into the lanes, plane after plane. From one group of Q outputs to the next in the row the region
moves by Q outputs, and only the pixels that are new to it are read: a *load*. At a row's start it has to be filled
first, by loads that are followed by nothing.
"""

from dataclasses import dataclass

from .layout import ceil_div
from .lowering import Stage


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """The region and its loads.

    Attributes
    ----------
    rows : input rows of the region, relative to the output pixel's origin
    left, width : first column of one output's part of the region, relative to its origin; columns of that part
    step : columns from one output to the next
    outputs : Q
    row_groups : groups of an output row; the last may reach beyond it
    """

    rows: tuple[int, ...]
    left: int
    width: int
    step: int
    outputs: int
    row_groups: int

    @classmethod
    def of(cls, stage: Stage, outputs: int) -> "Gathering":
        """The region of a stage's taps at all positions of its pooling window."""
        down = {stage.step[0] * wy + dy for wy, _ in stage.window for dy, _ in stage.taps}
        across = {stage.step[1] * wx + dx for _, wx in stage.window for _, dx in stage.taps}
        return cls(
            rows=tuple(sorted(down)),
            left=min(across),
            width=max(across) - min(across) + 1,
            step=stage.step[1] * stage.window_step[1],
            outputs=outputs,
            row_groups=ceil_div(stage.output_shape[2], outputs),
        )

    @property
    def columns(self) -> int:
        """Columns of the region."""
        return self.step * (self.outputs - 1) + self.width

    @property
    def kept(self) -> int:
        """Columns of one output's part that a load leaves in place: those of the output before it."""
        return max(0, self.width - self.step)

    @property
    def leads(self) -> int:
        """Loads at the start of a row, before the one that completes its first group."""
        return ceil_div(self.kept, self.step * self.outputs)

    @property
    def row_loads(self) -> int:
        return self.leads + self.row_groups

    @property
    def entries(self) -> list[tuple[int, int]]:
        """(number of the row, column of the region) of lane 0's pixel of every step of a load; lane l's lies l*step
        columns further."""
        new = range(self.kept, self.width)
        return [(row, column) for row in range(len(self.rows)) for column in new]

    @property
    def taps(self) -> tuple[tuple[int, int], ...]:
        """The same as (dy, dx) from where the lanes stand, which begin a row `leads` groups before its first."""
        early = self.leads * self.outputs * self.step
        return tuple((self.rows[row], self.left + column - early) for row, column in self.entries)

    def place(self, stage: Stage, window: tuple[int, int], tap: tuple[int, int]) -> tuple[int, int]:
        """(number of the row, column of the region) of a tap of lane 0's output at a position of the pooling window."""
        (wy, wx), (dy, dx) = window, tap
        return self.rows.index(stage.step[0] * wy + dy), stage.step[1] * wx + dx - self.left
