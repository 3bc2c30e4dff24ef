"""What a loadable accelerator can be given at run time: the rows of its tables, numbered."""

from copy import copy
from dataclasses import dataclass

from .layout import ceil_div
from .plan import Plan

__all__ = ["Load", "blank", "loads", "row_bytes", "weight_blocks"]


@dataclass(frozen=True, kw_only=True)
class Load:
    """Contents of a table.

    Attributes
    ----------
    name : of the memory that it is, or is a part of
    rows : integers
    width : bits of a row
    """

    name: str
    rows: list[int]
    width: int


def weight_blocks(words: list[int], width: int, parts: int, rows: int) -> list[list[list[int]]]:
    """The tables that words of weights lie in: parts side by side, and of each as many as hold `rows` words each."""
    part = width // parts
    mask = (1 << part) - 1
    blocks = [words[first : first + rows] for first in range(0, len(words), rows)]
    return [[[word >> i * part & mask for word in block] for block in blocks] for i in range(parts)]


def loads(plan: Plan) -> list[Load]:
    """The tables that can be loaded, by their numbers."""
    specs = {spec.name: spec for spec in plan.memories}
    weights, width = specs["weights"], plan.shape.p * plan.shape.s
    rows = plan.style.weight_rows(weights.width, weights.depth)
    tables = [
        Load(name="weights", rows=block, width=weights.width)
        for part in weight_blocks(plan.weights, width, weights.count, rows)
        for block in part
    ]
    tables.append(Load(name="parameters", rows=plan.parameters, width=specs["parameters"].width))
    if plan.has_multi_threshold:
        tables += [Load(name="thresholds", rows=rows, width=specs["thresholds"].width) for rows in plan.thresholds]
    return tables


def row_bytes(plan: Plan) -> int:
    """Bytes in which a row is sent, the widest table's for all, and at least a word's."""
    specs = {spec.name: spec for spec in plan.memories}
    widths = [specs[name].width for name in ("weights", "parameters", "thresholds") if name in specs]
    return max(4, *(ceil_div(width, 8) for width in widths))


def blank(plan: Plan) -> Plan:
    """The plan with nothing in those tables: of networks that may be loaded into one another's hardware, the same
    hardware is made of it."""
    made = copy(plan)
    # Cached properties are entries of the instance's dictionary: these are in place before anything asks for them.
    made.__dict__["weights"] = [0] * len(plan.weights)
    made.__dict__["parameters"] = [0] * len(plan.parameters)
    if plan.has_multi_threshold:
        made.__dict__["thresholds"] = [[0] * len(rows) for rows in plan.thresholds]
    return made
