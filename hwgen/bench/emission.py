"""How long the Verilog of a large array takes."""

import resource
import time

from .. import boards, random_networks
from ..flow import verilog
from ..hdl.accelerator import Accelerator
from ..plan import plan
from .row import Row


def emission_row() -> Row:
    """Seconds from a network to its Verilog: CNV on 64 x 64 x 4."""
    network, board = random_networks.cnv(), boards.load("ulx3s_85f")
    begun = time.perf_counter()
    text = verilog.emit(Accelerator(plan(network, board, 64, 64, 4)))
    seconds = time.perf_counter() - begun
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1e6
    return Row(
        what="Verilog, CNV on 64 x 64 x 4",
        ours=seconds,
        unit="s",
        peer="",
        theirs=None,
        goal=20,
        more_is_better=False,
        method=f"plan and Verilog, {len(text):,} characters; {peak:.2f} GB at most",
        details={"characters": len(text), "peak_gb": peak},
    )
