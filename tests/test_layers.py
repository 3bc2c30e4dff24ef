from itertools import product

import numpy as np
import pytest

from hwgen import golden
from hwgen.integers import BIPOLAR, PIXEL, Range, signed, unsigned
from hwgen.layers import (
    LAYERS,
    Argmax,
    Convolution,
    Dense,
    Flatten,
    Lookup,
    MaxPool,
    ScaleBias,
    SumPool,
    Tensor,
    Threshold,
)
from tests.helpers.networks import signs

ONES = np.ones((2, 3, 3, 3), int)


def activation(*shape, type=BIPOLAR):
    return Tensor.activation(shape, type)


BAD_FIELDS = [
    (lambda: Convolution(weights=ONES * 0), "weights are -1 or .1, not 0"),
    (lambda: Convolution(weights=ONES * 3), "weights are -1 or .1, not 3"),
    (lambda: Convolution(weights=ONES * 257), "weights are -1 or .1, not 257"),
    (lambda: Convolution(weights=ONES * 0.5), "weights holds a value that is no integer"),
    (lambda: Convolution(weights=ONES * np.nan), "weights holds a value that is no integer"),
    (lambda: Convolution(weights=ONES * np.float32(3e38)), r"weights holds a value beyond \+-2\^40"),
    (lambda: Convolution(weights=ONES[0]), "weights has 4 axes, not 3"),
    (lambda: Convolution(weights=ONES[:0]), r"weights has 1\.\.268435456 elements, not 0"),
    (lambda: Convolution(weights=[["x"]]), "weights is an array of integers, not of <U1"),
    (lambda: Convolution(weights=ONES, stride=(0, 1)), r"stride is 1\.\.65536, not 0"),
    (lambda: Convolution(weights=ONES, stride=1), "stride is 2 integers, not 1"),
    (lambda: Convolution(weights=ONES, stride=(1, 1, 1)), "stride is 2 integers, not 3"),
    (lambda: Convolution(weights=ONES, padding=(1, 1, 1, -1)), r"padding is 0\.\.255, not -1"),
    (lambda: Convolution(weights=ONES, padding=(1, 1)), "padding is 4 integers, not 2"),
    (lambda: Convolution(weights=ONES, border=2), r"border is -1\.\.1, not 2"),
    (lambda: Convolution(weights=ONES, border=0.5), r"border is an integer, not 0\.5"),
    (lambda: Convolution(weights=ONES, name="n" * 201), "a layer's name is a string of at most 200 characters"),
    (lambda: Dense(weights=ONES), "weights has 2 axes, not 4"),
    (lambda: MaxPool(window=(2, 2), stride=(2, 2), padding=(2, 0, 0, 0)), "is not less than the window"),
    (lambda: MaxPool(window=(2, 2), stride=(2, 2), minimum=np.zeros((2, 2), bool)), "minimum is one boolean"),
    (lambda: SumPool(window=(0, 2), stride=(2, 2)), r"window is 1\.\.65536, not 0"),
    (lambda: Threshold(thresholds=[[2, 1]], output=unsigned(2)), "thresholds ascend along each channel's row"),
    (lambda: Threshold(thresholds=[[0, 1]], output=BIPOLAR), "B1 has at most 1 thresholds, not 2"),
    (lambda: Threshold(thresholds=[[0]], output=unsigned(13)), r"a Threshold's output has 1\.\.12 bits, not 13"),
    (lambda: Threshold(thresholds=[[1 << 41]], output=BIPOLAR), r"thresholds holds a value beyond \+-2\^40"),
    (lambda: ScaleBias(multiplier=[1], bias=[1, 2], shift=0, output=unsigned(8)), "multiplier has 1 channels, bias 2"),
    (lambda: ScaleBias(multiplier=[1], bias=[1], shift=41, output=unsigned(8)), r"shift is 0\.\.40, not 41"),
    (lambda: ScaleBias(multiplier=[1], bias=[1], shift=0, output=BIPOLAR), "use a Threshold for bipolar ones"),
    (lambda: Lookup(table=np.zeros((1, 256)), output=BIPOLAR), "table value 0 is no value of B1"),
    (lambda: Lookup(table=np.full((1, 256), 16), output=unsigned(4)), "table value 16 is no value of U4"),
    (lambda: Flatten(order="WHC"), "order is 'CHW' or 'HWC', not 'WHC'"),
]


@pytest.mark.parametrize(("make", "message"), BAD_FIELDS, ids=[m for _, m in BAD_FIELDS])
def test_wrong_fields_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


