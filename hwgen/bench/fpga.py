"""python -m hwgen.bench.fpga: images per second of bitstreams, placed and routed here, beside the peers' boards.

An hour and more. Bitstreams stay in build/, so that a run that was cut off goes on where it was, and a point whose
design, seeds and tools are those of before is read, not built. What is printed is in build/bench/fpga.json and fpga.md,
too, after every point.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import boards, models, outputs
from ..errors import BuildError, InputError
from ..flow import fpga as flow
from ..hdl.shells.board_top import accelerator_top
from ..plan import Plan, plan
from ..report.table import Table
from .pictures import draw_rooflines, draw_throughput


@dataclass(frozen=True, kw_only=True)
class Point:
    """A model on a board; `shape` is P, S, Q, `stages` the registers in a popcount, None for the planner's choice."""

    model: str
    board: str
    shape: tuple[int, int, int] | None = None
    stages: int | None = None

    @property
    def name(self) -> str:
        shape = f", {' x '.join(map(str, self.shape))}" if self.shape else ""
        stages = f", {self.stages} stages" if self.stages else ""
        return f"{self.model} on {self.board}{shape}{stages}"


POINTS = (
    *(
        Point(model=model, board=board)
        for board in ("icebreaker", "hx8k_b_evn", "ulx3s_25f", "ulx3s_85f")
        for model in ("tfc_w1a1", "sfc_w1a1", "lfc_w1a1")
    ),
    Point(model="sfc_w1a1", board="ulx3s_12f"),
    Point(model="cnn_mnist_w1a1", board="icebreaker"),
    Point(model="cnn_mnist_w1a1", board="hx8k_b_evn"),
    Point(model="cnn_mnist_w1a1", board="ulx3s_25f"),
    Point(model="tfc_w1a1", board="tang_nano_9k"),
    Point(model="cnn_mnist_w1a1", board="tang_nano_9k"),
    Point(model="lenet_w1a1", board="ulx3s_12f"),
    Point(model="cnv_w1a1", board="ulx3s_85f", shape=(64, 64, 1)),
    Point(model="cnv_w1a1", board="ecp5_5g_evn", shape=(64, 64, 1)),
    Point(model="cnv_w1a1", board="ulx3s_85f", shape=(64, 64, 2)),
    Point(model="cnv_w1a1", board="ulx3s_85f", shape=(64, 64, 4), stages=3),
    Point(model="cnv_w1a1", board="ecp5_5g_evn", shape=(64, 64, 4), stages=3),
)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What others published: images per second, microseconds from image to class; None where they do not say."""

    network: str
    hardware: str
    fps: float
    latency_us: float | None
    source: str


PEERS = (
    Peer(network="SFC", hardware="FINN, ZC706", fps=12.3e6, latency_us=0.31, source="FINN, FPGA 2017"),
    Peer(network="CNV", hardware="FINN, ZC706", fps=21_906.0, latency_us=283, source="FINN, FPGA 2017"),
    Peer(network="CNV", hardware="BNN-PYNQ, Ultra96", fps=9_150.0, latency_us=527, source="BNN-PYNQ's repository"),
    Peer(network="CNV", hardware="FINN, Pynq-Z2", fps=661.0, latency_us=None, source="MLPerf Tiny 0.7"),
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A point that was built.

    Attributes
    ----------
    fps, latency_us : at Fmax, in the core: images per second, microseconds from the loaded image to its class
    """

    point: Point
    plan: Plan
    bitstream: flow.Bitstream

    @property
    def shape(self) -> tuple[int, int, int]:
        shape = self.plan.shape
        return shape.p, shape.s, shape.q

    @property
    def fps(self) -> float:
        return 1e6 * self.bitstream.fmax_mhz / self.plan.interval

    @property
    def latency_us(self) -> float:
        return self.plan.latency / self.bitstream.fmax_mhz

    def as_json(self) -> dict:
        return {
            "point": asdict(self.point),
            "shape": self.shape,
            "stages": self.plan.style.stages,
            "interval": self.plan.interval,
            "fps": self.fps,
            "latency_us": self.latency_us,
            "bitstream": self.bitstream.as_json(),
        }


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A point that does not fit or was not built, and why."""

    point: Point
    reason: str


def measure(point: Point, folder: Path, seeds: Iterable[int], jobs: int, limit: float) -> Measured | Missing:
    """A point's bitstream, built or found in `folder`."""
    board = boards.load(point.board)
    p, s, q = point.shape or (None, None, None)
    try:
        planned = plan(models.load(point.model).network, board, p, s, q, stages=point.stages)
        top = accelerator_top(planned, board)
        made = flow.build(top, board, name=point.model, folder=folder, seeds=list(seeds), jobs=jobs, limit=limit)
    except (InputError, BuildError) as error:
        return Missing(point=point, reason=str(error))
    return Measured(point=point, plan=planned, bitstream=made)


