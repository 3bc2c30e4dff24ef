"""Verification: the accelerator in Verilator against the golden model, every layer; its cycles against the plan."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import golden, outputs
from ..flow import verilog
from ..hdl.accelerator import Accelerator
from ..plan.plan import Plan
from . import verilator
from .cells import with_cells
from .elements import check_model
from .trace import Trace, harness_defines, read_trace
from .verilator import Abort, Run

__all__ = ["Report", "StageReport", "compare", "script_for", "simulate", "verify"]

Progress = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True, kw_only=True)
class StageReport:
    """One stage: values compared, values that differ, cycles planned, and the cycles that were seen."""

    name: str
    layer: int
    values: int
    mismatches: int
    planned: int
    cycles: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `verify` found.

    Attributes
    ----------
    frames : frames compared, those with stalls and after the reset included
    mismatches : values of any layer, logits or classes that differ from the golden model's
    cycle_mismatches : (frame, stage) pairs without stalls, status registers and the interval that differ from the plan
    stages : in order; the last counts logits and classes
    interval : cycles from one class to the next in steady state, None with fewer than three frames
    """

    frames: int
    mismatches: int
    cycle_mismatches: int
    stages: tuple[StageReport, ...]
    interval: int | None

    @property
    def passed(self) -> bool:
        return not self.mismatches and not self.cycle_mismatches


def script_for(plan: Plan, images: int, seed: int) -> tuple[list[Run | Abort], list[int], int]:
    """The frames of a verification: (script, index of each compared frame's image, how many ran without stalls).

    All images without a stall; two different ones back to back and one twice with random stalls on both streams; a
    reset in the middle of a frame; then two more.
    """
    other = min(1, images - 1)
    first = [Run(first=0, count=images)]
    stalled = [
        Run(first=0, count=other + 1, image_stall=90, result_stall=170, seed=seed),
        Run(first=0, count=1, image_stall=20, result_stall=230, seed=seed + 1),
        Run(first=0, count=1, image_stall=170, result_stall=20, seed=seed + 2),
    ]
    samples = int(np.prod(plan.lowered.image_shape))
    script = [*first, *stalled, Abort(first=0, cycles=samples + plan.cycles // 2), Run(first=other, count=1)]
    script.append(Run(first=0, count=1))
    order = [*range(images), *range(other + 1), 0, 0, other, 0]
    return script, order, images


def simulate(
    plan: Plan,
    images: np.ndarray,
    script: list[Run | Abort],
    *,
    every_cell: bool = False,
    folder: Path = Path("build"),
    progress: Progress = lambda step: nullcontext(),
) -> Trace:
    """Build the accelerator of `plan` (or find it in `folder`) and run `script`.

    Without `every_cell` its processing elements are models, and one of them is held against its model first.
    """
    outputs.writable_folder(folder)
    if not every_cell:
        with progress("holding a processing element against its model"):
            check_model(plan, folder)
    with progress("writing the Verilog"):
        text = with_cells(verilog.emit(Accelerator(plan), verilator.TOP, models=not every_cell))
    with progress("building the simulation"):
        simulation = verilator.build(text, harness_defines(plan), folder)
    frames = sum(s.count for s in script if isinstance(s, Run))
    with outputs.scratch(folder) as work:
        with progress(f"simulating {frames:,} frames of {plan.cycles:,} cycles"):
            simulation.run(images, script, work)
        return read_trace(plan, work)


def compare(plan: Plan, trace: Trace, expected: golden.Result, order: list[int], unstalled: int) -> Report:
    """Hold a trace against the golden model's results of the images, and against the plan."""
    stages = []
    for index, planned in enumerate(plan.stages):
        stage = planned.compiled.stage
        if stage.final:
            differ = int(
                (trace.logits != expected.logits[order]).sum() + (trace.classes != expected.classes[order]).sum()
            )
            values = trace.logits.size + trace.classes.size
        else:
            seen = trace.values[index]
            differ = int((seen != expected.outputs[stage.layer][order].reshape(seen.shape)).sum())
            values = seen.size
        stages.append(
            StageReport(
                name=planned.name,
                layer=stage.layer,
                values=values,
                mismatches=differ,
                planned=planned.timing.cycles,
                cycles=tuple(sorted(set(trace.cycles[:unstalled, index].tolist()))),
            )
        )
    planned = np.array(plan.cycles_per_stage)
    wrong = int((trace.cycles[:unstalled] != planned).sum() + (trace.registers[0] != planned).sum())
    intervals = np.unique(np.diff(trace.finished[1:unstalled]))
    written = sum(s.timing.written * s.compiled.tiles * s.compiled.groups for s in plan.stages)
    turnaround = 10 + plan.input_bits  # from an image's last read to the first step on the one that takes its place
    if len(intervals) and plan.cycles >= plan.loading + written + turnaround:  # else its way in sets the pace
        wrong += int((intervals != plan.interval).sum())
    return Report(
        frames=len(order),
        mismatches=sum(s.mismatches for s in stages),
        cycle_mismatches=wrong,
        stages=tuple(stages),
        interval=int(intervals.max()) if len(intervals) else None,
    )


def verify(
    plan: Plan,
    images: np.ndarray,
    *,
    seed: int = 1,
    every_cell: bool = False,
    folder: Path = Path("build"),
    progress: Progress = lambda step: nullcontext(),
) -> Report:
    """Run `images` (uint8, (N, H, W, C) or (N, H, W)) through the accelerator and compare everything.

    Parameters
    ----------
    every_cell : simulate the processing elements as they are built, not by models that are held against them

    Raises
    ------
    BuildError : a tool failed, or the hardware hung or lost its order
    InputError : `folder` cannot be written
    """
    script, order, unstalled = script_for(plan, len(images), seed)
    trace = simulate(plan, images, script, every_cell=every_cell, folder=folder, progress=progress)
    with progress("comparing with the golden model"):
        return compare(plan, trace, golden.run(plan.network, images), order, unstalled)