BAD_INPUTS = [
    (Convolution(weights=ONES), Tensor((3, 5, 5), Range(0, 9), None), "its input is an accumulator; put a Threshold"),
    (
        Convolution(weights=ONES),
        activation(3, 5, 5, type=unsigned(13)),
        r"its input has 13 bits; the array takes 1\.\.",
    ),
    (Convolution(weights=ONES), activation(4, 5, 5), "its weights take 3 input channels, its input has 4"),
    (Convolution(weights=ONES), activation(3, 2, 5), "a 3x3 window is larger than its 2x5 padded input"),
    (Dense(weights=np.ones((2, 12))), activation(3, 2, 2), r"put a Flatten before it"),
    (Dense(weights=np.ones((2, 3))), activation(4, 1, 1), "its weights take 3 inputs, its input has 4"),
    (MaxPool(window=(3, 3), stride=(1, 1)), activation(1, 2, 2), "a 3x3 window is larger"),
    (
        MaxPool(window=(1, 1), stride=(1, 1), minimum=np.ones(3, bool)),
        activation(1, 2, 2),
        "minimum has 3 channels, its input 1",
    ),
    (Threshold(thresholds=[[1]], output=BIPOLAR), activation(2, 1, 1), "thresholds of 1 channels, its input has 2"),
    (
        ScaleBias(multiplier=[1], bias=[0], shift=0, output=unsigned(8)),
        activation(2, 1, 1),
        "it has 1 channels, its input 2",
    ),
    (
        ScaleBias(multiplier=[1 << 40], bias=[0], shift=0, output=unsigned(8)),
        Tensor((1, 1, 1), Range(-(1 << 22), 0), None),
        "does not fit in 63 bits; take smaller constants",
    ),
    (Lookup(table=np.zeros((1, 256)), output=unsigned(8)), activation(1, 2, 2), "it takes unsigned pixels"),
    (Lookup(table=np.zeros((1, 16)), output=unsigned(8)), activation(1, 2, 2, type=PIXEL), "needs 256 entries, not 16"),
    (Lookup(table=np.zeros((2, 256)), output=unsigned(8)), activation(3, 2, 2, type=PIXEL), "it has 2 channels"),
    (Argmax(), activation(3, 2, 1), "it takes a flat vector"),
]


@pytest.mark.parametrize(("layer", "tensor", "message"), BAD_INPUTS, ids=[m for *_, m in BAD_INPUTS])
def test_wrong_inputs_are_refused(layer, tensor, message):
    with pytest.raises(ValueError, match=message):
        layer.apply(tensor)


def test_ranges_of_sums_are_reached_and_never_passed():
    """Bounds by trying every input of small layers; with a border, the range may be wider, never narrower."""
    tried = 0
    rng = np.random.default_rng(5)
    for type, border, padding in product((BIPOLAR, unsigned(2), signed(2)), (-1, 0, 1), ((0, 0, 0, 0), (1, 0, 0, 1))):
        weights = signs(rng, 2, 1, 2, 2)
        layer = Convolution(weights=weights, padding=padding, border=border)
        tensor = activation(1, 2, 2, type=type)
        values = [type.minimum + type.step * code for code in range(1 << type.bits)]
        images = np.array(list(product(values, repeat=4))).reshape(-1, 1, 2, 2)
        output = golden.evaluate(layer, tensor, images)
        bounds = layer.apply(tensor).range
        assert bounds.minimum <= output.min() and output.max() <= bounds.maximum
        if not any(padding):
            assert (bounds.minimum, bounds.maximum) == (output.min(), output.max())
        tried += len(images)
    assert tried == 6 * (2**4 + 4**4 + 4**4)


def test_types_of_sum_pools_hold_their_sums():
    for type in (BIPOLAR, unsigned(1), unsigned(4), signed(3)):
        for window in ((1, 1), (2, 3), (4, 4)):
            tensor = SumPool(window=window, stride=(1, 1)).apply(activation(1, 4, 4, type=type))
            area = window[0] * window[1]
            assert tensor.type is not None
            assert (tensor.range.minimum, tensor.range.maximum) == (type.minimum * area, type.maximum * area)
            assert tensor.type.minimum <= tensor.range.minimum and tensor.range.maximum <= tensor.type.maximum
            assert tensor.type == type if area == 1 else True


def test_a_scale_is_a_staircase():
    values = np.arange(-300, 301)
    tensor = Tensor((6, 1, 1), Range(-300, 300), None)
    compared = 0
    for output, shift in product((unsigned(1), unsigned(4), signed(3), signed(9)), (0, 1, 7)):
        layer = ScaleBias(
            multiplier=[3, -3, 0, 0, 1, -100], bias=[5, 5, 300, -300, 0, -999], shift=shift, output=output
        )
        falls, rows = layer.staircase()
        assert rows.shape == (6, (1 << output.bits) - 1) and (np.diff(rows, axis=1) >= 0).all()
        found = golden.evaluate(layer, tensor, np.tile(values[:, None, None, None], (1, 6, 1, 1)))[:, :, 0, 0]
        for channel, row in enumerate(rows):
            rising = -values if falls[channel] else values
            assert (output.minimum + (rising[:, None] >= row).sum(axis=1) == found[:, channel]).all()
            compared += 1
    assert compared == 4 * 3 * 6


def test_arrays_are_read_only_and_independent():
    weights = np.ones((2, 3))
    layer = Dense(weights=weights)
    weights[:] = -1
    assert (layer.weights == 1).all() and layer.weights.dtype == np.int8
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = -1
    narrow = np.ones((2, 3), np.int8)
    layer = Dense(weights=narrow)
    narrow[:] = -1
    assert (layer.weights == 1).all()
    with pytest.raises(AttributeError):
        layer.weights = narrow


def test_a_layer_shows_itself_in_a_line():
    assert repr(Convolution(weights=ONES, name="c")) == (
        "Convolution(name=c, weights=<2x3x3x3>, stride=(1, 1), padding=(0, 0, 0, 0), border=0)"
    )
    assert len(LAYERS) == 9
