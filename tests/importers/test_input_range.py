"""What a graph is taken to read for a pixel, and that a message says so."""

import numpy as np
import pytest
from onnx import TensorProto

from hwgen.errors import InputError
from hwgen.importers import load
from hwgen.importers.onnx import from_model
from hwgen.importers.pixels import InputRange
from hwgen.integers import unsigned
from hwgen.layers import Lookup

from .graphs import GraphBuilder

F = np.float32


def plain(g):
    return g


def annotated(g):
    g.datatypes["image"] = "UINT8"
    return g


CASES = {
    "nothing": (plain, "pixels/255 (0..1)"),
    "one_bit": (lambda g: g.node("Mul", F(2)).node("Sub", F(1)).bipolar(), "pixels/255 (0..1)"),
    "two_bits_of_scale_1": (lambda g: g.quant(2, 1.0), "pixels/255 (0..1)"),
    "eight_bits_of_scale_1": (lambda g: g.quant(8, 1.0), "raw pixels 0..255, as its first quantizer"),
    "eight_bits_of_scale_1/255": (lambda g: g.quant(8, 1 / 255), "pixels/255 (0..1)"),
    "mean_of_raw": (lambda g: g.node("Sub", F(127.5)), "raw pixels 0..255, as its first constants (127.5)"),
    "divided": (lambda g: g.node("Div", F(255)), "raw pixels 0..255, as its first constants (255)"),
    "multiplied": (lambda g: g.node("Mul", F(1 / 255)), "raw pixels 0..255"),
    "made_raw": (lambda g: g.node("Mul", F(255)).node("Sub", F(100)), "pixels/255 (0..1)"),
    "mean_of_one": (lambda g: g.node("Sub", F(0.5)).node("Div", F(0.25)), "pixels/255 (0..1)"),
    "annotated": (annotated, "raw pixels 0..255, as its input is declared"),
    "thresholds": (lambda g: g.node("MultiThreshold", F([[60, 120, 180]]), out_dtype="UINT2"), "raw pixels 0..255"),
}


@pytest.mark.parametrize("name", CASES)
def test_auto(name):
    build, words = CASES[name]
    graph = build(GraphBuilder((1, 6, 6))).conv(4, 3).bipolar().flat().dense(64, 5)
    _, messages = from_model(graph.model(), InputRange())
    assert len(messages) == 1 and words in messages[0] and "--input-range" in messages[0]


def test_declared_as_bytes():
    model = GraphBuilder((1, 6, 6)).node("Cast", to=1).conv(4, 3).bipolar().flat().dense(64, 5).model()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    _, messages = from_model(model, InputRange())
    assert "declared as 8-bit integers" in messages[0]


@pytest.mark.parametrize("declared, bits", [("UINT8", 8), ("UINT4", 4), ("UINT2", 2), ("UINT1", 1), ("BINARY", 1)])
def test_declared_with_fewer_bits(declared, bits):
    graph = GraphBuilder((1, 6, 6)).quant(bits, 1.0).conv(4, 3).bipolar().flat().dense(64, 5)
    graph.datatypes["image"] = declared
    network, messages = from_model(graph.model(), InputRange())
    assert network.image_type == unsigned(bits) and f"declared as {bits}-bit integers" in messages[0]
    assert not any(isinstance(layer, Lookup) for layer in network.layers)


@pytest.mark.parametrize("declared", ["INT8", "UINT9", "UINT16", "BIPOLAR", "FLOAT32", ""])
def test_declared_as_something_else(declared):
    graph = GraphBuilder((1, 6, 6)).conv(4, 3).bipolar().flat().dense(64, 5)
    graph.datatypes["image"] = declared
    network, messages = from_model(graph.model(), InputRange())
    assert network.image_type == unsigned(8) and "pixels/255" in messages[0]


@pytest.mark.parametrize(
    "layout, shape", [("['N', 'C', 'H', 'W']", (4, 8, 3)), (None, (3, 4, 8)), ("['N']", (3, 4, 8))]
)
def test_declared_layout(layout, shape):
    """Three columns look like the channels of an image, unless the file says what they are."""
    graph = GraphBuilder((4, 8, 3)).node("Flatten").bipolar().dense(96, 5)
    model = graph.model()
    if layout:
        note = model.graph.quantization_annotation.add(tensor_name="image")
        note.quant_parameter_tensor_names.add(key="tensor_layout", value=layout)
    assert from_model(model, InputRange())[0].image_shape == shape


@pytest.mark.parametrize(
    "range_, mean, std, first, last",
    [
        ("0..255", None, None, 0, 255),
        ("0..1", None, None, 0, 1),
        ("-1..1", None, None, -1, 1),
        ("auto", (0.5,), (0.25,), -2, 2),
        ("0..255", (127.0,), (2.0,), -64, 64),
        ("auto", (0.2,), None, 0, 1),
        ("auto", (127.0,), (2.0,), -64, 64),
    ],
)
def test_options(range_, mean, std, first, last):
    """A quantizer of scale 1 shows what it reads for black and for white."""
    graph = GraphBuilder((1, 6, 6)).quant(10, 1.0, signed=1).conv(4, 3).bipolar().flat().dense(64, 5)
    network, messages = from_model(graph.model(), InputRange(range_, mean, std))
    layer = network.layers[0]
    if range_ == "0..255" and mean is None:
        assert not isinstance(layer, Lookup) or layer.table[0, [0, 255]].tolist() == [first, last]
    else:
        assert isinstance(layer, Lookup) and layer.table[0, [0, 255]].tolist() == [first, last]
    assert messages[0].startswith("input: the network reads")


@pytest.mark.parametrize("mean", [(0.5, 0.5), (0.1, 0.2, 0.3)])
def test_a_flat_input_has_one_channel(mean):
    graph = GraphBuilder((1, 6, 6)).flat().dense(36, 5)
    with pytest.raises(InputError, match=f"--input-mean has {len(mean)} values, and the image has 1 channel; give one"):
        from_model(graph.model(), InputRange("auto", mean))


@pytest.mark.parametrize(
    "mean, std, option",
    [
        (None, (1e-320,), "--input-std 1e-320"),
        (None, (1e-39,), "--input-std 1e-39"),
        (None, (1e308,), r"--input-std 1e\+308"),
        ((1e308,), None, r"--input-mean 1e\+308"),
        ((1e30,), None, r"--input-mean 1e\+30"),
        ((0.5,), (1e300,), r"--input-mean 0.5 and --input-std 1e\+300"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_pixels_that_are_no_numbers(mean, std, option, tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(GraphBuilder((1, 6, 6)).flat().dense(36, 5).model().SerializeToString())
    with pytest.raises(InputError, match=f"^x.onnx: with {option} .* float32"):
        load(path, input_mean=mean, input_std=std)
