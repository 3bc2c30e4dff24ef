"""A core that gives what a network gives, for boards in Python."""

import numpy as np

from hwgen import golden
from hwgen.hdl import csr
from hwgen.host.device import Result
from hwgen.network import Network

from .dummy_core import DummyCore


class GoldenCore(DummyCore):
    """`DummyCore` with the results of the golden model; each layer's cycles are `delay`.

    Attributes
    ----------
    error : is added to the first logit of every result
    """

    def __init__(self, network: Network, delay: int = 5):
        super().__init__(network.image_shape, delay)
        self.network = network
        self.error = 0

    def compute(self, image: bytes) -> Result:
        channels, height, width = self.shape
        images = np.frombuffer(image, np.uint8).reshape(1, height, width, channels)
        found = golden.run(self.network, images, keep=False)
        logits = found.logits[0].tolist()
        logits[0] += self.error
        return Result(index=int(found.classes[0]), logits=logits, cycles=[self.delay])

    def registers(self) -> dict[int, int]:
        return {
            **super().registers(),
            csr.Register.MODEL: csr.model_word(self.network.digest),
            csr.Register.LOGITS: self.network.logits.shape[0],
        }
