"""How fast the hardware is simulated: CNV on an array of 64 x 64 x 1, every layer compared."""

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .. import boards, random_networks
from ..plan import plan
from ..sim.verify import verify
from .row import Row

IMAGES = 20


def simulation_row() -> Row:
    """Cycles per second of `hwgen verify`'s simulation, on one core, without what builds it."""
    planned = plan(random_networks.cnv(), boards.load("ulx3s_85f"), 64, 64, 1)
    images = np.random.default_rng(0).integers(0, 256, size=(IMAGES, 32, 32, 3), dtype=np.uint8)
    seconds: dict[str, float] = {}

    @contextmanager
    def step(name):
        begun = time.perf_counter()
        yield
        seconds[name.split()[0]] = time.perf_counter() - begun

    with tempfile.TemporaryDirectory() as folder:
        report = verify(planned, images, folder=Path(folder), progress=step)
    if not report.passed:
        raise RuntimeError("the simulation and the golden model disagree, so its speed means nothing")
    cycles = report.frames * planned.cycles
    return Row(
        what="simulation, CNV on 64 x 64 x 1",
        ours=cycles / seconds["simulating"],
        unit="cycles/s",
        peer="",
        theirs=None,
        goal=200_000,
        more_is_better=True,
        method=f"{report.frames} frames of {planned.cycles:,} cycles, processing elements by their model, all layers "
        f"equal; building it took {seconds['building']:.0f} s",
        details={"frames": report.frames, "cycles": planned.cycles, "seconds": seconds},
    )
