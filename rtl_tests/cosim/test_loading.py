"""Another network into the same hardware, over a virtual board's serial port."""

import time
from pathlib import Path

import numpy as np
import pytest

from hwgen import boards, cli, golden, storage
from hwgen.errors import BuildError
from hwgen.flow.structure import structure
from hwgen.hdl import csr
from hwgen.host import Device, frames, protocol
from hwgen.host.protocol import Command, Reply
from hwgen.host.self_test import self_test
from hwgen.plan import plan
from hwgen.plan.loads import loads, row_bytes
from hwgen.random_networks import with_random_weights
from hwgen.sim.virtual_board import virtual_board
from hwgen.topology import ConvolutionBlock, Topology

BUILD = Path("build/rtl_tests")
SMALL = Topology(
    image_shape=(1, 8, 8), convolutions=(ConvolutionBlock(channels=8, kernel=3, padding=1, pool=2),), dense=(12, 5)
)


def network(seed, bits, topology=SMALL):
    return with_random_weights(topology, f"random_{seed}", seed=seed, activation_bits=bits)


@pytest.mark.parametrize("name, bits", [("icebreaker", 1), ("icebreaker", 3), ("ulx3s_12f", 2)])
def test_one_network_after_the_other(name, bits):
    board = boards.load(name)
    first, second = network(1, bits), network(2, bits)
    plans = [plan(one, board, 4, 8, 1, loadable=True) for one in (first, second)]
    assert structure(plans[0]) == structure(plans[1])
    images = np.random.default_rng(3).integers(0, 256, (4, 8, 8, 1), np.uint8)
    answers = [golden.run(one, images, keep=False).logits.tolist() for one in (first, second)]
    assert answers[0] != answers[1]
    with virtual_board(plans[0], board, BUILD) as virtual, Device.open(virtual.port) as device:
        device.check_model(first.digest)
        assert device.identity.structure == structure(plans[0])
        assert [result.logits for result in device.classify_all(images)] == answers[0]
        for one, planned, expected in ((second, plans[1], answers[1]), (first, plans[0], answers[0])):
            tables = [load.rows for load in loads(planned)]
            rows = list(device.load(tables, row_bytes(planned), csr.model_word(one.digest)))
            assert rows[-1] == sum(map(len, tables)) + 2
            device.check_model(one.digest)
            self_test(device, one)
            assert [result.logits for result in device.classify_all(images)] == expected
            with pytest.raises(BuildError, match="self-test failed: the board at .* gives class"):
                self_test(device, first if one is second else second)
        # Where it breaks off, the board holds no model.
        for done in device.load(tables, row_bytes(planned), 1):
            if done == 5:
                break
        assert device.registers()[csr.Register.MODEL] == 0


def test_a_row_that_comes_while_a_result_is_sent_waits():
    """A host that loads without a reset before: the results of both images are the first network's, whole."""
    board, first = boards.load("icebreaker"), network(1, 1)
    planned = plan(first, board, 4, 8, 1, loadable=True)
    images = np.random.default_rng(4).integers(0, 256, (2, 8, 8, 1), np.uint8)
    expected = golden.run(first, images, keep=False).logits.tolist()
    size = row_bytes(planned)
    with virtual_board(planned, board, BUILD) as virtual, Device.open(virtual.port) as device:
        for number, load in enumerate(loads(planned)):
            for address, row in enumerate(load.rows[-3:], len(load.rows) - 3):
                device.reset()
                frame = frames.command_frame
                image = protocol.command(1, Command.IMAGE, images[0].tobytes())
                wrong = protocol.load_row(number, address, row ^ (1 << load.width) - 1, size)
                device.line.write(frame(image) + frame(protocol.command(2, Command.LOAD, wrong)))
                answer = device._receive(time.monotonic() + 20)
                assert (answer.code, answer.numbers["logits"]) == (Reply.RESULT, expected[0])
                assert device._receive(time.monotonic() + 20).code == Reply.DONE
                list(device.load([load.rows for load in loads(planned)], size, csr.model_word(first.digest)))


def test_hardware_of_other_layers_differs():
    board = boards.load("icebreaker")
    wider = Topology(image_shape=(1, 8, 8), convolutions=SMALL.convolutions, dense=(13, 5))
    plans = [
        plan(network(1, 1), board, 4, 8, 1, loadable=True),
        plan(network(1, 1, wider), board, 4, 8, 1, loadable=True),
        plan(network(1, 2), board, 4, 8, 1, loadable=True),
        plan(network(1, 1), board, 8, 8, 1, loadable=True),
    ]
    assert len({structure(planned) for planned in plans}) == len(plans)
    assert structure(plan(network(1, 1), board, 4, 8, 1)) == 0


def test_command(tmp_path, capsys):
    board = boards.load("icebreaker")
    first, second = network(1, 1), network(2, 1)
    other = network(1, 1, Topology(image_shape=(1, 8, 8), convolutions=SMALL.convolutions, dense=(13, 5)))
    for one, name in ((second, "second"), (other, "other")):
        storage.save(one, tmp_path / f"{name}.npz")
    with virtual_board(plan(first, board, 4, 8, 1, loadable=True), board, BUILD) as virtual:
        arguments = ["--board", "icebreaker", "--port", virtual.port]
        assert cli.main(["load", str(tmp_path / "other.npz"), *arguments]) == 2
        assert "has not the layers for which the hardware" in capsys.readouterr().err
        assert cli.main(["load", str(tmp_path / "second.npz"), *arguments]) == 0
        assert "its result for its test image is golden's" in capsys.readouterr().out
        with Device.open(virtual.port) as device:
            device.check_model(second.digest)
    with virtual_board(plan(first, board, 4, 8, 1, loadable=True, cells="generic"), board, BUILD) as virtual:
        assert cli.main(["load", str(tmp_path / "second.npz"), "--board", "icebreaker", "--port", virtual.port]) == 0
    with virtual_board(plan(first, board, 4, 8, 1), board, BUILD) as virtual:
        assert cli.main(["load", str(tmp_path / "second.npz"), "--board", "icebreaker", "--port", virtual.port]) == 2
        assert "takes no other network; build it with --loadable" in capsys.readouterr().err
