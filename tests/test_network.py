import numpy as np
import pytest

from hwgen.errors import InputError
from hwgen.integers import BIPOLAR, Range, signed, unsigned
from hwgen.layers import Argmax, Convolution, Dense, Flatten, Lookup, Threshold
from hwgen.network import Network, NetworkError
from tests.helpers.networks import random_network

LAYERS = (
    Convolution(weights=np.ones((4, 1, 3, 3)), name="conv"),
    Threshold(thresholds=np.zeros((4, 1)), output=BIPOLAR),
    Flatten(order="CHW"),
    Dense(weights=np.ones((3, 16))),
    Argmax(),
)


def network(layers=LAYERS, shape=(1, 4, 4), **options):
    return Network(image_shape=shape, layers=layers, **options)


def test_shapes_ranges_and_types_of_everything_that_flows():
    tensors = network().tensors
    assert [t.shape for t in tensors] == [(1, 4, 4), (4, 2, 2), (4, 2, 2), (16, 1, 1), (3, 1, 1), (1, 1, 1)]
    assert [str(t.type) if t.type else None for t in tensors] == ["U8", None, "B1", "B1", None, None]
    assert tensors[1].range == Range(0, 9 * 255)
    assert tensors[4].range == Range(-16, 16) == network().logits.range
    assert tensors[5].range == Range(0, 2)


def test_work_and_weights():
    found = network()
    assert [found.macs(i) for i in range(5)] == [4 * 9 * 4, 0, 0, 48, 0]
    assert found.weight_bits == 36 + 48


LOOKUP = Lookup(table=np.arange(256)[None], output=unsigned(8))
BAD_NETWORKS = [
    (lambda: network(LAYERS[:-1]), "a network ends in an Argmax over its logits; append one"),
    (lambda: network(()), r"a network has 1\.\.1000 layers, not 0"),
    (lambda: network((*LAYERS, Argmax())), "an Argmax is the last layer and stands nowhere else"),
    (lambda: network((Flatten(order="CHW"), Argmax())), "at least one Convolution or Dense layer"),
    (lambda: network((LAYERS[0], LOOKUP, *LAYERS[1:])), r"layer 1 \(Lookup\): a Lookup maps pixels"),
    (lambda: network((LAYERS[0], *LAYERS[2:])), r"layer 2 \(Dense\): its input is an accumulator; put a Threshold"),
    (lambda: network(shape=(1, 2, 4)), r"layer 0 \(Convolution 'conv'\): a 3x3 window is larger"),
    (lambda: network(shape=(1, 4, 5)), r"layer 3 \(Dense\): its weights take 16 inputs, its input has 24"),
    (lambda: network(shape=(1, 4)), "image_shape is"),
    (lambda: network(shape=(1, 0, 4)), "image_shape is"),
    (lambda: network(shape=(10**9, 1, 1)), "image_shape is"),
    (lambda: network(shape=(1, 65536, 65536)), "image_shape is"),
    (lambda: network(image_type=signed(8)), "pixels are unsigned integers of at most 8 bits, not S8"),
    (lambda: network(image_type=unsigned(9)), "pixels are unsigned integers of at most 8 bits, not U9"),
    (lambda: network(classes=("a", "b")), "2 class labels for 3 logits"),
    (
        lambda: network((Convolution(weights=np.ones((4096, 1, 1, 1))), *LAYERS[1:]), shape=(1, 4096, 4096)),
        r"layer 0 \(Convolution\): its output .* has over 268435456 elements",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD_NETWORKS, ids=[m for _, m in BAD_NETWORKS])
def test_what_does_not_hold_together_is_refused_at_once(make, message):
    with pytest.raises(NetworkError, match=message) as caught:
        make()
    assert isinstance(caught.value, InputError)
    assert "\n" not in str(caught.value)


def test_the_digest_is_that_of_the_arithmetic():
    same = [network(), network(name="other", classes=("a", "b", "c")), network((*LAYERS[:4], Argmax(name="x")))]
    assert len({n.digest for n in same}) == 1
    flipped = np.ones((4, 1, 3, 3))
    flipped[3, 0, 2, 2] = -1
    different = [
        network(),
        network((Convolution(weights=flipped), *LAYERS[1:])),
        network((Convolution(weights=np.ones((4, 1, 3, 3)), border=1), *LAYERS[1:])),
        network((*LAYERS[:2], Flatten(order="HWC"), *LAYERS[3:])),
        network((LAYERS[0], Threshold(thresholds=np.ones((4, 1)), output=BIPOLAR), *LAYERS[2:])),
        network((LAYERS[0], Threshold(thresholds=np.zeros((4, 1)), output=unsigned(1)), *LAYERS[2:])),
        network(image_type=unsigned(7)),
    ]
    assert len({n.digest for n in different}) == len(different) == 7
    random = {random_network(np.random.default_rng(seed)).digest for seed in range(30)}
    assert len(random) == 30
