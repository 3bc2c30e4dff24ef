import pytest

from hwgen import models
from hwgen.host import Device
from tests.helpers.boards import BoardLine
from tests.helpers.golden_core import GoldenCore


@pytest.fixture
def golden_board(monkeypatch):
    """A board with tfc_w1a1 at every port."""
    core = GoldenCore(models.load("tfc_w1a1").network)
    monkeypatch.setattr(Device, "open", lambda port, baud: Device(BoardLine(core)))
    return core
