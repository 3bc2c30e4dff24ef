"""Topologies: the shapes of networks as data, and the well-known ones by name.

A chain of blocks, each convolution or dense - max-pool - batch norm - activation, ends in a dense layer whose sums
are the logits. `ResNet` is a chain of residual blocks.
"""

from dataclasses import dataclass


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
    """

    image_shape: tuple[int, int, int]
    convolutions: tuple[ConvolutionBlock, ...]
    dense: tuple[int, ...]

    def __post_init__(self):
        for field, values, most in (("image_shape", self.image_shape, 1024), ("dense", self.dense, 1 << 16)):
            if not values or any(isinstance(v, bool) or not isinstance(v, int) or not 1 <= v <= most for v in values):
                raise ValueError(f"{field} is a list of integers 1..{most}, not {list(values)!r}")
        if len(self.image_shape) != 3:
            raise ValueError(f"image_shape is [channels, height, width], not {list(self.image_shape)!r}")
        shape = self.image_shape
        for index, block in enumerate(self.convolutions):
            shape = (block.channels, block.output_size(shape[1]), block.output_size(shape[2]))
            if min(shape) < 1:
                raise ValueError(
                    f"convolution {index} leaves nothing of a {'x'.join(map(str, self.image_shape[1:]))} image"
                )

    @property
    def classes(self) -> int:
        return self.dense[-1]

    @property
    def features(self) -> int:
        """Inputs of the first dense layer."""
        channels, height, width = self.image_shape
        for block in self.convolutions:
            channels, height, width = block.channels, block.output_size(height), block.output_size(width)
        return channels * height * width


@dataclass(frozen=True, kw_only=True)
class ResNet:
    """A residual network for small images (He et al. 2016, as XNOR-Net, section 4, binarises it): a 3x3 convolution,
    four groups of two blocks that each double the channels and, but for the first, halve the map, the mean, a dense
    layer. A block is twice norm - activation - 3x3 convolution, plus a shortcut.

    Parameters
    ----------
    image_shape : (channels, height, width) of the 8-bit image
    channels : of the first group
    classes : logits
    """

    image_shape: tuple[int, int, int]
    channels: int
    classes: int


def _dense(*widths: int) -> Topology:
    return Topology(image_shape=(1, 28, 28), convolutions=(), dense=widths)


def _cifar(kernels: tuple[tuple[int, int], ...], dense: tuple[int, ...], padding: int) -> Topology:
    """3x3 convolutions of (channels, pool) on 32x32 pixels of three colours."""
    return Topology(
        image_shape=(3, 32, 32),
        convolutions=tuple(ConvolutionBlock(channels=c, kernel=3, padding=padding, pool=p) for c, p in kernels),
        dense=dense,
    )


TFC = _dense(64, 64, 64, 10)
LENET = Topology(
    image_shape=(1, 28, 28),
    convolutions=tuple(ConvolutionBlock(channels=channels, kernel=5, pool=2) for channels in (20, 50)),
    dense=(500, 10),
)
CNV = _cifar(((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 1)), (512, 512, 10), padding=0)

READY: dict[str, Topology | ResNet] = {
    "tfc": TFC,
    "sfc": _dense(256, 256, 256, 10),
    "lfc": _dense(1024, 1024, 1024, 10),
    "lenet": LENET,
    "cnv": CNV,
    "vgg": _cifar(((128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2)), (1024, 1024, 10), padding=1),
    "tinbinn": _cifar(((48, 1), (48, 2), (96, 1), (96, 2), (128, 1), (128, 2)), (256, 256, 10), padding=1),
    "resnet18": ResNet(image_shape=(3, 32, 32), channels=64, classes=10),
}
"""By name: FINN's TFC, SFC, LFC and CNV (Umuroglu et al. 2017); LeNet-5 as XNOR-Net's authors and others binarise it;
BinaryConnect's and BNN's VGG; TinBiNN's smaller one (Lemieux et al. 2019); ResNet-18."""
