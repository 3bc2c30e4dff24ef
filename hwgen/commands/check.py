"""hwgen check: import a model, validate it, say what it holds, and write it in other forms."""

from pathlib import Path

from . import Answer
from .options import add_json, add_model, load_model

HELP = "import and validate a model; list layers, shapes, MACs and weight bits"
EXAMPLES = """\
  hwgen check tfc_w1a1
  hwgen check my.onnx --input-range 0..1
  hwgen check my.onnx --dump weights.npz    integer weights, thresholds and tables, for numpy.load
  hwgen check my.onnx --save network.npz    the validated network in hwgen's own format"""


def add_arguments(parser):
    add_model(parser)
    parser.add_argument("--dump", type=Path, metavar="FILE", help="write every array as plain integers to this .npz")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the network in hwgen's own format")
    add_json(parser)


def run(options, session) -> Answer:
    from .. import storage
    from ..report.network import layer_table, network_facts

    for path in (options.dump, options.save):
        if path is not None and path.suffix != ".npz":
            from ..errors import InputError

            raise InputError(f"{path}: the name of the file to write ends in .npz")
    model = load_model(options, session)
    if options.dump:
        storage.dump(model.network, options.dump)
        session.message(f"wrote {options.dump}")
    if options.save:
        storage.save(model.network, options.save)
        session.message(f"wrote {options.save}")
    facts = {**network_facts(model.network), "messages": list(model.messages)}
    return Answer(text=layer_table(model.network).text(), json=facts)
