"""Per-stage constants as tables indexed by a stage number."""

from amaranth import Signal, signed, unsigned

__all__ = ["held_field", "stage_field"]


def stage_field(m, stage, values, name, *, is_signed=False):
    """A signal that shows values[stage]; plain wire where all values are the same."""
    values = [int(v) for v in values]
    assert is_signed or min(values) >= 0
    width = max(max(v.bit_length() for v in values) + is_signed, 1)
    field = Signal(signed(width) if is_signed else unsigned(width), name=name)
    if len(set(values)) == 1:
        m.d.comb += field.eq(values[0])
        return field
    with m.Switch(stage):
        for index, value in enumerate(values):
            with m.Case(index):
                m.d.comb += field.eq(value)
    return field


def held_field(m, done, following, values, name):
    """A register that shows values of the stage that is walked, without the time that a table takes: at an edge with
    `done` it goes from those of one stage to those of stage `following`. The first stage's are there from the start."""
    table = stage_field(m, following, values, f"next_{name}")
    if len(set(values)) == 1:
        return table
    field = Signal(table.shape(), init=int(values[0]), name=name)
    with m.If(done):
        m.d.sync += field.eq(table)
    return field
