"""hwgen golden: run the golden model over a data set."""

import time

from . import Answer
from .options import add_data, add_json, add_model, load_data, load_model

HELP = "classify a data set with the golden model; accuracy"
EXAMPLES = """\
  hwgen golden tfc_w1a1
  hwgen golden my.onnx --data mnist:test --json
  hwgen golden my.npz --data photos.npz --predictions
  hwgen golden my.onnx --data ./photos/test         one folder of PNG or JPEG files per class"""


def add_arguments(parser):
    add_model(parser)
    add_data(parser, otherwise="the sample that the model's card names")
    parser.add_argument("--predictions", action="store_true", help="give the class of every image, too")
    add_json(parser)


def run(options, session) -> Answer:
    from .. import golden

    model = load_model(options, session)
    dataset = load_data(options, session, model)
    golden.check_images(model.network, dataset.images)
    started = time.perf_counter()
    with session.progress(f"classifying {dataset.name}") as advance:
        classes = golden.run(model.network, dataset.images, keep=False, progress=advance).classes
    seconds = time.perf_counter() - started
    right = None if dataset.labels is None else int((classes == dataset.labels).sum())
    facts = {
        "model": model.network.name,
        "digest": model.network.digest,
        "data": dataset.name,
        "images": len(dataset),
        "right": right,
        "accuracy": None if right is None else right / len(dataset),
        "seconds": round(seconds, 3),
    }
    lines = [f"{model.network.name} on {dataset.name}: {len(dataset):,} images in {seconds:.2f} s"]
    if right is None:
        lines.append("accuracy unknown, the data have no labels")
    else:
        lines.append(f"accuracy {100 * right / len(dataset):.2f} % ({right:,} right)")
    if options.predictions:
        facts["predictions"] = classes.tolist()
        lines += [f"{i} {_label(model.network, c)}" for i, c in enumerate(classes.tolist())]
    return Answer(text="\n".join(lines), json=facts)


def _label(network, index):
    return f"{index} {network.classes[index]}" if network.classes else str(index)
