"""Plain Verilog of an accelerator in a folder: with its memory images, a host in C, what it is integrated with."""

import hashlib
import json
import os
from pathlib import Path

from .. import outputs
from ..errors import InputError
from ..host import c
from ..plan.plan import Plan
from . import integration, toolchain, verilog
from .integration import Design

__all__ = ["MANIFEST", "generate"]

MANIFEST = "manifest.json"
MAKER = "hwgen generate"


def generate(design: Design, folder: Path, facts: dict) -> dict:
    """Write the Verilog, the contents of its memories, a host in C, the files of `integration` and ``manifest.json``;
    what the latter holds.

    The Verilog stands alone: its memories are initialised in it. The images (``*.hex``, a word a line, for
    ``$readmemh``) are the same contents for whoever replaces a memory by a macro of their own. The host,
    of `hwgen.host.c`, is for microcontrollers.

    Parameters
    ----------
    folder : appears whole, or not at all; one that holds nothing but what `generate` wrote is replaced
    facts : what the manifest says besides the files

    Raises
    ------
    InputError : `folder` cannot be written, or holds what `generate` did not write
    """
    final = Path(os.path.realpath(folder))
    if final in (Path.cwd(), *Path.cwd().parents):
        raise InputError(f"{folder} is the current folder or above it and cannot be replaced; name another with -o")
    with outputs.making(final) as work:
        _check_replaceable(final, folder)  # under the lock: another run may just be swapping its folder in
        files = {f"{design.top}.v": verilog.emit(design.component, design.top)}
        files |= {f"{name}.hex": _hex(rows, width) for name, rows, width in _images(design.plan)}
        files |= c.sources(c.HostModel.of(design.plan.network, len(design.plan.stages)))
        files |= integration.files(design)
        for name, text in files.items():
            (work / name).write_text(text)
        manifest = {
            "made_by": MAKER,
            **facts,
            "shell": design.shell,
            "top": design.top,
            "files": {name: {"bytes": len(text), "sha256": _digest(text.encode())} for name, text in files.items()},
            "tools": toolchain.versions("amaranth", "yosys"),
        }
        (work / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        outputs.put_in_place(work, final)
    return manifest


def _check_replaceable(final: Path, named: Path) -> None:
    """Refuse a folder whose replacement would take away more than an earlier `generate` put there."""
    if not final.exists():
        return
    if not final.is_dir():
        raise InputError(f"{named} is a file; name another folder with -o")
    ours = _files(final / MANIFEST)
    for path in sorted(final.iterdir()):
        if path.name not in ours:
            raise InputError(
                f"{named} holds {path.name}, which hwgen did not write; move it or name another folder with -o"
            )
        if path.name != MANIFEST and (not path.is_file() or _digest(path.read_bytes()) != ours[path.name]):
            raise InputError(f"{path.name} in {named} was changed; move it or name another folder with -o")


def _files(manifest: Path) -> dict[str, str]:
    """SHA-256 of each file that a manifest of `generate` lists, and its own name; {} where it is none."""
    try:
        found = json.loads(manifest.read_text())
        if found["made_by"] == MAKER:
            return {MANIFEST: "", **{name: entry["sha256"] for name, entry in found["files"].items()}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _images(plan: Plan):
    """(name, rows, bits) of every read-only memory."""
    widths = {spec.name: spec.width for spec in plan.memories}
    yield "weights", plan.weights, plan.shape.p * plan.shape.s
    yield "parameters", plan.parameters, widths["parameters"]
    if plan.has_multi_threshold:
        for lane, rows in enumerate(plan.thresholds):
            yield f"thresholds_{lane}", rows, widths["thresholds"]


def _hex(rows, width):
    digits = -(-width // 4)
    return "".join(f"{row:0{digits}x}\n" for row in rows)
