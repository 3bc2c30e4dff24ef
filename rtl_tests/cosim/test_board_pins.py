"""A whole board at its serial pins: the host's driver sends images as bits, the class comes back as bits."""

from pathlib import Path

from hwgen import boards, data, golden, models
from hwgen.hdl import csr
from hwgen.host import protocol
from hwgen.host.device import Device
from hwgen.plan import plan
from hwgen.sim.virtual_board import virtual_board

IMAGES = 3


def test_tfc_on_icebreaker():
    network, board = models.load("tfc_w1a1").network, boards.load("icebreaker")
    images = data.load("mnist-sample:test", IMAGES).images
    expected = golden.run(network, images, keep=False)
    answers = [(int(c), logits.tolist()) for c, logits in zip(expected.classes, expected.logits, strict=True)]
    assert len({str(answer) for answer in answers}) == IMAGES
    planned = plan(network, board)
    with (
        virtual_board(planned, board, Path("build/rtl_tests")) as port,
        Device.open(port, board.baud, patience=120) as device,
    ):
        assert device.identity.image_shape == network.image_shape
        device.check_model(network.digest)

        order = [*range(IMAGES), IMAGES - 1]  # different frames back to back, then one twice
        assert [device.classify(images[i]) for i in order] == [answers[i] for i in order]
        assert device.read(csr.Register.FRAMES) == len(order)

        # The last layer's cycles include those in which its logits wait for the line.
        *cycles, last = device.cycles()
        *expected_cycles, least = planned.cycles_per_stage
        assert cycles == list(expected_cycles) and last >= least

        # An image that breaks off resets the core: nothing of it is left in the next one.
        device.line.write(protocol.image_command(b"\xff" * 100))
        assert device.line.read(1) == bytes([protocol.Reply.ERROR])
        assert device.read(csr.Register.FRAMES) == 0
        assert device.classify(images[0]) == answers[0]
        device.reset()
        assert device.read(csr.Register.STATUS) == 0
        assert device.classify(images[1]) == answers[1]
