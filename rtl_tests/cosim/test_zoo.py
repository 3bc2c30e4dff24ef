"""Every model of the zoo, simulated as the hardware of the smallest board that holds it."""

from pathlib import Path

import numpy as np
import pytest

from hwgen import boards, data, models, plan
from hwgen.errors import InputError
from hwgen.flow.flows import FLOWS
from hwgen.sim.verify import verify

NAMES = [path.parent.name for path in sorted(models.folder().glob("*/card.json"))]
LARGE = Path(__file__).parents[1] / "helpers" / "large.toml"
SMALLEST = {
    "bc_vgg_w1a8": str(LARGE),
    "cnn_mnist_w1a1": "fomu",
    "cnv_w1a1": "ecpix5_45f",
    "cnv_w1a2": "ecp5_5g_evn",
    "lenet_w1a1": "colorlight_5a75b",
    "lfc_w1a1": "ecp5_5g_evn",
    "sfc_w1a1": "tang_nano_9k",
    "tfc_w1a1": "fomu",
    "tinbinn_w1a8": "ecp5_5g_evn",
}
"""By LUTs, then by name: some boards hold the same die. No board holds the weights of bc_vgg_w1a8."""


def smallest(network):
    """(name of the board with the fewest LUTs that holds `network`, its plan), of those whose bitstreams are made here;
    else of a device that there is not."""
    built = [board for board in map(boards.load, boards.names()) if board.target.family in FLOWS]
    for board in sorted(built, key=lambda board: (board.target.luts, board.name)):
        try:
            return board.name, plan.plan(network, board)
        except InputError:
            continue
    return str(LARGE), plan.plan(network, boards.load(str(LARGE)))


def test_the_table_is_whole():
    assert sorted(SMALLEST) == NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_smallest_board(name):
    model = models.load(name)
    board, planned = smallest(model.network)
    assert board == SMALLEST[name]
    images = data.load(model.card["sample"]).images
    count = 1 if board == str(LARGE) else 3  # a million cycles a frame
    chosen = images[np.linspace(0, len(images) - 1, count).astype(int)]
    report = verify(planned, chosen, seed=len(name), every_cell=True, folder=Path("build/rtl_tests"))
    assert (report.mismatches, report.cycle_mismatches) == (0, 0)
    assert report.frames >= 3 * count and len(report.stages) == len(planned.stages)
    assert all(stage.values for stage in report.stages)
