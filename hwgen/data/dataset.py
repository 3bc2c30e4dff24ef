"""What a data set is, whatever it is read from."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError

MAX_BYTES = 1 << 31


@dataclass(frozen=True)
class Dataset:
    """Images as they are stored, unscaled.

    Attributes
    ----------
    images : uint8, (N, height, width, channels)
    labels : int64, (N,), or None where the file has none
    name : where they come from, for reports
    """

    images: np.ndarray
    labels: np.ndarray | None
    name: str

    def __len__(self):
        return len(self.images)


def checked(images: np.ndarray, labels: np.ndarray | None, limit: int | None, name: str, where) -> Dataset:
    """The first `limit` of images (N,H,W[,C]) with their labels (N,).

    InputError: they are no images, or labels do not fit them; the sentence begins with `where`.
    """
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise InputError(
            f"{where}: images are uint8 (N,H,W) or (N,H,W,C), raw pixels, not {images.dtype} of shape {images.shape}"
        )
    if images.size == 0:
        raise InputError(f"{where}: it holds no images (shape {images.shape})")
    if labels is not None:
        if labels.dtype.kind not in "iu" or labels.shape != (len(images),):
            raise InputError(
                f"{where}: {len(images)} images need as many integer labels, not {labels.dtype} of shape {labels.shape}"
            )
        if int(labels.min()) < 0 or int(labels.max()) >= 1 << 31:
            raise InputError(f"{where}: labels are class indices from 0, not {int(labels.min())}..{int(labels.max())}")
        labels = labels[:limit].astype(np.int64)
    if images.ndim == 3:
        images = images[..., None]
    return Dataset(np.ascontiguousarray(images[:limit]), labels, name)
