"""The forms that layers take in QONNX, their types and names, what is refused, and how files are written."""

import itertools
from dataclasses import replace

import numpy as np
import onnx
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from hwgen import models
from hwgen.errors import InputError
from hwgen.exporters import qonnx
from hwgen.importers.onnx import from_model
from hwgen.importers.pixels import InputRange
from hwgen.integers import BIPOLAR, PIXEL, signed, unsigned
from hwgen.layers import (
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
from hwgen.network import Network
from tests.helpers.executor import compare_layers, imported_again
from tests.helpers.networks import random_images, signs

RNG = np.random.default_rng(7)
SHAPE = (3, 6, 5)


def network(*layers, shape=SHAPE, type=PIXEL, order="CHW") -> Network:
    """A network of `layers`, a Flatten and a Dense of four logits."""
    tensor = Tensor.activation(shape, type)
    for layer in layers:
        tensor = layer.apply(tensor)
    end = Dense(weights=signs(RNG, 4, int(np.prod(tensor.shape))), name="end")
    return Network(image_shape=shape, image_type=type, layers=(*layers, Flatten(order=order), end, Argmax()))


def threshold(output, channels=4, extent=9) -> Threshold:
    rows = RNG.integers(-extent, extent + 1, size=(channels, (1 << output.bits) - 1))
    return Threshold(thresholds=np.sort(rows, axis=1), output=output)


def convolution(inputs=3, outputs=4, **options) -> Convolution:
    return Convolution(weights=signs(RNG, outputs, inputs, 3, 3), **options)


def lookup(output, rows=1, rising=True) -> Lookup:
    """A table in which every value of the type occurs, the ends at least."""
    codes = RNG.integers(0, 1 << output.bits, size=(rows, 256))
    codes[:, :2] = 0, (1 << output.bits) - 1
    return Lookup(table=output.minimum + output.step * (np.sort(codes, axis=1) if rising else codes), output=output)


def scale(output, *, factor=5, shift=3, channels=4) -> ScaleBias:
    multiplier = RNG.integers(-factor, factor + 1, size=channels)
    multiplier[:3] = factor, -factor, 0
    bias = RNG.integers(-9 * factor, 9 * factor + 1, size=channels)
    return ScaleBias(multiplier=multiplier, bias=bias | 1, shift=shift, output=output)


def scaled_logits(output, input=BIPOLAR, **options) -> Network:
    whole = network(lookup(input))
    return replace(whole, layers=(*whole.layers[:-1], scale(output, **options), Argmax()))


SAME = {  # networks that come back as they were
    **{
        f"border {border:+d} of {type}": network(
            lookup(type), convolution(padding=(1, 0, 2, 1), border=border), threshold(BIPOLAR)
        )
        for type, border in itertools.product((BIPOLAR, unsigned(1), unsigned(3), signed(2), signed(12)), (-1, 0, 1))
    },
    **{
        f"border {border:+d} of pixels": network(convolution(padding=(2, 2, 2, 2), border=border), threshold(BIPOLAR))
        for border in (-1, 0, 1)
    },
    **{
        f"activation {type}": network(lookup(BIPOLAR), convolution(), threshold(type))
        for type in (BIPOLAR, unsigned(1), unsigned(2), unsigned(12), signed(2), signed(5))
    },
    "strides": network(lookup(signed(3)), convolution(stride=(3, 2), padding=(3, 0, 0, 4)), threshold(BIPOLAR)),
    "pool of sums": network(
        lookup(BIPOLAR),
        convolution(),
        MaxPool(window=(2, 3), stride=(1, 2), minimum=[1, 0, 0, 1]),
        threshold(unsigned(2)),
    ),
    "pool of bipolar values": network(
        lookup(BIPOLAR), MaxPool(window=(2, 2), stride=(1, 2), padding=(1, 0, 0, 1), minimum=[1, 0, 1])
    ),
    "pool of signed values": network(
        lookup(signed(4), 3), MaxPool(window=(3, 2), stride=(2, 2), padding=(1, 1, 2, 0), minimum=[0, 1, 0])
    ),
    "pool of pixels": network(MaxPool(window=(2, 2), stride=(2, 2), minimum=[0, 0, 1])),
    "sums of activations": network(
        lookup(unsigned(3)), SumPool(window=(2, 3), stride=(1, 2)), convolution(), threshold(BIPOLAR), shape=(3, 8, 9)
    ),
    "sums of one channel": network(lookup(signed(3)), SumPool(window=(3, 3), stride=(2, 2)), shape=(1, 9, 7)),
    "sums of sums": network(
        lookup(BIPOLAR), convolution(), SumPool(window=(2, 2), stride=(1, 1)), threshold(signed(3))
    ),
    "rows first": network(lookup(unsigned(2), 3), order="CHW"),
    "channels first": network(lookup(unsigned(2), 3), order="HWC"),
    "table that rises": network(lookup(unsigned(6))),
    "table that rises in each channel": network(lookup(signed(7), 3)),
    "table": network(lookup(unsigned(6), rising=False)),
    "table of each channel": network(lookup(signed(7), 3, rising=False)),
    "table of -1 and +1": network(lookup(BIPOLAR, rising=False)),
    "one channel with a border": network(
        lookup(BIPOLAR),
        Convolution(weights=[[[[1, 1]]]], padding=(0, 1, 0, 0), border=1),
        Threshold(thresholds=[[1]], output=BIPOLAR),
        shape=(1, 6, 6),
    ),
    "image of three columns": network(lookup(BIPOLAR), shape=(5, 4, 3)),
    "pixels of one bit": network(convolution(border=1, padding=(1, 1, 1, 1)), threshold(BIPOLAR), type=unsigned(1)),
    "pixels of four bits": network(convolution(), threshold(unsigned(2)), type=unsigned(4)),
    "short rows of a signed type": network(
        lookup(BIPOLAR), convolution(), Threshold(thresholds=[[-1, 2]] * 4, output=signed(5))
    ),
    "convolution to one pixel": Network(
        image_shape=SHAPE, layers=(lookup(BIPOLAR), Convolution(weights=signs(RNG, 4, 3, 6, 5)), Argmax())
    ),
    "one pixel": Network(image_shape=(4, 1, 1), layers=(Dense(weights=signs(RNG, 3, 4)), Argmax())),
    "wide scale before a threshold": network(
        lookup(BIPOLAR), convolution(), scale(signed(20), factor=9_999), threshold(signed(3), extent=9_999)
    ),
    "logits of 16 bits": scaled_logits(signed(16), factor=999, shift=3),
    "logits of 16 bits that saturate": scaled_logits(signed(16), factor=99_999, shift=3),
    "logits just below what float32 holds": Network(
        image_shape=(2, 1, 1),
        layers=(
            lookup(signed(2)),
            Dense(weights=[[1, 1], [1, -1]]),
            ScaleBias(multiplier=[(1 << 22) - 1, 5], bias=[3, (1 << 24) - 21], shift=2, output=signed(30)),
            Argmax(),
        ),
    ),
    "logits of 13 unsigned bits": scaled_logits(unsigned(13), factor=9_999),
}
OTHERS = {  # networks that come back in another form
    "short rows": network(lookup(BIPOLAR), convolution(), Threshold(thresholds=[[-1, 2]] * 4, output=unsigned(5))),
    "thresholds on pixels": network(threshold(unsigned(2), 3), type=unsigned(4)),
    "thresholds out of reach": network(
        convolution(), Threshold(thresholds=[[-(1 << 40), 0, 1 << 40]] * 4, output=unsigned(2))
    ),
    "scale to unsigned": network(lookup(BIPOLAR), convolution(), scale(unsigned(3))),
    "scale to signed": network(
        lookup(signed(4)), convolution(), scale(signed(6), shift=0), convolution(4), threshold(BIPOLAR)
    ),
    "scale of pixels": network(scale(signed(6), channels=3)),
    "scale in thresholds": network(lookup(signed(4)), convolution(), scale(signed(6), factor=1 << 22, shift=22)),
    "scale of pooled vectors": network(
        lookup(BIPOLAR),
        Flatten(order="HWC"),
        Dense(weights=signs(RNG, 4, 90)),
        MaxPool(window=(1, 1), stride=(1, 1)),
        scale(unsigned(4), factor=1 << 20, shift=16),
        Convolution(weights=signs(RNG, 5, 4, 1, 1)),
        threshold(BIPOLAR, 5),
    ),
    "logits of 8 bits": scaled_logits(signed(8)),
    "logits of 32 bits": scaled_logits(signed(32), factor=999_999),
    "logits of 32 bits, not shifted": scaled_logits(signed(32), factor=999_999, shift=0),
}


@pytest.mark.parametrize("name", [*SAME, *OTHERS])
def test_layers(name):
    net = {**SAME, **OTHERS}[name]
    rng = np.random.default_rng(len(name))
    images = random_images(rng, net, 12)
    images[0], images[1] = 0, net.image_type.maximum
    model = qonnx.to_model(net)
    assert compare_layers(net, model, images).total() == len(net.layers) - 1
    found = imported_again(net, model, images)
    assert (found.digest == net.digest) == (name in SAME)


def test_number_of_cases():
    assert (len(SAME), len(OTHERS)) == (51, 11)


def operators(net) -> list[str]:
    return [node.op_type for node in qonnx.to_model(net).graph.node if node.op_type != "BipolarQuant"][1:-2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("border +0 of B1", ["MultiThreshold", "Conv", "MultiThreshold"]),
        ("border -1 of B1", ["MultiThreshold", "Pad", "Conv", "MultiThreshold"]),
        ("pool of pixels", ["Mul", "MaxPool", "Mul"]),
        ("sums of one channel", ["MultiThreshold", "Conv"]),
        ("rows first", ["MultiThreshold"]),
        ("channels first", ["MultiThreshold", "Transpose"]),
        ("table", ["Cast", "Gather"]),
        ("table of each channel", ["Add", "Cast", "Gather"]),
        ("scale of pixels", ["Mul", "Add", "Quant"]),
        ("scale in thresholds", ["MultiThreshold", "Conv", "Mul", "MultiThreshold"]),
        ("logits of 32 bits", ["MultiThreshold", "Flatten", "MatMul", "Cast", "Mul"]),
    ],
)
def test_operators(name, expected):
    assert operators({**SAME, **OTHERS}[name]) == expected


