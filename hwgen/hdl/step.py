"""The control word that travels down the pipeline beside each step."""

from amaranth import Module, Signal
from amaranth.lib import data

from .delay import delayed

__all__ = ["delayed_control", "step_layout"]


def step_layout(planes: int) -> data.StructLayout:
    """Control of one step.

    Members
    -------
    step : the step happens (all else is void where this is low)
    first : first step of a capture (before the packer: of a load): the accumulators start anew
    plane : first step of a later plane: the accumulators double
    last : last step of a capture (of a load that completes a group): the accumulators are final after it
    tile : first step of an output-channel tile: the parameters change
    frame : first step of a frame: weights and thresholds are read from their beginning
    split : the left lanes read planes of the upper half
    index : plane that is read, n-1 down to 0; with `split` of each half
    """
    return data.StructLayout(
        {
            "step": 1,
            "first": 1,
            "plane": 1,
            "last": 1,
            "tile": 1,
            "frame": 1,
            "split": 1,
            "index": max(1, (planes - 1).bit_length()),
        }
    )


def delayed_control(m: Module, name: str, control: data.View, cycles: int) -> list[data.View]:
    """A control word as it was 0 .. `cycles` cycles before. Of its registers only those of `step` have a reset: the
    rest is void without it, and a reset of thousands of registers would be what a clock waits for."""
    steps = delayed(m, f"{name}_step", control.step, cycles, reset_less=False)
    words = [control]
    for i in range(cycles):
        later = Signal(control.shape(), name=f"{name}_{i + 1}", reset_less=True)
        shown = Signal(control.shape(), name=f"{name}_{i + 1}_shown")
        m.d.sync += later.eq(words[-1])
        m.d.comb += [shown.eq(later), shown.step.eq(steps[i + 1])]
        words.append(shown)
    return words
