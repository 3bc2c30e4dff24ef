"""How Yosys is asked to synthesise for each family: once for boards, netlist tests and estimates."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import alu_tables, block_rams, carry_cells, output_registers

__all__ = ["RECIPES", "Recipe", "after", "finish", "options", "script"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Synthesis of one family.

    Attributes
    ----------
    command : Yosys's synthesis command for the family
    options : of that command, of all its parts
    first : its first part, as its option -run takes it; empty: all of it
    after : commands that follow; ``{synth}`` stands for the command with its options, ``{block_rams}`` for what
        `block_rams` has in place of a part of it
    finish : what is done to the netlist then, one after the other, as `json.load` gives it
    """

    command: str
    options: str
    first: str = ""
    after: tuple[str, ...] = ()
    finish: tuple[Callable[[dict], object], ...] = ()


# What makes Yosys twice as fast, along with `block_rams`. Names of signals that are other names of the same are gone
# before every pass looks through them: 5 s of 57 for CNV on ECP5. Bits of registers that never change (of the
# parameters that move from PE to PE, for instance) are removed one register behind the other: 14 s. `opt` does that
# too, but for each register of such a row, which has up to 20, it goes through all that it can do.
_CONSTANT = 20
_FLAT = (
    "proc -latches error",
    "opt_clean -purge",
    "flatten",
    "opt_clean -purge",
    "; ".join(["opt_dff -nodffe -nosdff"] * _CONSTANT),
)
_RAMS = ("; ".join(["opt_dff"] * _CONSTANT), "{block_rams}")

RECIPES = {
    "ice40": Recipe(
        command="synth_ice40",
        options="",
        first="begin:flatten",
        after=(*_FLAT, "{synth} -run flatten:map_ram", *_RAMS, "{synth} -run map_ram:blif"),
    ),
    # Wide look-up tables cost more LUTs than they save: -nowidelut. Yosys 0.70's ABC9 stops with an assertion in
    # abc_ops_reintegrate on larger arrays, so look-up tables are mapped by ABC in the place of the command's own part.
    "ecp5": Recipe(
        command="synth_ecp5",
        options="-nowidelut",
        first="begin:coarse",
        after=(
            *_FLAT,
            "{synth} -run coarse:map_ram",
            *_RAMS,
            "{synth} -run map_ram:map_luts",
            "check -latchonly -assert",
            "abc -lut 4 -dress",
            "clean",
            "{synth} -run map_cells:edif",
        ),
        finish=(output_registers.absorb, carry_cells.open_ports),
    ),
    # Here too -nowidelut. A RAM in LUTs takes all eight of a tile, so it costs more than a few registers: -nolutram.
    "gowin": Recipe(command="synth_gowin", options="-nowidelut -nolutram", finish=(alu_tables.absorb,)),
}


def options(family: str) -> str:
    """Options of the family's synthesis command for its first part, but for -top."""
    recipe = RECIPES[family]
    return recipe.options + (f" -run {recipe.first}" if recipe.first else "")


def after(family: str, top: str) -> str:
    """The commands that follow the first part of the family's synthesis command, one a line."""
    recipe = RECIPES[family]
    synth = f"{recipe.command} {recipe.options} -top {top}"
    rams = block_rams.commands(family) if family in block_rams.FAMILIES else ""
    return "\n".join(line.format(synth=synth, block_rams=rams) for line in recipe.after)


def finish(family: str, netlist: Path) -> None:
    """What is done after Yosys to the netlist that its ``write_json`` has written; it is written anew."""
    changes = RECIPES[family].finish
    if changes:
        content = json.loads(netlist.read_text())
        for change in changes:
            change(content)
        netlist.write_text(json.dumps(content))


def script(family: str, top: str) -> str:
    """A whole synthesis, for a design that is read already."""
    return f"{RECIPES[family].command} {options(family)} -top {top}\n{after(family, top)}\n"
