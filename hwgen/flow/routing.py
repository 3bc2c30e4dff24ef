"""nextpnr's router2 as its log shows it: an iteration a line, with the wires that several nets still share."""

import re

__all__ = ["hopeless"]

PATIENCE = 200
"""Iterations without fewer shared wires after which it will not end; designs that were routed had at most 9."""

_ITERATION = re.compile(rb"iter=\d+ wires=\d+ overused=(\d+)")


def hopeless(log: bytes) -> str | None:
    """What is wrong, and its mend, where a router2 that has written this tries the same few wires for ever: it does not
    give up by itself."""
    shared = [int(count) for count in _ITERATION.findall(log)]
    if len(shared) <= PATIENCE or min(shared[-PATIENCE:]) < min(shared[:-PATIENCE]):
        return None
    return f"it shared no fewer than {min(shared)} wires in its last {PATIENCE} rounds; take other --seeds"
