"""A verification as a table for people and facts for programs."""

from ..boards import Board
from ..plan.planner import Fit
from ..sim.verify import Report
from .table import Table


def verify_facts(report: Report, fit: Fit, board: Board, every_cell: bool) -> dict:
    """The JSON keys of a verification (DESIGN section 6)."""
    plan = fit.plan
    return {
        "board": board.name,
        "digest": plan.network.digest,
        "p": plan.shape.p,
        "s": plan.shape.s,
        "q": plan.shape.q,
        "every_cell": every_cell,
        "images": report.frames,
        "mismatches": report.mismatches,
        "cycle_mismatches": report.cycle_mismatches,
        "cycles": plan.cycles,
        "cycles_per_layer": plan.cycles_per_stage,
        "interval": report.interval,
        "utilisation": plan.utilisation,
        "layers": [
            {
                "name": s.name,
                "values": s.values,
                "mismatches": s.mismatches,
                "planned": s.planned,
                "cycles": list(s.cycles),
            }
            for s in report.stages
        ],
        "passed": report.passed,
    }


def verify_text(report: Report, fit: Fit, board: Board, source: str, every_cell: bool) -> str:
    plan = fit.plan
    shape = plan.shape
    rows = [[s.name, s.values, s.mismatches, s.planned, " ".join(f"{c:,}" for c in s.cycles)] for s in report.stages]
    table = Table(columns=["layer", "values", "mismatches", "cycles planned", "cycles seen"], rows=rows)
    head = (
        f"{plan.network.name} on {board.name}, array {shape.p} x {shape.s} x {shape.q}, {report.frames} frames "
        f"({source}): as they come, with stalls, and after a reset in mid-frame"
    )
    simulated = "every cell simulated" if every_cell else "processing elements simulated by their model"
    verdict = (
        "every layer of every frame equals the golden model, every cycle count the plan"
        if report.passed
        else f"FAILED: {report.mismatches} values differ, {report.cycle_mismatches} cycle counts differ"
    )
    return "\n".join([head, "", table.text(), "", f"{verdict}; {simulated}"])
