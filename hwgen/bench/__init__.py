"""Figures of merit: what hwgen reaches, measured, beside what a peer or another program reaches.

A row is a function in `ROWS` that measures and returns a `Row`; a new figure is a new function there.
"""

import json
import os
import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import InputError
from ..outputs import writable_folder
from ..report.table import Table
from .array import array_rows
from .emission import emission_row
from .golden import golden_row
from .row import Row
from .simulation import simulation_row
from .utilisation import utilisation_rows

ROWS: dict[str, Callable[[], Row]] = {
    **array_rows(),
    **utilisation_rows(),
    "golden model, CNV, batch 100": golden_row,
    "simulation, CNV on 64 x 64 x 1": simulation_row,
    "Verilog, CNV on 64 x 64 x 4": emission_row,
}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where it was measured."""

    processor: str
    cores: int
    python: str


def machine() -> Machine:
    """The machine that runs this."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = [line for line in info.read_text(errors="replace").splitlines() if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    return Machine(processor=name, cores=os.cpu_count() or 1, python=platform.python_version())


def measure(only: str, step: Callable[[str], AbstractContextManager[None]]) -> list[Row]:
    """The rows whose name holds `only`. InputError: there is none."""
    chosen = {name: row for name, row in ROWS.items() if only in name}
    if not chosen:
        kinds = dict.fromkeys(name.partition(",")[0] for name in ROWS)
        raise InputError(f"no row of the benchmark holds {only!r}; there are: {'; '.join(kinds)}")
    rows = []
    for name, row in chosen.items():
        with step(f"measuring {name}"):
            rows.append(row())
    return rows


def draw(only: str, folder: Path, step: Callable[[str], AbstractContextManager[None]]) -> list[Path]:
    """The pictures whose name holds `only`, as PNG in `folder`. ImportError: matplotlib is not installed."""
    from .pictures import PICTURES

    paths = []
    for name, picture in PICTURES.items():
        if only in name:
            paths.append(folder / f"{name.replace(' ', '-').lower()}.png")
            with step(f"drawing {name}"):
                picture(paths[-1])
    return paths


def table(rows: Sequence[Row]) -> Table:
    """The rows for people."""
    where = machine()
    return Table(
        columns=["what", "ours", "unit", "peer", "peer's", "to reach", "reached"],
        rows=[[r.what, r.ours, r.unit, r.peer, r.theirs, r.goal, r.reached] for r in rows],
        notes=["", *[f"{r.what}: {r.method}" for r in rows], f"{where.processor}, {where.cores} cores"],
    )


def facts(rows: Sequence[Row]) -> dict:
    """The rows for programs."""
    return {"machine": asdict(machine()), "rows": [{**asdict(row), "reached": row.reached} for row in rows]}


def write(rows: Sequence[Row], folder: Path) -> tuple[Path, Path]:
    """bench.json and bench.md in `folder`. InputError: they cannot be written."""
    paths = writable_folder(folder) / "bench.json", folder / "bench.md"
    paths[0].write_text(json.dumps(facts(rows), indent=2) + "\n", encoding="utf-8")
    paths[1].write_text(table(rows).markdown(), encoding="utf-8")
    return paths
