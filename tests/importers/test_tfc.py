"""The TFC that Xilinx trained, as an old export lies in the wild, over all of MNIST; runs where the files are."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from hwgen import data, golden
from hwgen.errors import InputError
from hwgen.importers import load
from hwgen.layers import Dense, Threshold

from .graphs import Options, run_images

FILE = Path(__file__).parents[3] / "shared" / "models" / "TFC_1W1A.onnx"
BATCH = 1000


def batched(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model for `BATCH` images; its Reshape follows the batch of its input."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = BATCH
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = BATCH
    del model.graph.value_info[:]
    for node in model.graph.node:
        if node.domain == "onnx.brevitas":
            node.domain = "qonnx.custom_op.general"
    model.opset_import.append(onnx.helper.make_opsetid("qonnx.custom_op.general", 1))
    return model


def test_all_of_mnist():
    if not FILE.is_file():
        pytest.skip(f"{FILE.name} is not beside the working tree")
    try:
        images = data.load("mnist:test")
    except InputError as error:
        pytest.skip(str(error))
    assert images.labels is not None and len(images) == 10_000
    found = load(FILE)
    result = golden.run(found.network, images.images)
    model = batched(onnx.load(str(FILE), load_external_data=False))
    tensors = run_images(model, images.images, Options())
    assert (tensors[model.graph.output[0].name].argmax(axis=1) == result.classes).all()
    assert int((result.classes == images.labels).sum()) == 9296

    def sums_and_signs(names):
        return [tensors[node.output[0]] for node in model.graph.node if node.op_type in names]

    expected = [v for v in sums_and_signs(("MatMul", "BipolarQuant")) if len(v) == len(images) and v.shape[1] != 784]
    pairs = zip(found.network.layers, result.outputs, strict=True)
    ours = [values[:, :, 0, 0] for layer, values in pairs if isinstance(layer, Dense | Threshold)]
    assert len(ours) == len(expected) == 7
    for values, real in zip(ours, expected, strict=True):
        turned = np.where((values == real).all(axis=0), 1, -1)  # rows of channels with a negative gamma
        assert (values * turned == real).all()
    assert found.messages == (
        "input: the network reads pixels/255 (0..1); --input-range, --input-mean and --input-std change it",
    )
