import json
import os

import numpy as np
import pytest

from hwgen import golden, models, random_networks, storage
from hwgen.errors import InputError
from hwgen.integers import BIPOLAR, unsigned
from hwgen.layers import Convolution, Dense, Threshold
from hwgen.topology import CNV, READY, TFC, Topology
from tests.helpers.networks import WEIGHT_BITS, random_network


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """An empty zoo."""
    monkeypatch.setattr(models, "folder", lambda: tmp_path)
    return tmp_path


def test_a_model_is_a_folder_with_a_network(zoo):
    network = random_network(np.random.default_rng(0))
    (zoo / "mine").mkdir()
    (zoo / "no_network").mkdir()
    storage.save(network, zoo / "mine" / "network.npz")
    assert models.names() == ("cnv_random", "mine")
    assert models.load("mine").network.digest == network.digest and models.load("mine").card == {}
    (zoo / "mine" / "card.json").write_text(json.dumps({"accuracy": 0.5}))
    assert models.load("mine").card == {"accuracy": 0.5}
    assert models.load(str(zoo / "mine" / "network.npz")).network.digest == network.digest


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", "[" * 100000])
def test_a_wrong_card_is_refused(zoo, text):
    (zoo / "mine").mkdir()
    (zoo / "mine" / "card.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="card.json: "):
        models.card("mine")


def test_the_folder_of_an_installed_hwgen_goes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "__file__", str(tmp_path / "hwgen" / "models.py"))
    assert models.folder() == tmp_path / "models"
    (tmp_path / "hwgen" / "_models").mkdir(parents=True)
    assert models.folder() == tmp_path / "hwgen" / "_models"


def test_cnv_has_the_known_size():
    network = random_networks.cnv()
    counts = [network.macs(i) for i, layer in enumerate(network.layers) if network.macs(i)]
    assert counts[0] == 1_555_200 and sum(counts[1:]) == 57_906_176
    assert network.weight_bits == 1_542_848
    assert [t.shape for t in network.tensors][-10:-8] == [(256, 3, 3), (256, 1, 1)]


def test_the_same_seed_gives_the_same_network():
    digests = {random_networks.cnv(seed, bits).digest for seed in (0, 1) for bits in (1, 2)}
    assert len(digests) == 4
    assert (
        random_networks.cnv().digest
        == random_networks.RANDOM["cnv_random"]().digest
        == models.load("cnv_random").network.digest
    )


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("input_bits, topology", [(8, CNV), (1, TFC)])
def test_no_layer_goes_constant(input_bits, topology, bits):
    network = random_networks.with_random_weights(topology, "n", activation_bits=bits, input_bits=input_bits)
    rng = np.random.default_rng(0)
    channels, height, width = network.image_shape
    images = rng.integers(0, 256, size=(40, height, width, channels), dtype=np.uint8)
    result = golden.run(network, images)
    levels = 0
    for layer, output in zip(network.layers, result.outputs, strict=True):
        if isinstance(layer, Threshold):
            assert layer.output == (BIPOLAR if bits == 1 else unsigned(bits))
            _, counts = np.unique(output, return_counts=True)
            assert len(counts) == 1 << bits
            assert counts.min() / output.size > 0.3 / len(counts)
            levels += len(counts)
    assert levels == (1 << bits) * sum(isinstance(layer, Threshold) for layer in network.layers) > 0
    assert len(np.unique(result.classes)) > 2


@pytest.mark.parametrize("name", [name for name, ready in READY.items() if isinstance(ready, Topology)])
def test_random_weights_in_every_chain(name):
    """Torch's networks of the same topologies have the same shapes: tests/training/test_methods.py."""
    topology = READY[name]
    assert isinstance(topology, Topology)
    network = random_networks.with_random_weights(topology, name)
    dense = [len(layer.weights) for layer in network.layers if isinstance(layer, Dense)]
    convolutions = [layer for layer in network.layers if isinstance(layer, Convolution)]
    assert dense == [*topology.dense] and len(convolutions) == len(topology.convolutions)
    assert network.weight_bits == WEIGHT_BITS[name]


def test_paths_that_are_no_files(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    os.mkfifo(tmp_path / "pipe.npz")
    for name, words in {
        "folder.onnx": r"folder.onnx: it is no regular file \(near: other.onnx\)",
        "pipe.npz": "pipe.npz: it is no regular file",
        "x" * 300 + ".onnx": r"it cannot be looked at \(File name too long\)",
    }.items():
        (tmp_path / "other.onnx").touch()
        with pytest.raises(InputError, match=words) as error:
            models.load(str(tmp_path / name))
        assert f"near: {name}" not in str(error.value)
