import io

import numpy as np
import pytest

from hwgen import data
from hwgen.errors import InputError


def test_jpeg_copies(alone):
    image = pytest.importorskip("PIL.Image", reason="Pillow reads JPEG; it comes with hwgen[images]")
    pictures = []
    for level in (10, 120, 250):
        stream = io.BytesIO()
        image.fromarray(np.full((32, 32, 3), level, np.uint8)).save(stream, "JPEG", quality=95)
        pictures.append(stream.getvalue())
    offsets = np.cumsum([0, *map(len, pictures)])
    arrays = {"jpeg_bytes": np.frombuffer(b"".join(pictures), np.uint8), "offsets": offsets, "labels": np.arange(3)}
    np.savez(alone / "cifar10_jpeg_test.npz", **arrays)
    loaded = data.load("cifar10:test", limit=2)
    assert loaded.name == "cifar10:test (JPEG copy)"
    assert loaded.images.shape == (2, 32, 32, 3)
    assert (loaded.images[0] == 10).all() and (loaded.images[1] == 120).all()
    np.savez(alone / "cifar10_jpeg_test.npz", **{**arrays, "offsets": offsets // 2})
    with pytest.raises(InputError, match="cifar10_jpeg_test.npz: a JPEG cannot be read: "):
        data.load("cifar10:test")
    np.savez(alone / "cifar10_jpeg_test.npz", **{**arrays, "labels": np.int64(3)})
    with pytest.raises(InputError, match=r"cifar10_jpeg_test.npz: labels are N integers, not int64 of shape \(\)"):
        data.load("cifar10:test")


def test_jpeg_copies_without_pillow(alone, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    np.savez(alone / "cifar10_jpeg_test.npz", labels=np.arange(3))
    with pytest.raises(InputError, match=r"needs Pillow: pip install 'hwgen\[images\]'; or take cifar10-lossless"):
        data.load("cifar10:test")
