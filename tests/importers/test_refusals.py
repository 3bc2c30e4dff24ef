"""Bad input: one sentence that names the node or key, the reason and the mend; in seconds and in bounded memory."""

import time

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from hwgen import golden
from hwgen.errors import InputError
from hwgen.importers import bnn_npz, load
from hwgen.importers.onnx import from_model
from hwgen.importers.pixels import InputRange

from .graphs import GraphBuilder

F = np.float32
SHAPE = (3, 8, 8)
GRAPHS = {}


def refused(words):
    """Register build(graph) whose import fails with a message that has all `words`."""

    def register(build):
        assert build.__name__ not in GRAPHS
        GRAPHS[build.__name__] = (build, words)
        return build

    return register


def start(g):
    return g.node("Mul", F(2)).node("Sub", F(1)).bipolar().conv(6, 3, pads=1)


def end(g, features=6 * 64):
    return g.flat().dense(features, 5)


@refused(["n3", "Conv", "hold zeros, not", "1-bit"])
def ternary_weights(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar()
    return end(g.conv(6, weights=g.random.integers(-1, 2, (6, 3, 3, 3)).astype(F), pads=1).bipolar())


@refused(["n4", "Conv", "quantized to 2 bits", "n3", "hold "])
def two_bit_weights(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar()
    weights = g.side("Quant", g.random.normal(0, 1, (6, 3, 3, 3)).astype(F), F(0.5), F(0), F(2), signed=1, narrow=0)
    return end(g.conv(6, weights=weights, pads=1).bipolar())


@refused(["n3", "Conv", "hold 162 values", "BipolarQuant"])
def real_weights(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar()
    return end(g.conv(6, weights=g.random.normal(0, 1, (6, 3, 3, 3)).astype(F), pads=1).bipolar())


@refused(["initializer", "NaN"])
def weights_not_a_number(g):
    weights = g.signs(6, 3, 3, 3)
    weights[0, 0, 0, 0] = np.nan
    return end(g.bipolar().conv(6, weights=weights, pads=1).bipolar())


@refused(["n5", "Add", "not finite"])
def infinite_bias(g):
    return end(start(g).node("Mul", F(1)).node("Add", F(np.inf)).bipolar())


@refused(["n4", "Conv", "not quantized", "quantizer"])
def sum_into_convolution(g):
    return end(start(g).conv(6, 3, pads=1).bipolar())


@refused(["n5", "Conv", "different scales", "one"])
def scale_per_channel(g):
    return end(start(g).quant(2, np.linspace(0.1, 0.9, 6).reshape(1, 6, 1, 1)).conv(6, 3, pads=1).bipolar())


@refused(["n2", "Conv", "standard deviation", "quantize"])
def deviation_per_channel_unquantized(g):
    g.node("Sub", F([0.4, 0.5, 0.6]).reshape(3, 1, 1)).node("Div", F([0.2, 0.25, 0.3]).reshape(3, 1, 1))
    return end(g.conv(6, 3, pads=1).bipolar())


@refused(["n1", "Conv", "pads with 0", "zero point"])
def real_zero_between_integers(g):
    return end(g.node("Sub", F(0.12345)).conv(6, 3, pads=1).bipolar())


@refused(["n3", "Conv", "groups", "group 1"])
def depthwise(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar().node("Conv", g.signs(3, 1, 3, 3), group=3)
    return g.bipolar()


@refused(["n3", "Conv", "dilations"])
def dilated(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar().node("Conv", g.signs(3, 3, 3, 3), dilations=[2, 2])
    return g.bipolar()


@refused(["n4", "Add", "branch", "chain"])
def residual(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar()
    before = g.current
    return end(g.conv(3, 3, pads=1).node("Add", before).bipolar())


@refused(["n4", "Tanh is not supported; replace it by supported ones (", "BipolarQuant"])
def unknown_operator(g):
    return end(start(g).node("Tanh").bipolar())


@refused(["n4", "com.acme.Sign", "not supported"])
def unknown_domain(g):
    return end(start(g).node("Sign", domain="com.acme").bipolar())


@refused(["n4", "AveragePool", "padding", "ceil_mode 0"])
def padded_average(g):
    start(g).node("AveragePool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 0, 0])
    return end(g.bipolar(), 96)


@refused(["n5", "AveragePool", "clipped", "quantize"])
def average_of_rectified_sums(g):
    return end(start(g).relu().average_pool().bipolar(), 96)


@refused(["n5", "BipolarQuant", "before the Pow"])
def even_power_of_sums(g):
    return end(start(g).node("Pow", F(2)).bipolar())


@refused(["n3", "Conv", "groups", "group 1"])
def depthwise_with_padding(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar().node("Conv", np.ones((3, 1, 3, 3), F), group=3, pads=[1] * 4)
    return g.bipolar()


@refused(["n5", "Gather", "constant table", "before the first layer"])
def table_of_sums(g):
    return end(start(g).node("Cast", to=7).node("Gather", np.arange(99, dtype=F), first=False).bipolar())


@refused(["n2", "Gather", "index 255", "100 entries"])
def table_that_is_too_short(g):
    return end(g.quant(8, 1.0).node("Cast", to=7).node("Gather", np.arange(100, dtype=F), first=False).conv(6))


@refused(["n2", "Gather", "one row of whole numbers"])
def table_of_fractions(g):
    return end(g.quant(8, 1.0).node("Cast", to=7).node("Gather", np.arange(256, dtype=F) / 2, first=False).conv(6))


@refused(["n4", "Cast", "ONNX type 7", "rounds"])
def sums_cast_to_integers(g):
    return end(start(g).node("Cast", to=7).node("Cast", to=1).bipolar())


@refused(["n4", "Cast", "ONNX type 10", "rounds"])
def sums_in_half_precision(g):
    return end(start(g).node("Cast", to=10).node("Cast", to=1).bipolar())


@refused(["n6", "Quant", "takes 16 bits", "at most 12"])
def ninths_rounded_down(g):
    # In float32 nine ninths of a whole number may lie below it: no integers round down like that.
    start(g).average_pool(3).node("Mul", F(9)).quant(16, 1.0, signed=1, rounding="FLOOR")
    return end(g.bipolar(), 24)


@refused(["output", "n4", "bits", "at most 12"])
def sixteen_bit_activations(g):
    return end(start(g).quant(16, 0.01))


@refused(["n4", "Quant", "scale", "positive"])
def negative_scale(g):
    return end(start(g).quant(2, -0.5))


@refused(["n4", "Pad", "branch"])
def pads_from_data(g):
    return end(start(g).node("Pad", g.current).bipolar())


@refused(["n4", "MaxPool", "Pad"])
def pad_before_pool(g):
    start(g)
    g.nodes.pop()
    g.current = "t2"
    g.node("Pad", np.array([0, 0, 1, 1, 0, 0, 1, 1]), F(-1)).max_pool().conv(4, 3).bipolar()
    return end(g, 4 * 9)


@refused(["n6", "Reshape", "another number of elements"])
def reshape_to_another_size(g):
    return start(g).bipolar().node("Identity").reshape(1, 7).dense(7, 5)


@refused(["n5", "Reshape", "cuts an axis"])
def reshape_that_cuts(g):
    return start(g).bipolar().reshape(1, 2, 3, 64).conv(5, 1)


@refused(["n5", "MatMul", "(N, H, W, C)", "Transpose"])
def dense_on_columns(g):
    return start(g).bipolar().node("MatMul", g.signs(8, 5))


@refused(["n6", "MatMul", "100 inputs", "384"])
def dense_of_another_size(g):
    return start(g).bipolar().flat().dense(100, 5)


@refused(["output", "one value per class"])
def no_logits(g):
    return start(g).bipolar()


@refused(["network's output", "clip"])
def rectified_logits(g):
    return end(start(g).bipolar()).relu()


@refused(["n8", "Mul", "its probabilities", "remove"])
def something_after_softmax(g):
    return end(start(g).bipolar()).node("Softmax", axis=1).node("Mul", F(2))


@refused(["at least one Convolution or Dense"])
def no_layer(g):
    return g.bipolar().node("GlobalAveragePool").flat()


@refused(["n4", "BatchNormalization", "does not fit"])
def batch_norm_of_another_width(g):
    return end(start(g).node("BatchNormalization", *(F([1, 1, 1]) for _ in range(4))).bipolar())


@refused(["n4", "TopK", "not the one of the classes"])
def top_of_another_axis(g):
    return start(g).node("TopK", np.array([1]), axis=1, outputs=2)


@refused(["n4", "Reshape", "input 0 is left out"])
def constant_of_nothing(g):
    return end(start(g).node("Mul", g.side("Reshape", "", np.array([1]))).bipolar())


@refused(["n0", "Quant", "input 2 is left out"])
def weights_without_a_zero_point(g):
    weights = g.side("Quant", g.signs(6, 6, 3, 3), F(1), "", F(1))
    return end(start(g).bipolar().conv(6, weights=weights, pads=1).bipolar())


@refused(["n6", "Reshape", "to 5000 axes"])
def reshape_to_thousands_of_axes(g):
    return start(g).bipolar().node("Identity").reshape(*[1] * 5000).dense(384, 5)


@refused(["n4", "Conv", "do not fit"])
def attribute_of_another_type(g):
    start(g).bipolar().conv(4, 3)
    g.nodes[-1] = helper.make_node("Conv", list(g.nodes[-1].input), ["x"], name="n4", pads=["a"])
    g.current = "x"
    return g


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_graph(name):
    build, words = GRAPHS[name]
    began = time.monotonic()
    with pytest.raises(InputError) as caught:
        from_model(build(GraphBuilder(SHAPE)).model(), InputRange())
    assert time.monotonic() - began < 2
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    for word in words:
        assert word in message, message


def sound() -> onnx.ModelProto:
    return end(start(GraphBuilder(SHAPE)).batch_norm().bipolar()).model()


def file_of(model, tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def huge_input(model):
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 10**9


def huge_initializer(model):
    model.graph.initializer[0].dims[:] = [10**9, 10**9]


def longer_initializer(model):
    model.graph.initializer[2].dims[:] = [10**4, 10**4]


def external(model):
    model.graph.initializer[2].data_location = TensorProto.EXTERNAL
    model.graph.initializer[2].external_data.add(key="location", value="/etc/passwd")


def list_without_end(model):
    model.graph.node[4].op_type = "Transpose"
    del model.graph.node[4].input[1:], model.graph.node[4].attribute[:]
    model.graph.node[4].attribute.append(helper.make_attribute("perm", range(3000)))


def name_without_end(model):
    model.graph.node[3].input[0] = "nowhere" * 1000


def cycle(model):
    model.graph.node[0].input[0] = model.graph.node[5].output[0]


def dangling(model):
    model.graph.node[3].input[0] = "nowhere"


def written_twice(model):
    model.graph.node[4].output[0] = model.graph.node[3].output[0]


def no_output(model):
    del model.graph.output[:]


def two_inputs(model):
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, (1, 6, 8, 8)))
    model.graph.node[5].input[0] = "more"
    model.graph.node.insert(5, helper.make_node("Add", [model.graph.node[4].output[0], "more"], ["sum"], name="both"))
    model.graph.node[6].input[0] = "sum"


def bomb_of_constants(model):
    shape = numpy_helper.from_array(np.array([10**5, 10**5]), "bomb_shape")
    model.graph.initializer.append(shape)
    model.graph.node.insert(0, helper.make_node("ConstantOfShape", ["bomb_shape"], ["bomb"], name="bomb"))
    model.graph.node[1].input[1] = "bomb"


def integer_image(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64


def attribute_without_value(model):
    model.graph.node[3].attribute.add(name="pads", type=onnx.AttributeProto.TYPE_PROTO)


MODELS = {
    attribute_without_value: ["attribute 'pads'", "damaged"],
    huge_input: ["1000000000", "65536"],
    huge_initializer: ["initializer", "elements"],
    longer_initializer: ["initializer", "damaged"],
    external: ["another file"],
    cycle: ["cycle"],
    dangling: ["nowhere", "nothing gives"],
    list_without_end: ["node 'n4' (Transpose): perm [0, 1, 2", " ... ", "does not order the 4 axes of its input"],
    name_without_end: ["node 'n3' (Conv): it reads 'nowhere", " ... ", "nothing gives; the file is damaged"],
    written_twice: ["written already"],
    no_output: ["no output"],
    two_inputs: ["one input", "more"],
    bomb_of_constants: ["bomb", "elements"],
    integer_image: ["INT64"],
}


@pytest.mark.parametrize("spoil", MODELS, ids=lambda f: f.__name__)
def test_model(spoil, tmp_path):
    model = sound()
    load(file_of(model, tmp_path))
    spoil(model)
    with pytest.raises(InputError) as caught:
        load(file_of(model, tmp_path))
    message = str(caught.value)
    assert message.startswith("network.onnx: ") and "\n" not in message and len(message) < 500
    for word in MODELS[spoil]:
        assert word in message, message


def test_bytes_changed_at_random(tmp_path):
    """Whatever is done to a file, the importer gives a network that runs, or an InputError."""
    graph = GraphBuilder(SHAPE).node("Mul", F(2)).node("Sub", F(1)).bipolar()
    # Latent weights: most of a file's bytes are weights, and a changed one is still a weight.
    weights = graph.side("BipolarQuant", graph.random.normal(0, 1, (6, 3, 3, 3)).astype(F), F(1))
    graph.conv(6, weights=weights, pads=1).batch_norm().bipolar().flat()
    weights = graph.side("BipolarQuant", graph.random.normal(0, 1, (384, 5)).astype(F), F(1))
    data = graph.node("MatMul", weights).model().SerializeToString()
    random = np.random.default_rng(5)
    image = np.zeros((1, 8, 8, 3), np.uint8)
    outcomes = {"network": 0, "refused": 0}
    for trial in range(150):
        changed = bytearray(data)
        if trial % 5 == 0:
            changed = changed[: random.integers(0, len(data))]
        for _ in range(random.integers(1, 4)):
            if changed:
                changed[random.integers(0, len(changed))] = random.integers(0, 256)
        path = tmp_path / "network.onnx"
        path.write_bytes(bytes(changed))
        try:
            network = load(path).network
        except InputError as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
        else:
            if network.image_shape == SHAPE:
                golden.run(network, image)
            outcomes["network"] += 1
    assert sum(outcomes.values()) == 150 and min(outcomes.values()) > 10, outcomes


def test_number_of_cases():
    assert (len(GRAPHS), len(MODELS)) == (42, 14)


def test_files(tmp_path):
    cases = 0
    for name, content, words in [
        ("missing.onnx", None, "no such file"),
        ("empty.onnx", b"", "no ONNX graph"),
        ("text.onnx", b"hello, this is no protobuf at all", "no ONNX"),
        ("network.h5", b"x", "'.h5'"),
        ("network", b"x", "suffix"),
        ("text.npz", b"hello", "npz"),
        ("text.pt", b"hello" * 20, "no .pt file"),
    ]:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            load(path)
        cases += 1
    with pytest.raises(InputError, match="--input-range"):
        load(tmp_path / "empty.onnx", input_range="0..2")
    with pytest.raises(InputError, match="--input-std"):
        load(tmp_path / "empty.onnx", input_std=0)
    assert cases == 7


def test_zip_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(bnn_npz, "MAX_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "bomb.npz", format=np.zeros(1 << 21, np.uint8))
    assert (tmp_path / "bomb.npz").stat().st_size < 1 << 16
    with pytest.raises(InputError, match="unpacks"):
        load(tmp_path / "bomb.npz")


def test_pickle_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"format": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match="evil.pt"):
        load(tmp_path / "evil.pt")
    np.savez(tmp_path / "evil.npz", format=np.array([Evil()], object))
    with pytest.raises(InputError, match="pickle"):
        load(tmp_path / "evil.npz")
    torch.save({"format": torch.zeros(1).expand(10**12)}, tmp_path / "wide.pt")
    with pytest.raises(InputError, match="elements"):
        load(tmp_path / "wide.pt")
