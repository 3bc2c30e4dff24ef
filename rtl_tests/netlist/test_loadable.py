"""Tables that can be written cost what the planner says: the block RAMs of those that cannot, and a row's register."""

import pytest

from hwgen import boards, models
from hwgen.flow import verilog
from hwgen.hdl.accelerator import Accelerator
from hwgen.plan import plan
from hwgen.plan.cost import LOADING
from hwgen.plan.loads import row_bytes
from hwgen.plan.memory import total_rams
from rtl_tests.netlist.test_netlist import RAM_CELLS, synthesised


@pytest.mark.parametrize("name", ("icebreaker", "ulx3s_12f", "tang_nano_9k"))
def test_cells(name, tmp_path):
    board, network = boards.load(name), models.load("tfc_w1a1").network
    family = board.target.family
    luts = []
    for loadable in (False, True):
        planned = plan(network, board, 4, 24, 1, loadable=loadable)
        folder = tmp_path / str(loadable)
        folder.mkdir()
        made = synthesised(verilog.emit(Accelerator(planned), "accelerator"), "accelerator", family, folder)
        assert sum(made.cells.get(cell, 0) for cell in RAM_CELLS[family]) == total_rams(planned, board.target)
        luts.append(sum(count for cell, count in made.cells.items() if "LUT" in cell and cell[-1].isdigit()))
    assert 0 < luts[1] - luts[0] < LOADING + 8 * row_bytes(planned)
