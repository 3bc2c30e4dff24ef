"""What a board is to say of its own test image."""

import numpy as np

from .. import golden
from ..errors import BuildError
from ..network import Network
from . import protocol
from .device import Device

__all__ = ["expected", "self_test"]


def expected(network: Network) -> tuple[int, list[int]]:
    """Class and logits that the golden model gives of `protocol.test_image`."""
    channels, height, width = network.image_shape
    samples = protocol.test_image(channels * height * width, network.image_type.bits)
    result = golden.run(network, np.frombuffer(samples, np.uint8).reshape(1, height, width, channels), keep=False)
    return int(result.classes[0]), result.logits[0].tolist()


def self_test(device: Device, network: Network) -> list[int]:
    """The board's logits for its test image.

    Raises
    ------
    BuildError : they are not the golden model's; or as for `Device.test`
    """
    index, logits = expected(network)
    seen = device.test()
    if (seen.index, seen.logits) != (index, logits):
        raise BuildError(
            f"self-test failed: {device.name} gives class {seen.index}, logits {seen.logits} for its test image, "
            f"the golden model class {index}, logits {logits}; load its bitstream again, or one for a slower clock"
        )
    return seen.logits
