"""What a loadable accelerator can be given at run time: the rows of its tables, numbered."""

from copy import copy
from dataclasses import dataclass

from ..errors import InputError
from .layout import ceil_div
from .plan import Plan

__all__ = ["Load", "blank", "loads", "row_bytes", "weight_blocks"]


LOADED = ("parameters", "thresholds")
"""Memories that are loaded besides the weights, by their names in `Plan.memories`."""

MAX_TABLES, MAX_ROWS = 255, 1 << 16
"""What a message of the protocol can number; one number more is the network's word."""


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


def check_loads(plan: Plan) -> None:
    """InputError where a message has no room for the number of a table or the address of a row."""
    specs = {spec.name: spec for spec in plan.memories}
    weights = specs["weights"]
    rows = plan.style.weight_rows(weights.width, weights.depth)
    lanes = plan.threshold_lanes if plan.has_multi_threshold else 0
    tables = weights.count * ceil_div(weights.depth, rows) + 1 + lanes
    depth = max(min(rows, weights.depth), *(spec.depth for name, spec in specs.items() if name in LOADED))
    if tables > MAX_TABLES or depth > MAX_ROWS:
        shape = plan.shape
        raise InputError(
            f"an array of {shape.p} x {shape.s} x {shape.q} has {tables} tables of up to {depth} rows to load, more "
            f"than {MAX_TABLES} of {MAX_ROWS}; take a larger one, or leave out --loadable"
        )


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