def test_types_and_texts():
    net = SAME["pool of sums"]
    model = qonnx.to_model(net)
    onnx.checker.check_model(model)
    assert (model.producer_name, model.ir_version) == ("hwgen", 8)
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 11, "qonnx.custom_op.general": 1}
    assert "raw pixels 0..255, not scaled" in model.graph.doc_string
    wrapper = ModelWrapper(model)
    assert [wrapper.get_tensor_datatype(name).name for name in ("image", *qonnx.labels(net))] == [
        "UINT8", "BIPOLAR", "INT6", "INT6", "UINT2", "UINT2", "INT6",
    ]  # fmt: skip
    assert wrapper.get_tensor_layout("image") == ["N", "C", "H", "W"]
    weights = [node.input[1] for node in model.graph.node if node.op_type in ("Conv", "MatMul")]
    assert len(weights) == 2 and all(wrapper.get_tensor_datatype(name).name == "BIPOLAR" for name in weights)
    assert all(wrapper.find_producer(name).op_type == "BipolarQuant" for name in weights)
    assert wrapper.check_all_tensor_shapes_specified()
    assert wrapper.get_tensor_shape(model.graph.output[0].name) == [1, 4]


def test_the_file_alone_says_that_pixels_are_raw():
    """Without any annotation the Quant of the input tells our importer what it reads."""
    for name in ("tfc_w1a1", "cnn_mnist_w1a1", "cnv_random"):
        model = qonnx.to_model(models.load(name).network)
        whole, _ = from_model(model, InputRange())
        del model.graph.quantization_annotation[:]
        found, messages = from_model(model, InputRange())
        assert "raw pixels 0..255, as its first quantizer tells 256 raw pixels apart" in messages[0]
        assert found.digest == whole.digest


