"""The emitter's Verilog: the same text each time, and read by other tools without complaint."""

import subprocess

from hwgen.flow import toolchain, verilog
from hwgen.hdl.shells.board_top import BoardLogic
from hwgen.sim.verilator import QUIET
from tests.helpers.dummy_core import DummyCore


def emit():
    core = DummyCore()
    return verilog.emit(BoardLogic(core, divisor=4, heartbeat=64), "board")


def test_same_component_same_text():
    text = emit()
    assert text == emit()
    assert "module board(" in text
    for leak in ("src =", "amaranth.", "/hwgen/", "\\generator"):
        assert leak not in text


def test_verilator_and_yosys_read_it(tmp_path):
    (tmp_path / "board.v").write_text(emit())
    with toolchain.applied(toolchain.verilator_environment()):
        lint = subprocess.run(
            [toolchain.verilator(), "--lint-only", *QUIET, "--top-module", "board", "board.v"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert (lint.returncode, lint.stderr) == (0, "")
    (tmp_path / "read.ys").write_text("read_verilog board.v\nhierarchy -check -top board\nproc\ncheck -assert\n")
    toolchain.run("yosys", ["read.ys"], cwd=tmp_path, log=tmp_path / "log")
    assert "Warning" not in (tmp_path / "log").read_text()
