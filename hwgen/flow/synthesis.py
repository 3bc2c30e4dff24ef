"""How Yosys is asked to synthesise for each family: once for boards, netlist tests and estimates."""

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import output_registers

__all__ = ["RECIPES", "Recipe", "after", "finish", "identity", "script"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Synthesis of one family.

    Attributes
    ----------
    command : Yosys's synthesis command for the family
    options : of that command
    after : commands that follow it; ``{command}`` and ``{top}`` are filled in
    finish : what is done to the netlist then, as `json.load` gives it
    """

    command: str
    options: str
    after: tuple[str, ...] = ()
    finish: Callable[[dict], object] | None = None


RECIPES = {
    "ice40": Recipe(command="synth_ice40", options=""),
    # Wide look-up tables cost more LUTs than they save: -nowidelut. Yosys 0.70's ABC9 stops with an assertion in
    # abc_ops_reintegrate on larger arrays, so look-up tables are mapped by ABC, between the command's two halves.
    "ecp5": Recipe(
        command="synth_ecp5",
        options="-nowidelut -run begin:map_luts",
        after=(
            "check -latchonly -assert",
            "abc -lut 4 -dress",
            "clean",
            "{command} -nowidelut -top {top} -run map_cells:edif",
        ),
        finish=output_registers.absorb,
    ),
}


def after(family: str, top: str) -> str:
    """The commands that follow the family's synthesis command, one a line."""
    recipe = RECIPES[family]
    return "\n".join(line.format(command=recipe.command, top=top) for line in recipe.after)


def finish(family: str, netlist: Path) -> None:
    """What is done after Yosys to the netlist that its ``write_json`` has written; it is written anew."""
    change = RECIPES[family].finish
    if change is not None:
        content = json.loads(netlist.read_text())
        change(content)
        netlist.write_text(json.dumps(content))


def identity(family: str) -> str:
    """Stands for what `finish` does in the name of what is kept: a digest of its source, or nothing."""
    change = RECIPES[family].finish
    return hashlib.sha256(Path(inspect.getfile(change)).read_bytes()).hexdigest() if change else ""


def script(family: str, top: str, extra: str = "") -> str:
    """A whole synthesis, for a design that is read already."""
    recipe = RECIPES[family]
    return f"{recipe.command} {recipe.options} {extra} -top {top}\n{after(family, top)}\n"