def test_labels():
    names = ["a", "", "image", "b\nc", "b", "b", "Dense_6"]
    layers = [Flatten(order="CHW", name=name) for name in names]
    layers += [Dense(weights=signs(RNG, 2, 4), name="\ud800"), Argmax()]
    net = Network(image_shape=(1, 2, 2), layers=layers, name="\ud800")
    assert qonnx.labels(net) == (
        "a", "Flatten_1", "Flatten_2", "Flatten_3", "Flatten_4", "b", "Dense_6", "Dense_7",
    )  # fmt: skip
    layers[1] = Flatten(order="CHW", name="Flatten_2")
    assert qonnx.labels(replace(net, layers=layers))[1:3] == ("Flatten_2", "Flatten_2_")
    assert compare_layers(net, qonnx.to_model(net), random_images(RNG, net, 3)).total() == 8


def test_names_that_helpers_would_take():
    layers = [
        Lookup(table=[[*range(255, -1, -1)]], output=PIXEL, name="x"),
        Flatten(order="CHW", name="x.index"),
        Dense(weights=signs(RNG, 3, 4), name="x.table"),
        Argmax(),
    ]
    net = Network(image_shape=(1, 2, 2), layers=layers)
    assert compare_layers(net, qonnx.to_model(net), random_images(RNG, net, 3)).total() == 3


