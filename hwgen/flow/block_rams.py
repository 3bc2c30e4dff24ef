"""Memories into block RAM, as Yosys does it, but with the contents spread over a cell's parameters at once.

The maps that come with Yosys do that by a Verilog function, which Yosys evaluates for each RAM anew: 0.09 s for one of
ECP5, 0.25 s for one of iCE40. That was 12.5 s of 57 s for CNV's 136 on ECP5, and 6.9 s of 11.5 s for TFC's 27 on iCE40.
Here a constant that names the bits stands in the function's place: 1.7 s and 0.5 s, for the same cells.
"""

import re
from dataclasses import dataclass

from . import toolchain

__all__ = ["FAMILIES", "commands"]


@dataclass(frozen=True, kw_only=True)
class _Map:
    """Of one family.

    Attributes
    ----------
    library : what its block RAM can do, among Yosys's files
    file : the map, there too
    function : of the map, called with a parameter's number
    width : bits of a parameter
    parts : the parameters of a RAM, as Verilog, from the lowest bit
    """

    library: str
    file: str
    function: str
    width: int
    parts: list[str]


_MAPS = {
    "ice40": _Map(
        library="ice40/brams.txt",
        file="ice40/brams_map.v",
        function="slice_init",
        width=256,
        parts=[f"INIT[{bit & ~15 | int(f'{bit & 15:04b}'[::-1], 2)}]" for bit in range(4096)],
    ),
    "ecp5": _Map(
        library="lattice/brams_16kd.txt",
        file="lattice/brams_map_16kd.v",
        function="init_slice",
        width=320,
        parts=[f"2'b00, INIT[{bit + 17}:{bit}]" for bit in range(0, 18432, 18)],
    ),
}

FAMILIES = tuple(_MAPS)
"""Those that have such a map here."""


def commands(family: str) -> str:
    """Yosys's commands, one a line: memories that ask for block RAM get it. They come before those of the family's
    synthesis command, which then finds the others."""
    used = _MAPS[family]
    text = _spread(used, (toolchain.yosys_share() / used.file).read_text())
    return "\n".join(
        [
            "design -push",
            "read_verilog -nooverwrite -noblackbox -icells <<EOT",
            text,
            "EOT",
            "design -stash block_rams",
            "design -pop",
            f"memory_libmap -lib +/{used.library} a:ram_style=block",
            "techmap -map %block_rams",
        ]
    )


def _spread(used: _Map, text: str) -> str:
    constant = f"localparam SPREAD = {{{', '.join(reversed(used.parts))}}};"

    def part(call):
        low = int(call[2], 16 if call[1] else 10) * used.width
        return f"SPREAD[{low + used.width - 1}:{low}]"

    text, functions = re.subn(rf"function \[\d+:0\] {used.function};.*?endfunction", constant, text, flags=re.DOTALL)
    text, calls = re.subn(rf"{used.function}\(('h)?(\w+)\)", part, text)
    assert functions and calls  # or it is another version of Yosys
    return text
