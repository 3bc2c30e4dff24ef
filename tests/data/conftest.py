"""A data folder of one's own, and the whole data sets where they are."""

import pytest

from hwgen import data
from hwgen.data import download, sets


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A folder in $HWGEN_DATA, with no other place to find data in and an empty cache."""
    folder = tmp_path / "my data"
    folder.mkdir()
    monkeypatch.setenv("HWGEN_DATA", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download.sys, "platform", "linux")
    everywhere = sets.folders
    monkeypatch.setattr(sets, "folders", lambda: [p for p in everywhere() if tmp_path in p.parents])
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def mnist():
    """All test images of MNIST."""
    return _whole("mnist:test", "mnist.npz")


@pytest.fixture(scope="session")
def lossless():
    """Test images of CIFAR-10, pixel-exact."""
    return _whole("cifar10-lossless:test", "cifar10_lossless_subset.npz")


def _whole(spec, file):
    if not any((folder / file).is_file() for folder in data.folders()):
        pytest.skip(f"{file} is not here, and tests download nothing")
    return data.load(spec)