def dense_of(inputs, weights):
    """The largest sums there are, of 12-bit values."""
    side = 1 << 6
    table = Lookup(table=np.sort(RNG.integers(0, 4096, (1, 256)) | [[4095]], axis=1), output=unsigned(12))
    return Network(
        image_shape=(inputs // side, side, 1),
        layers=(table, Flatten(order="CHW"), Dense(weights=weights, name="sums"), Argmax()),
    )


def test_sums_just_below_what_float32_holds():
    weights = np.ones((2, 4096), int)
    weights[1, ::2] = -1
    net = dense_of(4096, weights)
    assert net.logits.range.maximum == 4096 * 4095
    images = random_images(RNG, net, 6)
    assert compare_layers(net, qonnx.to_model(net), images).total() == 3
    with pytest.raises(InputError, match=r"^layer 2 \(Dense 'sums'\): a sum may reach 17035200, .* use fewer bits"):
        qonnx.to_model(dense_of(4160, np.ones((2, 4160), int)))


def wide(output, **options):
    return network(
        lookup(BIPOLAR), convolution(), scale(output, **options), Threshold(thresholds=[[0]] * 4, output=BIPOLAR)
    )


REFUSED = [
    (
        lambda: wide(signed(32), factor=1 << 22, shift=0),
        r"layer 2 .*: its output may go beyond .* and only logits may; take",
    ),
    (
        lambda: wide(signed(20), factor=1 << 22, shift=2),
        r"layer 2 \(ScaleBias\): value \* multiplier \+ bias may .* take smaller",
    ),
    (
        lambda: scaled_logits(signed(32), unsigned(12), factor=1 << 36, shift=30),
        r"layer 3 .*: value .* may reach .* take smaller",
    ),
    (lambda: scaled_logits(signed(16), factor=1 << 22), r"layer 3 .*: .* or an output of at most 12 bits"),
    (
        lambda: network(Lookup(table=[[1 << 24, *[0] * 255]], output=signed(30)), threshold(BIPOLAR, 3)),
        r"layer 0 \(Lookup\): its table may reach 16777216, .* fewer bits",
    ),
]


def test_refusals():
    refused = 0
    for build, message in REFUSED:
        with pytest.raises(InputError, match=message) as caught:
            qonnx.to_model(build())
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
        refused += 1
    assert refused == 5


def test_a_file_that_would_be_too_large(monkeypatch, tmp_path):
    monkeypatch.setattr(qonnx, "MAX_FILE_BYTES", 100_000)
    with pytest.raises(InputError, match="the file would have over 2.* bytes, .* at most 100000 .* smaller network"):
        qonnx.save(models.load("tfc_w1a1").network, tmp_path / "n.onnx")
    assert not list(tmp_path.iterdir())


def test_save(tmp_path):
    path = tmp_path / "a network.onnx"
    first, second = SAME["rows first"], SAME["table"]
    qonnx.save(first, path)
    content = path.read_bytes()
    assert from_model(onnx.load(path), InputRange())[0].digest == first.digest
    qonnx.save(second, path)
    assert path.read_bytes() != content, "a file from here is replaced"
    qonnx.save(first, path)
    assert path.read_bytes() == content, "the same bytes for the same network"
    with pytest.raises(InputError, match="may go beyond"):
        qonnx.save(REFUSED[0][0](), path)
    assert path.read_bytes() == content, "nothing is written where a layer is refused"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name], "a temporary file is left"


def test_files_of_others_are_left_alone(tmp_path):
    others = {"text": b"hello", "empty": b"", "model": onnx.helper.make_model(onnx.GraphProto()).SerializeToString()}
    for name, content in others.items():
        (tmp_path / f"{name}.onnx").write_bytes(content)
    (tmp_path / "folder.onnx").mkdir()
    for name in (*others, "folder"):
        with pytest.raises(InputError, match="exists and was not written by `hwgen export`; name another file"):
            qonnx.save(SAME["table"], tmp_path / f"{name}.onnx")
    assert all((tmp_path / f"{name}.onnx").read_bytes() == content for name, content in others.items())
    with pytest.raises(InputError, match="cannot be written"):
        qonnx.save(SAME["table"], tmp_path / "absent" / "n.onnx")
    assert len(list(tmp_path.iterdir())) == 4
