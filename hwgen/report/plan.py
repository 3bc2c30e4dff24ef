"""A plan as tables for people and facts for programs."""

from ..boards import Board
from ..plan.memory import block_rams
from ..plan.planner import Fit
from .table import Table


def plan_facts(fit: Fit, board: Board) -> dict:
    """The JSON keys of a plan (DESIGN section 6)."""
    plan = fit.plan
    return {
        "board": board.name,
        "digest": plan.network.digest,
        "p": plan.shape.p,
        "s": plan.shape.s,
        "q": plan.shape.q,
        "cells": plan.style.cells,
        "stages": len(plan.style.registers(plan.shape.s)),
        "estimated_fmax_mhz": round(fit.mhz, 1),
        "cycles": plan.cycles,
        "cycles_per_layer": plan.cycles_per_stage,
        "layers": [stage.name for stage in plan.stages],
        "interval": plan.interval,
        "latency": plan.latency,
        "clock_mhz": fit.target.clock_hz / 1e6,
        "fps": fit.fps,
        "latency_us": fit.latency_us,
        "macs": plan.macs,
        "utilisation": plan.utilisation,
        "accumulator_bits": plan.accumulator_bits,
        "luts": fit.luts,
        "rams": fit.rams,
        "memories": [
            {
                "name": spec.name,
                "depth": spec.depth,
                "width": spec.width,
                "count": spec.count,
                "rams": block_rams(spec, board.target),
            }
            for spec in plan.memories
        ],
        "fits": fit.fits,
    }


def stage_table(fit: Fit) -> Table:
    """One row per pass over the array."""
    plan = fit.plan
    size = plan.shape.p * plan.shape.s * plan.shape.q
    rows = []
    for stage in plan.stages:
        compiled, cycles = stage.compiled, stage.timing.cycles
        source, output = compiled.stage.input, compiled.stage.output_shape
        rows.append(
            [
                stage.name,
                f"{source.type} {'x'.join(map(str, source.shape))}",
                f"{compiled.stage.output_type or 'logits'} {'x'.join(map(str, output))}",
                compiled.stage.macs,
                compiled.tiles,
                compiled.groups,
                compiled.steps,
                cycles,
                round(100 * compiled.stage.macs / (size * cycles), 1),
            ]
        )
    columns = ["layer", "input", "output", "binary MACs", "tiles", "groups", "steps", "cycles", "% of array"]
    return Table(columns=columns, rows=rows)


def memory_table(fit: Fit) -> Table:
    rows = [
        [spec.name, spec.count, spec.depth, spec.width, block_rams(spec, fit.target) or None]
        for spec in fit.plan.memories
    ]
    return Table(columns=["memory", "count", "words", "bits", "block RAMs"], rows=rows)


def plan_text(fit: Fit, board: Board) -> str:
    """The whole plan for a terminal."""
    plan, target = fit.plan, fit.target
    shape, registers = plan.shape, len(plan.style.registers(plan.shape.s))
    head = [
        f"{plan.network.name} on {board.name}: array of {shape.p} output channels x {shape.s} lanes x {shape.q} pixels"
        + ("" if plan.style.cells == "generic" else f", of {plan.style.cells} cells")
        + f", {registers} {'register' if registers == 1 else 'registers'} in a popcount",
        f"{plan.cycles:,} cycles per image, a new image every {plan.interval:,}: {fit.fps:,.0f} images/s at "
        f"{target.clock_hz / 1e6:.4g} MHz, {fit.latency_us:,.1f} us from the loaded image to its class",
        f"{plan.macs:,} binary MACs per image, array {100 * plan.utilisation:.1f} % used",
        f"{fit.rams} of {target.rams} block RAMs, about {fit.luts:,} of {target.luts:,} LUTs"
        + ("" if fit.fits else f": does NOT fit, {fit.excess()}")
        + f"; a clock of about {fit.mhz:.0f} MHz can be reached",
    ]
    return "\n".join([*head, "", stage_table(fit).text(), "", memory_table(fit).text()])
