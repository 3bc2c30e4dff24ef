"""Small networks of odd shapes, each with many features at once, on arrays of odd shapes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwgen.integers import BIPOLAR, signed, unsigned
from hwgen.layers import Flatten, Lookup, MaxPool, SumPool
from hwgen.network import Network
from hwgen.plan.plan import Plan

from .networks import Chain
from .plans import plan_for


@dataclass(frozen=True)
class Case:
    """A network of one's own making on an array of P x S x Q; the seed fixes weights, constants and images."""

    name: str
    array: tuple[int, int, int]
    image_shape: tuple[int, int, int]
    layers: Callable[[Chain], object]
    image_bits: int = 8

    def network(self) -> Network:
        rng = np.random.default_rng(list(self.name.encode()))
        chain = Chain(rng, self.image_shape, unsigned(self.image_bits))
        self.layers(chain)
        return chain.network(self.name)

    def plan(self, **options) -> Plan:
        return plan_for(self.network(), *self.array, **options)


def _minimum(chain):
    return np.arange(chain.tensor.shape[0]) % 3 == 0


def _packed_rgb(c):
    """Three channels packed, a window wider than S, odd channels with zero border: doubled taps; P < S."""
    c.convolution(7, (3, 3), padding=(1, 0, 2, 1)).threshold(BIPOLAR)
    c.convolution(19, (3, 3), padding=(1, 1, 1, 1)).threshold(BIPOLAR)
    c.add(MaxPool(window=(2, 2), stride=(2, 2), minimum=_minimum(c)))
    c.add(Flatten(order="CHW")).dense(11)


def _wide_kernels(c):
    """7x7, 5x5 and stride 2; borders +1 and 0 on unsigned codes; multi-bit pooling by minimum; P > S."""
    c.convolution(10, (7, 7), stride=(2, 2), padding=(3, 2, 1, 3), border=1)
    c.add(MaxPool(window=(2, 2), stride=(1, 1), minimum=_minimum(c))).threshold(unsigned(3))
    c.convolution(9, (5, 5), padding=(2, 2, 2, 2)).threshold(unsigned(2))
    c.add(Flatten(order="HWC")).dense(5).scale(signed(16), shift=3)


def _thin_kernels(c):
    """1x3 and 3x1; signed codes, border -1; overlapping pools, a pool that skips pixels; S no power of two."""
    c.lookup(signed(4), 2)
    c.convolution(8, (1, 3), padding=(0, 1, 0, 2), border=-1).threshold(signed(4))
    c.add(MaxPool(window=(3, 2), stride=(2, 1), minimum=_minimum(c)))
    c.convolution(13, (3, 1), padding=(2, 0, 1, 0), border=-1)
    c.add(MaxPool(window=(1, 1), stride=(2, 3))).threshold(signed(3))
    c.add(Flatten(order="CHW")).dense(7)


def _dense_only(c):
    """8-bit samples straight into dense layers; logits over several tiles."""
    c.add(Flatten(order="CHW")).dense(21).threshold(BIPOLAR)
    c.dense(17).threshold(unsigned(1))
    c.dense(37)


def _sums(c):
    """Sum pools before, after and instead of a linear layer, globally too; ScaleBias to activations and logits."""
    c.add(SumPool(window=(2, 2), stride=(3, 2)))
    c.convolution(6, (2, 2), padding=(1, 1, 0, 0)).scale(unsigned(4))
    c.convolution(9, (3, 3), padding=(1, 1, 1, 1)).add(SumPool(window=(2, 1), stride=(1, 2))).scale(signed(5))
    c.add(SumPool(window=c.tensor.shape[1:], stride=(1, 1)))
    c.add(Flatten(order="CHW")).dense(6).scale(signed(8), shift=6)


def _ramps(c):
    """Evenly spaced thresholds beside others, pools by largest and smallest, a border that is no code."""
    c.convolution(9, (3, 3), padding=(1, 1, 1, 1)).add(MaxPool(window=(2, 2), stride=(2, 1), minimum=_minimum(c)))
    c.ramp(unsigned(8))
    c.convolution(7, (2, 2), padding=(0, 1, 1, 0)).threshold(unsigned(5))
    c.convolution(10, (1, 3)).ramp(signed(6)).add(MaxPool(window=(2, 2), stride=(1, 1)))
    c.add(Flatten(order="CHW")).dense(13).ramp(unsigned(7))
    c.dense(5)


def _identities(c):
    """Pools and thresholds with no linear layer of their own; logits that are thresholds' codes."""
    c.add(MaxPool(window=(2, 2), stride=(1, 2), minimum=np.array([True, False, True]))).threshold(signed(3))
    c.add(SumPool(window=(3, 2), stride=(1, 1))).threshold(unsigned(2)).add(SumPool(window=(2, 1), stride=(1, 1)))
    c.convolution(6, (2, 2), padding=(1, 0, 0, 0)).threshold(BIPOLAR)
    c.add(Flatten(order="CHW")).dense(10).threshold(unsigned(3))


def _single_layer(c):
    """One dense layer, on the smallest array."""
    c.add(Flatten(order="HWC")).dense(3)


def _eight_bits(c):
    """8-bit activations, unsigned and signed; logits are sums of them."""
    c.convolution(5, (2, 2)).threshold(unsigned(8))
    c.convolution(7, (2, 3), padding=(1, 0, 0, 1), border=0).threshold(signed(8))
    c.add(Flatten(order="CHW")).dense(4)


def _strides(c):
    """Strides 2 and 3 under Q = 4: lanes of a group lie apart, output phases, width no multiple of Q."""
    c.convolution(5, (3, 3), padding=(1, 1, 1, 1)).threshold(unsigned(2))
    c.convolution(8, (3, 3), stride=(3, 2), padding=(0, 2, 1, 1)).add(MaxPool(window=(1, 2), stride=(1, 2)))
    c.threshold(BIPOLAR).convolution(6, (1, 2), stride=(1, 3)).threshold(BIPOLAR)
    c.add(Flatten(order="CHW")).dense(9)


