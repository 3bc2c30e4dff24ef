"""The Verilog as three tools read it: what each warns of, and whole frames on Icarus, which shows an X as an X."""

import re
import subprocess

import numpy as np
import pytest

from hwgen import boards, golden
from hwgen.flow import toolchain, verilog
from hwgen.flow.integration import Design
from rtl_tests.helpers.networks import images_for
from rtl_tests.helpers.zoo import CASES

TOLERATED = {"WIDTHEXPAND", "WIDTHTRUNC", "CASEINCOMPLETE", "UNSIGNED", "CMPCONST", "PROCASSINIT"}
"""Verilator's lint of what Amaranth writes by design: implicit widths, and comparisons that constants decide."""

CHOSEN = ("packed late", "sums", "identities")
SHELLED = [*((name, "core") for name in CHOSEN), ("sums", "axi"), ("sums", "wishbone")]
FRAMES = 3

BENCH = """
`timescale 1ns / 1ps
module bench;
  reg clk = 0, rst = 1;
  reg [7:0] samples [0:{total} - 1];
  integer sent = 0, taken = 0;
  reg [7:0] seed_in = 8'h5a, seed_out = 8'hc3;  // shift registers that make the streams stall
  wire image_ready, result_valid;
  wire [32:0] result;
  wire image_valid = !rst && sent < {total} && seed_in[1:0] != 0;
  wire result_ready = seed_out[0];
  accelerator dut (
    .clk(clk), .rst(rst),
    .image__valid(image_valid), .image__payload(image_valid ? samples[sent] : 8'hxx), .image__ready(image_ready),
    .result__valid(result_valid), .result__payload(result), .result__ready(result_ready),
    .csr__address(8'd0), .csr__read(1'b0), .csr__write(1'b0), .csr__write_data(32'd0)
  );
  always #5 clk = !clk;
  initial begin
    $readmemh("samples.hex", samples);
    #48 rst = 0;
    #{nanoseconds} $display("TIMEOUT");
    $finish;
  end
  always @(posedge clk) if (!rst) begin
    if ((^image_ready) === 1'bx || (^result_valid) === 1'bx) begin $display("X HANDSHAKE"); $finish; end
    if (image_valid && image_ready) sent <= sent + 1;
    // A word that is offered stays until it is taken; the same holds for ours.
    if (!image_valid || image_ready) seed_in <= {{seed_in[6:0], seed_in[7] ^ seed_in[5] ^ seed_in[4] ^ seed_in[3]}};
    seed_out <= {{seed_out[6:0], seed_out[7] ^ seed_out[5] ^ seed_out[4] ^ seed_out[3]}};
    if (result_valid && (^result) === 1'bx) begin $display("X RESULT"); $finish; end
    if (result_valid && result_ready) begin
      $display("%0d %0d", $signed(result[31:0]), result[32]);
      taken = taken + 1;
      if (taken == {words}) begin $display("DONE"); $finish; end
    end
  end
endmodule
"""


def written(name, folder, shell="core"):
    """(plan, network) of a case of the table, its Verilog in `folder`."""
    case = next(case for case in CASES if case.name == name)
    plan = case.plan()
    design = Design.of(plan, boards.load("icebreaker"), shell, 0)
    (folder / "accelerator.v").write_text(verilog.emit(design.component, "accelerator"))
    return plan, case.network()


def run(command, folder, **options):
    return subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=300, **options
    )


def icarus():
    found = toolchain.icarus()
    if found is None:
        pytest.skip("Icarus Verilog is not installed on this machine: its X check is left out")
    return found


@pytest.mark.parametrize("name", CHOSEN)
def test_icarus_shows_no_x(name, tmp_path):
    iverilog, vvp = icarus()
    plan, network = written(name, tmp_path)
    images = images_for(np.random.default_rng(9), network, FRAMES)
    words = FRAMES * (plan.logits.count + 1)
    (tmp_path / "samples.hex").write_text("\n".join(f"{sample:02x}" for sample in images.reshape(-1)))
    cycles = FRAMES * (plan.cycles + 20 * images[0].size + 20 * plan.logits.count) + 1000
    bench = BENCH.format(total=images.size, words=words, nanoseconds=10 * cycles)
    (tmp_path / "bench.v").write_text(bench)
    # Verilog 2005: SystemVerilog sets variables before its processes start, so that `always @*` misses the event.
    built = run(
        [iverilog, "-g2005", "-Wall", "-Wno-timescale", "-o", "bench.vvp", "bench.v", "accelerator.v"], tmp_path
    )
    assert (built.returncode, built.stderr) == (0, "")
    *lines, last = run([vvp, "-n", "bench.vvp"], tmp_path).stdout.splitlines()
    assert last == "DONE", [*lines[-3:], last]
    expected = golden.run(network, images)
    rows = np.column_stack([expected.logits, expected.classes]).tolist()
    assert lines == [f"{value} {int(i == len(row) - 1)}" for row in rows for i, value in enumerate(row)]
    assert len(lines) == words


@pytest.mark.parametrize("name, shell", SHELLED)
def test_verilator_warnings(name, shell, tmp_path):
    written(name, tmp_path, shell)
    program = toolchain.verilator()
    with toolchain.applied(toolchain.verilator_environment()):
        made = run([program, "--lint-only", "-Wno-fatal", "--top-module", "accelerator", "accelerator.v"], tmp_path)
    assert made.returncode == 0, made.stderr
    kinds = set(re.findall(r"%Warning-(\w+)", made.stderr))
    print(name, kinds)
    assert kinds <= TOLERATED
    assert "%Error" not in made.stderr


@pytest.mark.parametrize("name, shell", SHELLED)
def test_yosys_warnings(name, shell, tmp_path):
    written(name, tmp_path, shell)
    (tmp_path / "read.ys").write_text(
        "read_verilog accelerator.v\nhierarchy -check -top accelerator\nproc\ncheck -assert\n"
    )
    toolchain.run("yosys", ["read.ys"], cwd=tmp_path, log=tmp_path / "yosys.log", limit=300)
    log = (tmp_path / "yosys.log").read_text()
    assert "Found and reported 0 problems" in log
    assert not [line for line in log.splitlines() if line.startswith("Warning")]
