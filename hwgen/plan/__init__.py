"""From a network to a plan: lowering to stages, tiling, memory map, cycle count, fit.

``plan(network, board)`` is what the rest of hwgen calls.
"""

from .plan import Plan
from .planner import Fit, plan

__all__ = ["Fit", "Plan", "plan"]
