"""A whole board at its serial pins: the host's driver sends images as bits, the class comes back as bits."""

from pathlib import Path

import numpy as np

from hwgen import boards, data, golden, models
from hwgen.hdl import csr
from hwgen.host import Device, frames, protocol
from hwgen.host.protocol import Command
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
        virtual_board(planned, board, Path("build/rtl_tests")) as virtual,
        Device.open(virtual.port, board.baud) as device,
    ):
        identity = device.identity
        assert (identity.image_shape, identity.clock_hz) == (network.image_shape, board.target.clock_hz)
        assert identity.array == (planned.shape.p, planned.shape.s, planned.shape.q)
        device.check_model(network.digest)

        order = [*range(IMAGES), IMAGES - 1]  # different frames back to back, then one twice
        results = list(device.classify_all(images[i] for i in order))
        assert [(result.index, result.logits) for result in results] == [answers[i] for i in order]
        assert device.registers()[csr.Register.FRAMES] == len(order)

        # The last layer's cycles include those in which its logits wait for the line.
        *expected_cycles, least = planned.cycles_per_stage
        for result in results:
            *cycles, last = result.cycles
            assert cycles == list(expected_cycles) and last >= least

        itself = np.frombuffer(protocol.test_image(images[0].size, network.image_type.bits), np.uint8)
        of_itself = golden.run(network, itself.reshape(images[:1].shape), keep=False)
        assert device.test().logits == of_itself.logits[0].tolist()

        # An image that breaks off is no part of the next one.
        device.line.write(frames.command_frame(protocol.command(1, Command.IMAGE, bytes(100))))
        device.reset()
        assert device.registers()[csr.Register.FRAMES] == 0
        result = device.classify(images[0])
        assert (result.index, result.logits) == answers[0]
