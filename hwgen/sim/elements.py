"""A processing element as it is built beside the model that stands for it in a fast simulation, in Verilator.

A simulation of every cell of a large array takes minutes an image. Where `hwgen.sim.verify` simulates models, it first
holds one processing element, the same module as in the hardware, against its model, over random inputs.
"""

import subprocess
from pathlib import Path

from ..errors import BuildError
from ..flow import toolchain, verilog
from ..hdl.element_pair import ElementPair
from ..plan.plan import Plan
from . import verilator
from .cells import with_cells

__all__ = ["check_model"]

TOP = "elements"
HARNESS = Path(__file__).with_name("elements.cpp")
CYCLES = 100_000
LIMIT = 600
"""Seconds."""


def check_model(plan: Plan, folder: Path) -> None:
    """Hold the processing element of a plan against its model over random inputs.

    Raises
    ------
    BuildError : they differ, or a tool failed
    """
    pair = ElementPair(plan)
    text = with_cells(verilog.emit(pair, TOP))
    program = verilator.compile_program(text, TOP, HARNESS, [f"-DNOISE_BITS={pair.noise_bits}"], folder)
    with toolchain.process(str(program.resolve()), [str(CYCLES)], cwd=folder, stdout=subprocess.PIPE) as process:
        try:
            output = process.communicate(timeout=LIMIT)[0]
        except subprocess.TimeoutExpired:
            raise BuildError(f"a processing element beside its model took over {LIMIT} seconds") from None
    if process.returncode not in (0, 1):
        raise BuildError(f"a processing element beside its model failed with exit status {process.returncode}")
    if process.returncode:
        raise BuildError(
            f"a processing element and its model differ, which is a defect of hwgen: {toolchain.tail(output).strip()}; "
            "--every-cell simulates without models"
        )
