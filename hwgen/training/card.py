"""Model cards: models/NAME/card.json, every figure of it measured on the integer network beside it. No torch here.

What no program can measure (title, licence, source, how it was trained) is stated once, by the recipe or by hand in
the card itself; `measure` computes the rest, and `refresh` recomputes it for a card that exists.
"""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from statistics import NormalDist

import numpy as np

from .. import data, golden, storage
from ..errors import InputError
from ..files import read_small
from ..layers import Convolution, Dense, MaxPool, SumPool
from ..models import CARD_FILE, MAX_CARD_BYTES, NETWORK_FILE
from ..network import Network
from ..outputs import write_file
from .recipe import Facts


def measure(name: str, network: Network, facts: Facts, *, training: dict | None = None, progress=None) -> dict:
    """The card of a network.

    Parameters
    ----------
    name : zoo name
    network : the integer network that the card speaks of
    facts : what is stated and not measured
    training : how it was trained, where we did
    progress : called with (images done, images) while the golden model runs

    Raises
    ------
    InputError : the test data is not there, has no labels, or does not suit the network
    """
    measured = {spec: count_right(network, spec, progress) for spec in sources(facts)}
    test = measured[facts.test]
    return {
        "name": name,
        **asdict(facts),
        "further": list(facts.further),
        "topology": describe(network),
        "parameters": network.weight_bits,
        "macs": macs(network),
        "accuracy": test["right"] / test["images"],
        "interval": test["interval"],
        "measured": measured,
        "digest": network.digest,
        **({"training": training} if training else {}),
    }


def sources(facts: Facts) -> tuple[str, ...]:
    """The data sets that the card measures."""
    return tuple(dict.fromkeys((facts.test, *facts.further, facts.sample)))


def check_sources(facts: Facts) -> None:
    """InputError where a data set of the card cannot be measured: call it before hours of training."""
    for source in sources(facts):
        _labelled(source, 1)


def count_right(network: Network, source: str, progress=None) -> dict:
    """What the golden model makes of NAME:SPLIT: data (what was read for it), images, right, interval."""
    dataset = _labelled(source)
    classes = golden.run(network, dataset.images, keep=False, progress=progress).classes
    images, right = len(classes), int(np.count_nonzero(classes == dataset.labels))
    return {"data": dataset.name, "images": images, "right": right, "interval": interval(images, right)}


def _labelled(source, limit=None):
    dataset = data.load(source, limit)
    if dataset.labels is None:
        raise InputError(f"{source} has no labels, and an accuracy needs them")
    return dataset


def interval(images: int, right: int) -> list[float]:
    """The 95 % confidence interval of an accuracy (Wilson 1927, without continuity correction), to four digits."""
    z = NormalDist().inv_cdf(0.975)
    share, weight = right / images, z * z / images
    middle = share + weight / 2
    half = z * (share * (1 - share) / images + weight / images / 4) ** 0.5
    return [round((middle + sign * half) / (1 + weight), 4) for sign in (-1, 1)]


def describe(network: Network) -> str:
    """The layers in short: ``24C3p1-MP2-10`` is a 3x3 convolution of 24 channels, border 1, max-pool 2, dense 10."""
    parts = []
    for layer in network.layers:
        if isinstance(layer, Convolution):
            size = f"{len(layer.weights)}C{_square(layer.kernel)}"
            parts.append(size + _more("p", layer.padding, 0) + _more("s", layer.stride, 1))
        elif isinstance(layer, Dense):
            parts.append(str(len(layer.weights)))
        elif isinstance(layer, (MaxPool, SumPool)):
            parts.append(f"{'MP' if isinstance(layer, MaxPool) else 'SP'}{_square(layer.window)}")
    return "-".join(parts)


def macs(network: Network) -> dict[str, int]:
    """Multiply-accumulates of one image, by the bits of the activation that they read: ``{"1": ..., "8": ...}``."""
    result: dict[str, int] = {}
    for index, tensor in enumerate(network.tensors[:-1]):
        count = network.macs(index)
        if count and tensor.type is not None:
            key = str(tensor.type.bits)
            result[key] = result.get(key, 0) + count
    return result


def refresh(folder, *, network: Network | None = None, progress=None) -> dict:
    """Measure the network of a model folder again and rewrite its card; the new card.

    Parameters
    ----------
    folder : with a card, and with network.npz unless `network` is given
    network : put in the place of network.npz, under the card's name
    progress : called with (images done, images) while the golden model runs

    Raises
    ------
    InputError : there is no card or no network in `folder`, or the card lacks what has to be stated
    """
    folder = Path(folder)
    card = read_card(folder / CARD_FILE)
    stated: dict = {field.name: card.get(field.name) for field in fields(Facts)}
    stated["further"] = stated["further"] or ()
    stated["fit"] = stated["fit"] or "crop"
    try:
        facts = Facts(**stated)
    except ValueError as error:
        raise InputError(f"{folder / CARD_FILE}: {error}") from None
    name = str(card.get("name") or folder.name)
    network = storage.load(folder / NETWORK_FILE) if network is None else replace(network, name=name)
    card = measure(name, network, facts, training=card.get("training"), progress=progress)
    storage.save(network, folder / NETWORK_FILE)
    write_card(folder / CARD_FILE, card)
    return card


def read_card(path) -> dict:
    """A card as it stands in its file; InputError where it is none."""
    data = read_small(Path(path), "card", MAX_CARD_BYTES)
    try:
        card = json.loads(data.decode())
    except (ValueError, RecursionError):
        raise InputError(f"{path}: it is no JSON text; write the stated facts by hand and measure the rest") from None
    if not isinstance(card, dict):
        raise InputError(f"{path}: a card is a JSON object, not a {type(card).__name__}")
    return card


def write_card(path, card: dict):
    """Write a card as indented JSON, keys in their order."""
    write_file(path, f"{json.dumps(card, indent=2, ensure_ascii=False)}\n".encode())


def _square(size):
    return str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"


def _more(letter, values, usual):
    """A padding or stride where it is not the usual one."""
    distinct = sorted(set(values))
    if distinct == [usual]:
        return ""
    return letter + ("x".join(map(str, values)) if len(distinct) > 1 else str(distinct[0]))
