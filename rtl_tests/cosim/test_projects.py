"""The Verilog of projects for vendors' tools, from pin to pin: PLL, reset, buffers and core as the tools get them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwgen import boards, data, golden, models
from hwgen.flow import projects
from hwgen.flow.projects.count import count
from hwgen.flow.structure import structure
from hwgen.hdl.shells.board_top import accelerator_top
from hwgen.host import Device
from hwgen.plan import plan
from hwgen.plan.memory import total_rams
from hwgen.sim.virtual_board import TOP, powered
from rtl_tests.helpers.networks import images_for
from rtl_tests.helpers.zoo import CASES

MODELS = Path(__file__).with_name("vendor_cells.v").read_text()
QUARTUS = (Path(projects.__file__).parent / "quartus_cells.v").read_text()
DIVISOR = 16

WRAPPER = f"""
module {TOP}(input clk, input rst, input rx, output tx, output [1:0] leds);
    top top(.CLOCK(clk), .uart_0__rx__io(rx), .uart_0__tx__io(tx), .led_0__io(leds[0]), .led_1__io(leds[1]));
endmodule
"""


def simulated(text: str) -> str:
    """A project's Verilog with its cells, in the ports of a virtual board. It has no reset of its own there."""
    clock = re.search(r"\binput (clk\w+);", text)
    assert clock
    wrapper = WRAPPER.replace("CLOCK", clock[1])
    reset = re.search(r"\binput (rst_\w+);", text)
    if reset:  # a button that is low while it is pressed
        wrapper = wrapper.replace("top top(", f"top top(.{reset[1]}(1'b1), ")
    return "\n".join([text, wrapper, MODELS, QUARTUS])


def check(network, images, name, mhz, size=(None, None, None)) -> str:
    """That the project for a board, at another clock where one is given, gives golden's logits over its serial pins;
    its Verilog."""
    board = boards.load(name)
    if mhz:
        board = board.clocked(1e6 * mhz)
    board = replace(board, baud=board.target.clock_hz // DIVISOR)
    planned = plan(network, board, *size)
    text = projects.files(accelerator_top(planned, board, structure(planned)), board)["top.v"]
    expected = golden.run(network, images, keep=False)
    with (
        powered(simulated(text), DIVISOR, board.target.clock_hz, Path("build/rtl_tests")) as virtual,
        Device.open(virtual.port, board.baud) as device,
    ):
        device.check_model(network.digest)
        results = list(device.classify_all(images))
    assert [result.logits for result in results] == expected.logits.tolist()
    return text


@pytest.mark.parametrize(
    "name, mhz, cells",
    [
        ("arty_a7_35t", None, {"MMCME2_BASE", "BUFG", "IBUF", "OBUFT"}),
        ("cmod_a7_35t", None, {"BUFGCTRL", "STARTUPE2"}),
        ("nexys4ddr", 100, {"BUFGCTRL", "STARTUPE2"}),
        ("de10_nano", None, {"altiobuf_in", "altiobuf_out", "altera_std_synchronizer"}),
        ("de10_nano", 40, {"altera_pll"}),
        ("de10_lite", 40, {"altpll"}),
    ],
)
def test_small_network(name, mhz, cells):
    case = next(case for case in CASES if case.name == "packed rgb")
    network = case.network()
    images = images_for(np.random.default_rng(1), network, 4)
    text = check(network, images, name, mhz, case.array)
    assert all(re.search(rf"^  {cell} ", text, re.MULTILINE) for cell in cells)
    style = {"xc7": 'rom_style = "block"', "cyclonev": 'romstyle = "M10K"', "max10": 'romstyle = "M9K"'}
    asked = text.count(f"(* {style[boards.load(name).target.family]} *)")
    assert asked == text.count('(* ram_style = "block" *)') > 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["arty_a7_100t", "de10_nano", "de10_lite"])
def test_tfc(name):
    """With the block RAMs that the planner counted, or one less, where a table's column is constant."""
    network = models.load("tfc_w1a1").network
    text = check(network, data.load("mnist-sample:test", 3).images, name, None)
    target = boards.load(name).target
    rams = count(text, target.family)["rams"]
    assert rams <= total_rams(plan(network, boards.load(name)), target) <= rams + 1
