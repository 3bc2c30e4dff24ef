import hashlib
import http.client
import urllib.request
from dataclasses import replace

import numpy as np
import pytest

from hwgen import data
from hwgen.data import published
from hwgen.errors import InputError
from tests.helpers.data_files import idx, images, packed, svhn

PIXELS = images(50, 28, 28)
FILES = {
    "t10k-images-idx3-ubyte.gz": packed(idx(PIXELS)),
    "t10k-labels-idx1-ubyte.gz": packed(idx(np.arange(50).astype(np.uint8) % 10)),
}


@pytest.fixture
def mirror(alone, tmp_path, monkeypatch):
    """Test splits published in a folder, behind a mirror that is down."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    def publish(name, files):
        source = published.SOURCES[name]
        known = []
        for file in source.splits["test"]:
            content = files[file.name]
            (folder / file.name).write_bytes(content)
            mirrors = ((tmp_path / "down").as_uri() + "/", folder.as_uri() + "/")
            digest = hashlib.sha256(content).hexdigest()
            known.append(replace(file, size=len(content), sha256=digest, mirrors=mirrors))
        monkeypatch.setitem(published.SOURCES, name, replace(source, splits={"test": tuple(known)}))

    publish("mnist", FILES)
    publish("fashion-mnist", FILES)
    publish("svhn", {"test_32x32.mat": svhn(images(4, 32, 32, 3), [0, 1, 2, 3])})
    return folder


def test_what_is_published_is_known_by_its_digest():
    files = {file for source in published.SOURCES.values() for split in source.splits.values() for file in split}
    assert len(files) == 4 + 4 + 1 + 3
    assert len({file.sha256 for file in files}) == len(files)
    for file in files:
        assert len(file.sha256) == 64 and int(file.sha256, 16) and file.size > 4000
        assert file.mirrors and all(mirror.endswith("/") for mirror in file.mirrors)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_downloads_are_checked_and_kept(mirror, tmp_path, name):
    seen = []
    loaded = data.load(f"{name}:test", limit=5, progress=lambda *state: seen.append(state))
    assert (loaded.images[..., 0] == PIXELS[:5]).all()
    cache = tmp_path / "cache" / "hwgen" / "data" / name
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == FILES
    sizes = {file: len(content) for file, content in FILES.items()}
    assert {file: (done, size) for file, done, size in seen} == {file: (size, size) for file, size in sizes.items()}
    for path in mirror.iterdir():
        path.unlink()
    again = data.load(f"{name}:test", limit=5)
    assert (again.images == loaded.images).all()


def test_svhn_is_downloaded(mirror, tmp_path):
    assert data.load("svhn:test").labels.tolist() == [0, 1, 2, 3]
    assert [path.name for path in (tmp_path / "cache" / "hwgen" / "data" / "svhn").iterdir()] == ["test_32x32.mat"]


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + b"x", lambda c: c[:99] + b"?" + c[100:]])
def test_a_changed_download_is_refused_and_not_kept(mirror, tmp_path, change):
    path = mirror / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match="could not be downloaded .*another file than the known one.*HWGEN_DATA"):
        data.load("mnist:test")
    assert not list((tmp_path / "cache" / "hwgen" / "data" / "mnist").iterdir())


def test_a_mirror_that_speaks_no_http_is_passed_over(mirror, monkeypatch):
    """What `http.client` makes of nonsense is no OSError."""
    whole = urllib.request.urlopen

    def nonsense(address, **options):
        if "/down/" in address:
            raise http.client.BadStatusLine("hello")
        return whole(address, **options)

    monkeypatch.setattr(urllib.request, "urlopen", nonsense)
    assert len(data.load("mnist:test")) == 50


def test_without_a_network_the_message_says_what_to_do(mirror):
    for path in mirror.iterdir():
        path.unlink()
    message = (
        "t10k-images-idx3-ubyte.gz is not here and could not be downloaded .*; get it by other means into a folder "
        "mnist/ and set HWGEN_DATA to the folder that holds that"
    )
    with pytest.raises(InputError, match=message):
        data.load("mnist:test")


def test_what_the_message_says_to_do_works(mirror, alone):
    (alone / "mnist").mkdir()
    for path in mirror.iterdir():
        path.rename(alone / "mnist" / path.name)
    assert len(data.load("mnist:test")) == 50


def test_a_cache_that_cannot_be_written(mirror, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(InputError, match=r"mnist cannot be written \(.*\); set XDG_CACHE_HOME"):
        data.load("mnist:test")
