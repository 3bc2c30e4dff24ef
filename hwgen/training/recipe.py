"""Recipes: the small TOML files that say how a zoo model is trained. Reading one needs no torch.

Tables and keys are those of `Recipe`, `Topology`, `Method`, `Training` and `Facts`; an unknown or missing key is
refused. ``[topology] ready = "cnv"`` names a topology of `hwgen.topology.READY`.
"""

import dataclasses
import hashlib
import json
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..data.fitting import METHODS
from ..errors import InputError
from ..files import read_small
from ..topology import READY, ConvolutionBlock, ResNet, Topology
from .method import Method

MAX_RECIPE_BYTES = 1 << 16
LOSSES = ("cross_entropy", "squared_hinge")
PRECISIONS = ("float32", "bfloat16")


def _integer(owner, field, least, most):
    value = getattr(owner, field)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{field} is an integer {least}..{most}, not {value!r}")


def _text(owner, field):
    value = getattr(owner, field)
    if not isinstance(value, str) or not value.strip() or len(value) > 2000:
        raise ValueError(f"{field} is a text of 1..2000 characters, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class Training:
    """Table ``[training]``.

    Parameters
    ----------
    data : training images, NAME:SPLIT, an .npz or a folder of pictures by class
    epochs, batch : passes over the images, images per step
    learning_rate : Adam's at the start; it falls to zero along half a cosine
    validation : images held out of `data` (drawn by the seed), never trained on
    shift : each training image moves by up to so many pixels in each direction, zeros come in
    mirror : each training image is mirrored left to right or not, by chance
    loss : ``"cross_entropy"``, or ``"squared_hinge"`` as BinaryConnect and BNN take
    precision : of the sums in training, ``"float32"``, or ``"bfloat16"``, which is about twice as fast on processors
        that have it and on GPUs. Binary weights, signs, codes and pixels are exact in either; bfloat16 rounds sums
        to 8 significant bits. Latent weights, batch norms' statistics and every accuracy are float32's in both.
    frozen : in the last so many epochs a batch norm trains with its running statistics, as it will be evaluated.
        A batch's own statistics move about; where a sum is the same over a whole region (a black background) it then
        falls on either side of its threshold from batch to batch, and evaluation sees one side only.
    seed : of the initial weights, the held-out images, the order, the shifts and the drawn weights
    threads : of torch, part of the recipe because the order of a sum decides its last bit
    """

    data: str
    epochs: int
    batch: int
    learning_rate: float
    validation: int
    seed: int
    shift: int = 0
    frozen: int = 0
    threads: int = 1
    mirror: bool = False
    loss: str = "cross_entropy"
    precision: str = "float32"

    def __post_init__(self):
        _text(self, "data")
        _integer(self, "epochs", 1, 10_000)
        _integer(self, "batch", 2, 65_536)
        _integer(self, "validation", 1, 1 << 30)
        _integer(self, "seed", 0, (1 << 31) - 1)
        _integer(self, "shift", 0, 64)
        _integer(self, "frozen", 0, self.epochs)
        _integer(self, "threads", 1, 256)
        rate = self.learning_rate
        if (
            isinstance(rate, bool)
            or not isinstance(rate, (int, float))
            or not math.isfinite(rate)
            or not 0 < rate <= 10
        ):
            raise ValueError(f"learning_rate is a number above 0 and at most 10, not {rate!r}")
        if not isinstance(self.mirror, bool):
            raise ValueError(f"mirror is true or false, not {self.mirror!r}")
        if self.loss not in LOSSES:
            raise ValueError(f"loss is one of {', '.join(LOSSES)}, not {self.loss!r}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is one of {', '.join(PRECISIONS)}, not {self.precision!r}")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Table ``[card]``: what the model's card says and no program can measure.

    Parameters
    ----------
    title : one line for people
    dataset : name of the data set
    test : NAME:SPLIT whose accuracy the card quotes
    further : more of them, measured too
    sample : NAME:SPLIT of the bundled few images, so that a clone without the data can check the card too
    input : what a caller has to give: size, range, polarity
    fit : how a picture of another kind is made one that the network takes, one of `hwgen.data.fitting.METHODS`
    licence, source : of weights and data; where the model comes from
    """

    title: str
    dataset: str
    test: str
    sample: str
    input: str
    fit: str = "crop"
    licence: str
    source: str
    further: tuple[str, ...] = ()

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if field.name != "further":
                _text(self, field.name)
        if self.fit not in METHODS:
            raise ValueError(f"fit is one of {', '.join(METHODS)}, not {self.fit!r}")
        if not isinstance(self.further, (tuple, list)) or not all(isinstance(name, str) for name in self.further):
            raise ValueError(f"further is a list of NAME:SPLIT, not {self.further!r}")
        object.__setattr__(self, "further", tuple(self.further))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole recipe. `name` is the zoo name, lower case letters, digits and underscores."""

    name: str
    topology: Topology | ResNet
    training: Training
    card: Facts
    method: Method = Method()

    def __post_init__(self):
        if not isinstance(self.name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", self.name):
            raise ValueError(f"name is lower case letters, digits and underscores, not {self.name!r}")
        if self.training.frozen and self.method.weights == "stochastic":
            raise ValueError(
                "[training]: frozen needs the weights of evaluation, and stochastic ones are others; drop it"
            )

    @property
    def obstacle(self) -> str | None:
        """What keeps the trained network from becoming an integer network, or None."""
        if isinstance(self.topology, ResNet):
            return "shortcut additions cannot become hardware yet"
        if "real" in (self.method.first, self.method.last):
            return "real weights cannot become hardware"
        return None

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the trained weights: a checkpoint belongs to one of these."""
        parts = (self.topology, self.method, self.training)
        decisive = json.dumps([dataclasses.asdict(part) for part in parts], sort_keys=True)
        return hashlib.sha256(decisive.encode()).hexdigest()


def read_recipe(path) -> Recipe:
    """The recipe in a TOML file.

    Raises
    ------
    InputError : no such file, no TOML, an unknown or missing key, or a value outside its range
    """
    path = Path(path)
    data = read_small(path, "recipe", MAX_RECIPE_BYTES)
    try:
        document = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(
            f"{path}: it is no TOML file ({error or 'nested too deeply'}); see models/*/recipe.toml"
        ) from None
    try:
        return _recipe(document)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _recipe(document):
    tables = {
        "topology": _topology,
        "method": lambda t: _make(Method, t, "[method]"),
        "training": lambda t: _make(Training, t, "[training]"),
        "card": lambda t: _make(Facts, t, "[card]"),
    }
    for key, read in tables.items():
        if key in document:
            document[key] = read(_table(document[key], f"[{key}]"))
    return _make(Recipe, document, "the top level")


def _topology(table):
    if "ready" in table:
        if len(table) > 1 or not isinstance(table["ready"], str) or table["ready"] not in READY:
            raise ValueError(f"[topology]: ready stands alone and is one of {', '.join(READY)}, not {table['ready']!r}")
        return READY[table["ready"]]
    blocks = table.get("convolutions", [])
    if not isinstance(blocks, list):
        raise ValueError("[topology]: convolutions are written as [[topology.convolutions]] tables")
    where = "[[topology.convolutions]]"
    table["convolutions"] = tuple(_make(ConvolutionBlock, _table(block, where), where) for block in blocks)
    for key in ("image_shape", "dense"):
        if key in table:
            if not isinstance(table[key], list):
                raise ValueError(f"[topology]: {key} is a list of integers, not {table[key]!r}")
            table[key] = tuple(table[key])
    return _make(Topology, table, "[topology]")


def _table(value, where):
    if not isinstance(value, dict):
        raise ValueError(f"{where} is a table, not {value!r}")
    return value


def _make(kind, table, where):
    """An object of a dataclass from a table whose keys are its fields."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in table:
        if key not in fields:
            raise ValueError(f"{where} has no key {key!r}; it takes {', '.join(fields)}")
    for key, field in fields.items():
        if key not in table and field.default is dataclasses.MISSING:
            raise ValueError(f"{where} lacks the key {key!r}")
    try:
        return kind(**table)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
