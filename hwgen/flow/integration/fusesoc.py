"""A core description file for FuseSoC, of its format CAPI2."""

import json

from ...hdl import csr
from .design import Design

__all__ = ["core_file"]

SYNTHESIS = ("ice40", "ecp5", "gowin")
"""Families that Edalize's back end for Yosys knows by these names."""


def core_file(design: Design) -> str:
    """Its version is that of the register map.

    Targets: ``default``, what a system that depends on it takes; ``lint``, with Verilator, which knows the cells of no
    FPGA; ``synth``, with Yosys for the family of the board that the accelerator was planned for.
    """
    network, board = design.plan.network, design.board
    description = f"{network.name} as hardware by hwgen, shell {design.shell}, digest {network.digest[:12]}"
    text = f"""\
CAPI=2:
name: "hwgen:accelerator:{design.network}_{design.shell}:0.{csr.VERSION}.0"
description: {json.dumps(description)}

filesets:
  rtl:
    files: [{design.top}.v]
    file_type: verilogSource
  timing:
    files: [{design.top}.sdc]
    file_type: SDC

targets:
  default:
    filesets: [rtl]

  lint:
    filesets: [rtl]
    toplevel: {design.top}
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wno-fatal, -Wno-MODMISSING]
"""
    if board.target.family in SYNTHESIS:
        text += f"""\

  synth:
    filesets: [rtl, timing]
    toplevel: {design.top}
    flow: generic
    flow_options:
      tool: yosys
      arch: {board.target.family}
      output_format: json
"""
    return text
