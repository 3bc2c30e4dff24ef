"""Topologies that recipes name: what is trained, as data, and the torch module made from it.

A chain of blocks, each convolution or dense - max-pool - batch norm - activation, ends in a dense layer whose sums
are the logits.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class ConvolutionBlock:
    """Convolution, max-pool (pool > 1), batch norm, activation.

    Parameters
    ----------
    channels : output channels
    kernel : height and width of the window
    padding : zero border on each side
    stride : of the convolution
    pool : window and stride of the max-pool on the sums; 1 for none
    """

    channels: int
    kernel: int
    padding: int = 0
    stride: int = 1
    pool: int = 1

    def __post_init__(self):
        for field, least, most in (
            ("channels", 1, 4096),
            ("kernel", 1, 15),
            ("padding", 0, 14),
            ("stride", 1, 8),
            ("pool", 1, 8),
        ):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ValueError(f"{field} is an integer {least}..{most}, not {value!r}")
        if self.padding >= self.kernel:
            raise ValueError(f"padding {self.padding} is not less than the kernel {self.kernel}")

    def output_size(self, size: int) -> int:
        """Rows (or columns) out for `size` rows in; 0 or less when the image is too small."""
        return ((size + 2 * self.padding - self.kernel) // self.stride + 1) // self.pool


@dataclass(frozen=True, kw_only=True)
class Topology:
    """A chain network.

    Parameters
    ----------
    image_shape : (channels, height, width) of the 8-bit image
    convolutions : may be empty
    dense : outputs of each dense layer; the last one gives the logits
    activation_bits : 1 for sign, 2..8 for uniform unsigned activations
    """

    image_shape: tuple[int, int, int]
    convolutions: tuple[ConvolutionBlock, ...]
    dense: tuple[int, ...]
    activation_bits: int = 1

    def __post_init__(self):
        for field, values, most in (("image_shape", self.image_shape, 1024), ("dense", self.dense, 1 << 16)):
            if not values or any(isinstance(v, bool) or not isinstance(v, int) or not 1 <= v <= most for v in values):
                raise ValueError(f"{field} is a list of integers 1..{most}, not {list(values)!r}")
        if len(self.image_shape) != 3:
            raise ValueError(f"image_shape is [channels, height, width], not {list(self.image_shape)!r}")
        if isinstance(self.activation_bits, bool) or self.activation_bits not in range(1, 9):
            raise ValueError(f"activation_bits is an integer 1..8, not {self.activation_bits!r}")
        shape = self.image_shape
        for index, block in enumerate(self.convolutions):
            shape = (block.channels, block.output_size(shape[1]), block.output_size(shape[2]))
            if min(shape) < 1:
                raise ValueError(
                    f"convolution {index} leaves nothing of a {'x'.join(map(str, self.image_shape[1:]))} image"
                )

    @property
    def features(self) -> int:
        """Inputs of the first dense layer."""
        channels, height, width = self.image_shape
        for block in self.convolutions:
            channels, height, width = block.channels, block.output_size(height), block.output_size(width)
        return channels * height * width

    def build(self) -> "nn.Sequential":
        """The torch module, (N, C, H, W) pixels to (N, classes) logits; weights from torch's global generator."""
        from torch import nn

        from .layers import BatchNorm, BinaryConv2d, BinaryLinear, LogitScale, Sign, Uniform

        def activation():
            return Sign() if self.activation_bits == 1 else Uniform(self.activation_bits)

        modules: OrderedDict[str, nn.Module] = OrderedDict()
        channels = self.image_shape[0]
        for i, block in enumerate(self.convolutions):
            modules[f"conv{i}"] = BinaryConv2d(
                channels, block.channels, block.kernel, stride=block.stride, padding=block.padding
            )
            if block.pool > 1:
                modules[f"pool{i}"] = nn.MaxPool2d(block.pool)
            modules[f"conv{i}_norm"] = BatchNorm(block.channels)
            modules[f"conv{i}_activation"] = activation()
            channels = block.channels
        modules["flatten"] = nn.Flatten()
        inputs = self.features
        for i, outputs in enumerate(self.dense):
            modules[f"dense{i}"] = BinaryLinear(inputs, outputs)
            if i < len(self.dense) - 1:
                modules[f"dense{i}_norm"] = BatchNorm(outputs)
                modules[f"dense{i}_activation"] = activation()
                inputs = outputs
        # Sums of `inputs` independent terms have a deviation of sqrt(inputs) times the activations' size.
        modules["scale"] = LogitScale(1 / (inputs**0.5 * 2 ** (self.activation_bits - 1)))
        return nn.Sequential(modules)
