"""Models by name or path: the zoo, hwgen's own files, and whatever the importers read.

The zoo is the folder ``models/`` of a clone, or its copy inside the package where hwgen is installed: one folder a
model with ``network.npz`` and ``card.json``. `hwgen.random_networks` adds networks with random weights.
"""

import difflib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import random_networks, storage
from .errors import InputError
from .files import read_small, regular_file
from .network import Network

NETWORK_FILE = "network.npz"
CARD_FILE = "card.json"
FILE_TYPES = (".onnx", ".npz", ".pt")
INPUT_RANGES = ("auto", "0..255", "0..1", "-1..1")
MAX_CARD_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class InputRange:
    """What a model file expects of its input, where the file does not say.

    Parameters
    ----------
    range : one of `INPUT_RANGES`: how 0..255 pixels map to the file's input; ``"auto"``: the importer finds out
    mean, std : per channel or one for all: the input is (pixel in that range - mean) / std; None: not given
    """

    range: str = "auto"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self):
        if self.range not in INPUT_RANGES:
            raise InputError(f"--input-range is one of {', '.join(INPUT_RANGES)}, not {self.range!r}")
        for name, values in (("--input-mean", self.mean), ("--input-std", self.std)):
            if values is not None and not (values and all(math.isfinite(v) for v in values)):
                raise InputError(f"{name} is one finite number, or one per channel, not {values}")
        if self.std is not None and 0 in self.std:
            raise InputError("--input-std is not 0; leave it out if there is no division")

    @property
    def given(self) -> bool:
        return self != InputRange()


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network that a name or path stood for, the messages of its import, and its card ({} if it has none)."""

    network: Network
    messages: tuple[str, ...] = ()
    card: dict = field(default_factory=dict)


def load(model: str, input: InputRange | None = None) -> Model:
    """The model of a zoo name, or of the path of an .onnx, .npz or .pt file.

    Raises
    ------
    InputError : no such model or file, or one that hwgen cannot take; the sentence names the nearest names
    """
    input = input or InputRange()
    path = Path(model)
    if path.suffix.lower() in FILE_TYPES:
        try:
            regular_file(path)
        except InputError as error:
            raise InputError(f"{error}{_near(path.name, _files_beside(path))}") from None
        if path.suffix.lower() == ".npz" and storage.is_network(path):
            _needs_no_range(model, input)
            return Model(network=storage.load(path))
        from . import importers

        found = importers.load(path, input_range=input.range, input_mean=input.mean, input_std=input.std)
        return Model(network=found.network, messages=tuple(found.messages))
    if model not in names():
        mend = f"`hwgen models` lists all; a file's path ends in {', '.join(FILE_TYPES)}"
        raise InputError(f"there is no model {model!r}{_near(model, names())}; {mend}")
    _needs_no_range(model, input)
    if model in random_networks.RANDOM:
        return Model(network=random_networks.RANDOM[model](), card=card(model))
    return Model(network=storage.load(folder() / model / NETWORK_FILE), card=card(model))


def names() -> tuple[str, ...]:
    """Names of the zoo, in alphabetical order."""
    found = {path.parent.name for path in folder().glob(f"*/{NETWORK_FILE}")}
    return tuple(sorted(found | random_networks.RANDOM.keys()))


def card(name: str) -> dict:
    """The card of a zoo model, {} if it has none. InputError: it is no JSON object."""
    if name in random_networks.RANDOM:
        network = random_networks.RANDOM[name]()
        return {
            "name": name,
            "title": "random weights in the topology of CNV of FINN and BNN-PYNQ",
            "sample": "cifar10-sample:test",
            "parameters": network.weight_bits,
            "macs": sum(network.macs(i) for i in range(len(network.layers))),
            "digest": network.digest,
        }
    path = folder() / name / CARD_FILE
    if not path.exists():
        return {}
    data = read_small(path, "card", MAX_CARD_BYTES)
    try:
        found = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: the card cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: a card is a JSON object, not a {type(found).__name__}")
    return found


def folder() -> Path:
    """Where the zoo is: inside the installed package, or else at the top of the clone."""
    package = Path(__file__).parent
    installed = package / "_models"
    return installed if installed.is_dir() else package.parent / "models"


def _needs_no_range(model, input):
    if input.given:
        raise InputError(f"{model} already reads raw pixels; leave --input-range, --input-mean and --input-std out")


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f" (near: {', '.join(near)})" if near else ""


def _files_beside(path) -> list[str]:
    try:
        found = [other.name for other in path.parent.iterdir() if other.suffix.lower() in FILE_TYPES][:1000]
    except OSError:
        return []
    return [name for name in found if name != path.name]


def file_name(model: str) -> str:
    """A model's name or path as part of a folder's name."""
    name = Path(model).stem
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name) or "model"
