"""What tells loadable hardware from other such hardware: a digest of its Verilog without the tables' contents."""

import hashlib

from ..hdl.accelerator import Accelerator
from ..plan.loads import blank
from ..plan.plan import Plan
from . import verilog

__all__ = ["structure"]


def structure(plan: Plan) -> int:
    """Value of the register `STRUCTURE`: not 0, of 32 bits; 0 where the plan is not loadable.

    What one network's plan gives another's does exactly if the same hardware, but for contents, is made of both.
    """
    if not plan.loadable:
        return 0
    text = verilog.emit(Accelerator(blank(plan), model=0), "accelerator")
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") or 1