def _packed_bipolar(c):
    """One bipolar channel under a zero border, packed: a code for 0 is made; then 1-bit unsigned."""
    c.add(Lookup(table=np.where(np.arange(256) < 120, -1, 1)[None], output=BIPOLAR))
    c.convolution(9, (5, 5), padding=(2, 2, 2, 2)).threshold(unsigned(1))
    c.convolution(12, (3, 3), stride=(2, 2), padding=(1, 1, 0, 0), border=1).threshold(unsigned(5))
    c.add(MaxPool(window=c.tensor.shape[1:], stride=(1, 1)))
    c.add(Flatten(order="CHW")).dense(12)


def _points(c):
    """1x1 kernels and many tiles; pixels of 4 bits through a map per channel; bipolar borders of -1 and +1."""
    c.lookup(BIPOLAR, 3)
    c.convolution(20, (1, 1), padding=(1, 0, 0, 1), border=-1).threshold(BIPOLAR)
    c.convolution(26, (1, 1), stride=(1, 3), padding=(0, 1, 1, 0), border=1).threshold(signed(2))
    c.add(Flatten(order="HWC")).dense(25).scale(signed(12), shift=2)


def _wider_codes(c):
    """Pixels of 4 bits that stand for 8-bit codes."""
    c.lookup(unsigned(8), 1)
    c.convolution(3, (2, 2)).threshold(BIPOLAR)
    c.add(Flatten(order="CHW")).dense(5)


def _packed_late(c):
    """A packed window that fits one word, its pool, three pixels at a time; then P < S with columns to clear."""
    c.lookup(unsigned(2), 1)
    c.convolution(10, (2, 2), padding=(0, 1, 1, 0), border=0).add(MaxPool(window=(2, 3), stride=(2, 2)))
    c.threshold(BIPOLAR).convolution(5, (2, 2), padding=(1, 1, 1, 1)).threshold(unsigned(6))
    c.add(Flatten(order="CHW")).dense(18)


def _packed_apart(c):
    """A packed window narrower than its stride: nothing of it is kept from output to output."""
    c.convolution(6, (2, 2), stride=(2, 3), padding=(1, 0, 1, 0)).threshold(BIPOLAR)
    c.add(Flatten(order="CHW")).dense(5)


def _two_planes(c):
    """Windows so small that two planes of them are read at a time; pooled, and masked taps after it."""
    c.convolution(11, (2, 3), padding=(1, 0, 1, 1)).add(MaxPool(window=(2, 2), stride=(2, 1), minimum=_minimum(c)))
    c.threshold(BIPOLAR).convolution(9, (3, 3), padding=(1, 1, 1, 1)).threshold(unsigned(6))
    c.add(Flatten(order="CHW")).dense(6)


def _window_only(c):
    """A convolution of the whole image gives the logits: the first stage is the last, and is not packed."""
    c.convolution(7, (3, 3)).add(Flatten(order="CHW"))


def _idle_channels(c):
    """Two planes at a time of dark images, and most of a tile's channels are none: they have to give 0 all the same."""
    c.add(Lookup(table=np.where(np.arange(256) < 240, 0, np.arange(256))[None], output=unsigned(8)))
    c.convolution(3, (3, 3)).threshold(BIPOLAR)
    c.add(Flatten(order="CHW")).dense(4)


def _packed_pairs(c):
    """A packed window that takes fewer steps than its group has pixels, for a stage that pools: they are written two at
    a time, the third cell's alone; P > S, and codes of two planes."""
    c.lookup(unsigned(2), 1)
    c.convolution(16, (3, 3)).threshold(unsigned(2))
    c.convolution(13, (2, 2), padding=(1, 0, 0, 1)).add(MaxPool(window=(2, 2), stride=(2, 2))).threshold(BIPOLAR)
    c.add(Flatten(order="CHW")).dense(7)


CASES = (
    Case("packed rgb", (4, 8, 2), (3, 9, 7), _packed_rgb),
    Case("wide kernels", (4, 2, 3), (1, 9, 8), _wide_kernels),
    Case("thin kernels", (2, 6, 4), (2, 7, 9), _thin_kernels),
    Case("dense only", (8, 4, 1), (2, 5, 3), _dense_only),
    Case("sums", (4, 4, 2), (2, 9, 8), _sums),
    Case("ramps", (4, 8, 2), (3, 9, 8), _ramps),
    Case("identities", (2, 12, 2), (3, 5, 7), _identities),
    Case("single layer", (1, 2, 1), (1, 2, 3), _single_layer),
    Case("eight bits", (4, 4, 1), (2, 4, 5), _eight_bits),
    Case("strides", (4, 4, 4), (3, 9, 11), _strides),
    Case("packed bipolar", (2, 8, 4), (1, 8, 7), _packed_bipolar),
    Case("points", (12, 6, 2), (3, 4, 7), _points, image_bits=4),
    Case("wider codes", (2, 4, 2), (2, 4, 5), _wider_codes, image_bits=4),
    Case("packed late", (3, 6, 3), (1, 9, 10), _packed_late),
    Case("packed apart", (4, 16, 2), (2, 7, 11), _packed_apart),
    Case("two planes", (4, 16, 2), (1, 9, 10), _two_planes),
    Case("idle channels", (8, 32, 1), (1, 5, 5), _idle_channels),
    Case("packed pairs", (16, 8, 6), (1, 8, 18), _packed_pairs),
    Case("window only", (2, 16, 1), (2, 3, 3), _window_only),
)
