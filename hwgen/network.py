"""`Network`: the one integer-only form of a trained binary-weight network, which every later stage reads.

A network takes an image of unsigned pixels through a chain of layers to integer logits, and ends in `Argmax`.
Validation happens once, here; `tensors` then answers shape, range and type of everything that flows.
"""

import hashlib
from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np

from .errors import InputError
from .integers import PIXEL, IntegerType
from .layers import MAX_DIMENSION, MAX_ELEMENTS, Argmax, Convolution, Dense, Layer, Lookup, Tensor

MAX_LAYERS = 1000


class NetworkError(InputError):
    """A network that does not hold together; the message names the layer, the reason and the mend."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A validated chain of layers.

    Parameters
    ----------
    image_shape : (channels, height, width) of the input image
    layers : the layers in order; the last is `Argmax`, before it come the logits
    name : free text
    image_type : type of a pixel (default: unsigned 8 bits)
    classes : labels for people, one per logit; may be empty

    Attributes
    ----------
    tensors : tuple of `Tensor`; tensors[i] is the input of layers[i], tensors[i+1] its output

    Raises
    ------
    NetworkError : naming the layer (by index, name and kind), the reason and the mend
    """

    image_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    name: str = "network"
    image_type: IntegerType = PIXEL
    classes: tuple[str, ...] = field(default=())

    def __post_init__(self):
        shape = tuple(int(n) for n in self.image_shape)
        if (
            len(shape) != 3
            or not all(1 <= n <= MAX_DIMENSION for n in shape)
            or np.prod(shape, dtype=object) > MAX_ELEMENTS
        ):
            raise NetworkError(
                f"image_shape is (channels, height, width), each 1..{MAX_DIMENSION}, not {self.image_shape}"
            )
        if self.image_type.kind != "unsigned" or self.image_type.bits > 8:
            raise NetworkError(f"pixels are unsigned integers of at most 8 bits, not {self.image_type}")
        object.__setattr__(self, "image_shape", shape)
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "classes", tuple(str(c) for c in self.classes))
        if not 1 <= len(self.layers) <= MAX_LAYERS:
            raise NetworkError(f"a network has 1..{MAX_LAYERS} layers, not {len(self.layers)}")
        self._check_structure()

    def _check_structure(self):
        if not isinstance(self.layers[-1], Argmax):
            raise NetworkError("a network ends in an Argmax over its logits; append one")
        if any(isinstance(layer, Argmax) for layer in self.layers[:-1]):
            raise NetworkError("an Argmax is the last layer and stands nowhere else")
        linear = [i for i, layer in enumerate(self.layers) if isinstance(layer, (Convolution, Dense))]
        if not linear:
            raise NetworkError("a network has at least one Convolution or Dense layer")
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Lookup) and i > linear[0]:
                raise NetworkError(
                    f"{self.describe(i)}: a Lookup maps pixels; it stands before the first Convolution or Dense"
                )
        logits = self.logits.shape[0]  # works out, and so validates, every tensor
        if self.classes and len(self.classes) != logits:
            raise NetworkError(f"{len(self.classes)} class labels for {logits} logits")

    def describe(self, index: int) -> str:
        """How messages name a layer: ``layer 3 (Convolution 'conv2')``."""
        layer = self.layers[index]
        return f"layer {index} ({type(layer).__name__}{' ' + repr(layer.name) if layer.name else ''})"

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        tensors = [Tensor.activation(self.image_shape, self.image_type)]
        for i, layer in enumerate(self.layers):
            try:
                tensor = layer.apply(tensors[-1])
            except ValueError as error:
                raise NetworkError(f"{self.describe(i)}: {error}") from None
            if np.prod(tensor.shape, dtype=object) > MAX_ELEMENTS:
                raise NetworkError(f"{self.describe(i)}: its output {tensor.shape} has over {MAX_ELEMENTS} elements")
            tensors.append(tensor)
        return tuple(tensors)

    @property
    def logits(self) -> Tensor:
        """What the final Argmax reads: (classes, 1, 1)."""
        return self.tensors[-2]

    def macs(self, index: int) -> int:
        """Multiply-accumulates of a layer for one image (0 for layers without weights)."""
        layer = self.layers[index]
        if not isinstance(layer, (Convolution, Dense)):
            return 0
        _, height, width = self.tensors[index + 1].shape
        return layer.weights.size * height * width

    @property
    def weight_bits(self) -> int:
        return sum(layer.weights.size for layer in self.layers if isinstance(layer, (Convolution, Dense)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything that decides the arithmetic: the same digest computes the same results."""
        sha = hashlib.sha256(repr((self.image_shape, str(self.image_type))).encode())
        for layer in self.layers:
            sha.update(type(layer).__name__.encode())
            for f in fields(layer):
                value = getattr(layer, f.name)
                if f.name == "name":
                    continue
                if isinstance(value, np.ndarray):
                    sha.update(repr((f.name, value.shape, str(value.dtype))).encode() + value.tobytes())
                else:
                    sha.update(repr((f.name, str(value))).encode())
        return sha.hexdigest()
