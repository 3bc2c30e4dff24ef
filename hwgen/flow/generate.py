"""Plain Verilog of an accelerator in a folder, with its memory images and a manifest."""

import hashlib
import json
from pathlib import Path

from ..errors import InputError
from ..hdl.accelerator import Accelerator
from ..plan.plan import Plan
from . import toolchain, verilog
from .folders import appearing

__all__ = ["MANIFEST", "TOP", "generate"]

TOP = "accelerator"
MANIFEST = "manifest.json"


def generate(plan: Plan, folder: Path, facts: dict) -> dict:
    """Write ``accelerator.v``, the contents of its memories and ``manifest.json``; the manifest's contents.

    The Verilog stands alone: its memories are initialised in it. The images (``*.hex``, a word a line, for
    ``$readmemh``) are the same contents for whoever replaces a memory by a macro of their own.

    Parameters
    ----------
    folder : appears whole, or not at all; one that `generate` wrote before is replaced, another is refused
    facts : what the manifest says besides the files

    Raises
    ------
    InputError : `folder` exists and was not written by `generate`
    """
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise InputError(f"{folder} exists and holds no {MANIFEST} of hwgen; name another folder with -o")
    with appearing(folder) as work:
        files = {f"{TOP}.v": verilog.emit(Accelerator(plan), TOP)}
        files |= {f"{name}.hex": _hex(rows, width) for name, rows, width in _images(plan)}
        for name, text in files.items():
            (work / name).write_text(text)
        manifest = {
            **facts,
            "top": TOP,
            "files": {
                name: {"bytes": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}
                for name, text in files.items()
            },
            "tools": toolchain.versions("amaranth", "yosys"),
        }
        (work / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def _images(plan: Plan):
    """(name, rows, bits) of every read-only memory."""
    widths = {spec.name: spec.width for spec in plan.memories}
    yield "weights", plan.weights, widths["weights"]
    yield "parameters", plan.parameters, widths["parameters"]
    if plan.has_multi_threshold:
        for lane, rows in enumerate(plan.thresholds):
            yield f"thresholds_{lane}", rows, widths["thresholds"]


def _hex(rows, width):
    digits = -(-width // 4)
    return "".join(f"{row:0{digits}x}\n" for row in rows)
