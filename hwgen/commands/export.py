"""hwgen export: a model as standard QONNX."""

from pathlib import Path

from ..errors import InputError
from . import Answer
from .options import add_json, add_model, load_model

HELP = "write a model as QONNX: raw pixels in, integer logits out"
EXAMPLES = """\
  hwgen export tfc_w1a1 -o tfc.onnx
  hwgen export my.onnx -o integers.onnx    without its real weights, batch norms and scales

The file's input is float32 (1, channels, height, width) and holds raw pixels 0..255, not scaled to 0..1; its output
holds the logits, and each tensor between them the integers of the layer that it is named after."""


def add_arguments(parser):
    add_model(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        required=True,
        help="file to write, .onnx; one that hwgen did not write is left alone",
    )
    add_json(parser)


def run(options, session) -> Answer:
    from ..exporters import qonnx

    if options.output.suffix != ".onnx":
        raise InputError(f"{options.output}: the name of the file to write ends in .onnx")
    network = load_model(options, session).network
    with session.step(f"writing {options.output}"):
        graph = qonnx.save(network, options.output).graph
    size = options.output.stat().st_size
    names = qonnx.labels(network)
    facts = {
        "model": options.model,
        "digest": network.digest,
        "file": str(options.output),
        "bytes": size,
        "input": {"name": graph.input[0].name, "shape": [1, *network.image_shape], "type": str(network.image_type)},
        "output": {"name": graph.output[0].name, "shape": [1, network.logits.shape[0]]},
        "nodes": len(graph.node),
        "layers": [{"kind": type(layer).__name__, "tensor": name} for layer, name in zip(network.layers, names)],
    }
    shape = "x".join(map(str, network.image_shape))
    text = (
        f"wrote {options.output}: {len(names)} layers as {len(graph.node)} nodes, {size:,} bytes\n"
        f"input {facts['input']['name']!r}: {shape} raw pixels 0..{network.image_type.maximum}; "
        f"output {facts['output']['name']!r}: {network.logits.shape[0]} logits"
    )
    return Answer(text=text, json=facts)
