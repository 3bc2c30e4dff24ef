"""SVHN's cropped digits: MATLAB files with X (32,32,3,N) uint8 and y (N,1), where 10 stands for the digit 0."""

from pathlib import Path

import numpy as np

from . import matlab
from .dataset import MAX_BYTES
from .download import File
from .streams import refused

_MIRRORS = ("http://ufldl.stanford.edu/housenumbers/",)
FILES = {
    "train": File(
        "train_32x32.mat",
        182040794,
        "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
        _MIRRORS,
    ),
    "test": File(
        "test_32x32.mat",
        64275384,
        "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
        _MIRRORS,
    ),
    "extra": File(
        "extra_32x32.mat",
        1329278602,
        "a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3",
        _MIRRORS,
    ),
}


def load(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Images (N,32,32,3) and labels (N,), or None where the split's file does not lie in `folder`."""
    path = folder / FILES[split].name
    if not path.is_file():
        return None
    arrays = matlab.read(path, ("X", "y"), MAX_BYTES)
    images, labels = arrays["X"], arrays["y"]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3) or not images.size:
        raise refused(path, f"its X is {images.dtype} {images.shape}, not uint8 (32, 32, 3, N)")
    if labels.shape != (images.shape[3], 1):
        raise refused(path, f"its y is {labels.shape}, not {(images.shape[3], 1)}")
    if not np.isin(labels, np.arange(1, 11)).all():
        raise refused(path, "its labels are not all 1 to 10")
    return images.transpose(3, 0, 1, 2), (labels[:, 0] % 10).astype(np.uint8)
