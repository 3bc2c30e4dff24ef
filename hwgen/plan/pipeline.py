"""Latencies of the array's pipeline, in cycles: written once, read by the schedule and asserted by the hardware.

The clock edge that ends cycle n is called edge n. A step that the sequencer issues in cycle 0

- reads activation memory at edge `READ`, later by the registers that a `Style` has on the way there;
- stands at the array's input, with its weights, in cycle `ARRAY`, later by those and by the registers that a `Style`
  gives the memories' words and the weights' addresses;
- is in the accumulators a `Style`'s latency after cycle `ARRAY`;
- if it ends a group, its codes are in the pool's registers at edge `capture` and the first of them are written to
  activation memory at edge `write`, from the writer's registers, later by those in front of the memory's port.
"""

READ = 3
ARRAY = 6

PACK = 2
"""Cycles by which the array's first step of a packed window trails a direct step issued with the window's last word."""

PARAMETER_SWAP = 1
"""Cycles beyond the transfer itself between two exchanges of the parameter registers."""


def capture(latency: int) -> int:
    """Of an array of this latency."""
    return ARRAY + latency


def write(latency: int) -> int:
    """Of an array of this latency."""
    return capture(latency) + 2