def table(results: Iterable[Measured | Missing]) -> Table:
    """Points and peers for people; what is missing stands below with its reason."""
    rows, notes = [], [""]
    for result in results:
        if isinstance(result, Missing):
            notes.append(f"{result.point.name}: {result.reason}")
            continue
        made, target = result.bitstream, boards.load(result.point.board).target
        rows.append(
            [
                result.point.model, result.point.board, " x ".join(map(str, result.shape)), result.plan.style.stages,
                result.plan.interval, made.fmax_mhz, made.seed, result.fps, round(result.latency_us, 1),
                f"{made.luts:,} of {target.luts:,}", f"{made.rams} of {target.rams}", 1000 * result.fps / made.luts,
            ]
        )  # fmt: skip
    for peer in PEERS:
        latency = None if peer.latency_us is None else float(peer.latency_us)
        rows.append(
            [peer.network, f"{peer.hardware} ({peer.source})", "", *[None] * 4, peer.fps, latency, "", "", None]
        )
    columns = [
        "network", "hardware", "P x S x Q", "stages", "cycles per image", "Fmax, MHz", "seed", "images/s",
        "latency, us", "LUTs", "block RAMs", "images/s per 1,000 LUTs",
    ]  # fmt: skip
    return Table(columns=columns, rows=rows, notes=notes)


def write(results: list[Measured | Missing], folder: Path) -> None:
    """fpga.json, fpga.md and, of what was built, the pictures; each file whole."""
    points = [result.as_json() if isinstance(result, Measured) else asdict(result) for result in results]
    facts = {"points": points, "peers": [asdict(peer) for peer in PEERS]}
    outputs.write_file(folder / "fpga.json", (json.dumps(facts, indent=2) + "\n").encode())
    outputs.write_file(folder / "fpga.md", table(results).markdown().encode())
    built = [result for result in results if isinstance(result, Measured)]
    if built:
        plans = ((result.point.name, result.plan, result.bitstream.fmax_mhz / 1000) for result in built)
        draw_rooflines(folder / "fpga_rooflines.png", plans, "binary GMAC/s at Fmax")
        rates = ((result.point.model, result.point.board, result.bitstream.luts, result.fps) for result in built)
        draw_throughput(
            folder / "fpga_throughput.png", rates, [(f"{peer.network}, {peer.hardware}", peer.fps) for peer in PEERS]
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hwgen.bench.fpga", description="Bitstreams, measured.")
    parser.add_argument("--only", metavar="WORD", default="", help="only the points whose name holds WORD")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="the best of seeds 1..N (default: 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="placements side by side")
    parser.add_argument(
        "--limit-seconds", type=int, default=7200, metavar="N", help="of each placement (default: 7200)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("build"), metavar="DIR", help="folder (default: build)"
    )
    options = parser.parse_args(arguments)
    chosen = [point for point in POINTS if options.only in point.name]
    if not chosen:
        parser.error(f"no point holds {options.only!r}; there are: {'; '.join(point.name for point in POINTS)}")
    if options.seeds < 1 or options.jobs < 1 or options.limit_seconds < 1:
        parser.error("--seeds, --jobs and --limit-seconds are at least 1")
    try:
        folder = outputs.writable_folder(options.output / "bench")
    except InputError as error:
        parser.error(str(error))
    results: list[Measured | Missing] = []
    try:
        for i, point in enumerate(chosen, 1):
            print(f"{i} of {len(chosen)}: {point.name}", file=sys.stderr, flush=True)
            seeds = range(1, options.seeds + 1)
            results.append(measure(point, options.output, seeds, options.jobs, options.limit_seconds))
            write(results, folder)
    except KeyboardInterrupt:
        print("stopped; what was built is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    print(table(results).markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
