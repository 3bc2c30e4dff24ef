"""Data sets as their authors publish them: where their files are, how they are known, and what reads them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import cifar, idx, svhn
from .download import File


@dataclass(frozen=True)
class Source:
    """A data set that may be downloaded, or found as people keep it.

    Attributes
    ----------
    splits : the splits, and the files to download for each
    places : the folders below a data folder where its files may lie
    load : (folder, split) to images uint8 (N,H,W[,C]) and labels (N,), or None where they do not lie in the folder;
        InputError where they are damaged
    """

    splits: dict[str, tuple[File, ...]]
    places: tuple[str, ...]
    load: Callable[[Path, str], tuple[np.ndarray, np.ndarray] | None]


_MNIST = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")
_FASHION = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)

SOURCES = {
    "mnist": Source(
        {
            "train": (
                File(
                    "train-images-idx3-ubyte.gz",
                    9912422,
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    _MNIST,
                ),
                File(
                    "train-labels-idx1-ubyte.gz",
                    28881,
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    _MNIST,
                ),
            ),
            "test": (
                File(
                    "t10k-images-idx3-ubyte.gz",
                    1648877,
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    _MNIST,
                ),
                File(
                    "t10k-labels-idx1-ubyte.gz",
                    4542,
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    _MNIST,
                ),
            ),
        },
        (".", "mnist", "MNIST/raw"),
        idx.load,
    ),
    # Its files bear MNIST's names, so they are never looked for beside others.
    "fashion-mnist": Source(
        {
            "train": (
                File(
                    "train-images-idx3-ubyte.gz",
                    26421880,
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    _FASHION,
                ),
                File(
                    "train-labels-idx1-ubyte.gz",
                    29515,
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    _FASHION,
                ),
            ),
            "test": (
                File(
                    "t10k-images-idx3-ubyte.gz",
                    4422102,
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    _FASHION,
                ),
                File(
                    "t10k-labels-idx1-ubyte.gz",
                    5148,
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                    _FASHION,
                ),
            ),
        },
        ("fashion-mnist", "FashionMNIST/raw"),
        idx.load,
    ),
    "cifar10": Source({"train": (cifar.FILE,), "test": (cifar.FILE,)}, (".", "cifar10"), cifar.load),
    "svhn": Source({split: (file,) for split, file in svhn.FILES.items()}, (".", "svhn"), svhn.load),
}
