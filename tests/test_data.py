import functools
import gzip
import hashlib
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from hwgen import data, data_sources
from hwgen.errors import InputError


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A folder in $HWGEN_DATA, with no other place to find data in and an empty cache."""
    folder = tmp_path / "my data"
    folder.mkdir()
    monkeypatch.setenv("HWGEN_DATA", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data_sources.sys, "platform", "linux")
    everywhere = data.folders
    monkeypatch.setattr(data, "folders", lambda: [p for p in everywhere() if tmp_path in p.parents])
    monkeypatch.chdir(folder)
    return folder


def images(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=(count, *shape), dtype=np.uint8)


@pytest.mark.parametrize(
    ("spec", "shape", "count"), [("mnist-sample:test", (28, 28, 1), 200), ("cifar10-sample:test", (32, 32, 3), 50)]
)
def test_samples_come_with_hwgen(alone, spec, shape, count):
    sample = data.load(spec)
    assert sample.images.shape == (count, *shape) and sample.images.dtype == np.uint8
    assert sample.labels is not None and sample.labels.dtype == np.int64
    assert set(sample.labels.tolist()) == set(range(10))
    assert sample.name == spec and len(sample) == count
    assert len(np.unique(sample.images.reshape(count, -1), axis=0)) == count
    first = data.load(spec, limit=7)
    assert (first.images == sample.images[:7]).all()
    assert first.labels is not None and (first.labels == sample.labels[:7]).all()


def test_samples_are_images_of_the_whole_sets():
    compared = []
    for whole, sample in (("mnist:test", "mnist-sample:test"), ("cifar10-lossless:test", "cifar10-sample:test")):
        part = data.load(sample)
        try:
            found = data.load(whole) if any((f / "mnist.npz").is_file() for f in data.folders()) else None
        except InputError:
            found = None
        if found is None:
            continue
        labels = {image.tobytes(): int(label) for image, label in zip(found.images, found.labels, strict=True)}
        assert [labels[image.tobytes()] for image in part.images] == part.labels.tolist()
        compared.append(whole)
    if not compared:
        pytest.skip("the whole data sets are not here")


def test_an_npz_with_and_without_labels(alone):
    colour, grey = images(5, 4, 6, 3), images(3, 4, 6, seed=1)
    np.savez(alone / "colour set.npz", images=colour, labels=np.arange(5, dtype=np.uint16))
    np.savez_compressed(alone / "grey.npz", images=grey)
    loaded = data.load(str(alone / "colour set.npz"))
    assert (loaded.images == colour).all() and loaded.name == "colour set.npz"
    assert loaded.labels is not None and loaded.labels.tolist() == [0, 1, 2, 3, 4]
    loaded = data.load("grey.npz", limit=2)
    assert loaded.images.shape == (2, 4, 6, 1) and (loaded.images[..., 0] == grey[:2]).all()
    assert loaded.labels is None


def test_sets_of_your_own_by_name(alone):
    np.savez(alone / "leaves_val.npz", images=images(2, 3, 3), labels=np.array([1, 0]))
    np.savez(alone / "mnist.npz", test_images=images(4, 28, 28), test_labels=np.zeros(4, np.uint8))
    assert len(data.load("leaves:val")) == 2
    assert len(data.load("mnist:test")) == 4
    with pytest.raises(InputError, match="mnist.npz: it has no array 'train_images'"):
        data.load("mnist:train")
    with pytest.raises(InputError, match=r"there is no data set 'leaves' \(known: mnist, .*leaves_test.npz in"):
        data.load("leaves:test")


BAD_SPECS = [
    ("mnist", "data is NAME:SPLIT such as mnist:test, or the path of an .npz file, not 'mnist'"),
    (":test", "data is NAME:SPLIT"),
    ("../x:test", "data is NAME:SPLIT"),
    ("", "data is NAME:SPLIT"),
    ("mnist:validation", "data 'mnist:validation': the split is test or train, not 'validation'"),
    ("mnist-sample:train", "data 'mnist-sample:train': the split is test, not 'train'"),
    ("absent.npz", "absent.npz: there is no such file"),
    ("cifar10-lossless:test", "cifar10-lossless:test is not in .*: it is a subset that hwgen cannot download"),
    ("svhn:test", "svhn:test is not in .*hwgen cannot read its MATLAB files; .* in svhn_test.npz"),
]


@pytest.mark.parametrize(("spec", "message"), BAD_SPECS, ids=[spec or "empty" for spec, _ in BAD_SPECS])
def test_wrong_specs_are_refused_in_words(alone, spec, message):
    with pytest.raises(InputError, match=message):
        data.load(spec)


BAD_ARRAYS = [
    ({"labels": np.zeros(3, int)}, "it has no array 'images'"),
    ({"images": images(2, 3, 3) / 255}, "images are uint8 .*, raw pixels, not float64"),
    ({"images": images(2, 3)}, r"raw pixels, not uint8 of shape \(2, 3\)"),
    ({"images": images(0, 3, 3)}, r"it holds no images \(shape \(0, 3, 3\)\)"),
    ({"images": images(2, 3, 3), "labels": np.zeros(3, int)}, "2 images need as many integer labels"),
    ({"images": images(2, 3, 3), "labels": np.zeros(2)}, "2 images need as many integer labels, not float64"),
    ({"images": images(2, 3, 3), "labels": np.array([0, -1])}, r"labels are class indices from 0, not -1\.\.0"),
    ({"images": np.array([{}], dtype=object)}, "it holds Python objects, which need pickle"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS, ids=[m for _, m in BAD_ARRAYS])
def test_wrong_arrays_are_refused_in_words(alone, arrays, message):
    np.savez(alone / "bad.npz", **arrays)
    with pytest.raises(InputError, match=f"bad.npz: .*{message}"):
        data.load("bad.npz")


def test_damaged_files_never_raise_anything_else(alone):
    stream = io.BytesIO()
    np.savez_compressed(stream, images=images(3, 5, 5), labels=np.arange(3))
    whole = stream.getvalue()
    tried = refused = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        for content in (whole[:position], bytes(damaged)):
            (alone / "bad.npz").write_bytes(content)
            try:
                data.load("bad.npz")
            except InputError as error:
                assert "bad.npz" in str(error) and str(error).isprintable()
                refused += 1
            tried += 1
    assert tried == 2 * len(whole) > 500
    assert refused > len(whole)


def test_a_limit_below_one_is_refused():
    with pytest.raises(InputError, match="the limit is at least 1 image, not 0"):
        data.load("mnist-sample:test", limit=0)


def test_a_wrong_folder_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("HWGEN_DATA", str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"\$HWGEN_DATA is .*absent', which is no folder"):
        data.load("mnist:test")


def idx(array):
    header = [0x800 | array.ndim, *array.shape]
    return gzip.compress(b"".join(n.to_bytes(4, "big") for n in header) + array.tobytes(), compresslevel=1)


@functools.cache
def mnist_files():
    return {
        "t10k-images-idx3-ubyte.gz": idx(images(10000, 28, 28) // 128),
        "t10k-labels-idx1-ubyte.gz": idx(np.arange(10000).astype(np.uint8) % 10),
    }


def cifar_archive(batches, count=10000):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for number, name in enumerate(batches):
            record = np.full((count, 3073), number, np.uint8)
            record[:, 0] = np.arange(count) % 10
            record[:, 1:1025] = 200  # red
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            info.size = record.size
            archive.addfile(info, io.BytesIO(record.tobytes()))
    return stream.getvalue()


def test_published_files_are_read(alone):
    for name, content in mnist_files().items():
        (alone / name).write_bytes(content)
    loaded = data.load("mnist:test")
    assert (loaded.images[..., 0] == images(10000, 28, 28) // 128).all()
    assert loaded.labels is not None and loaded.labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    (alone / "cifar-10-binary.tar.gz").write_bytes(cifar_archive(names))
    test, train = data.load("cifar10:test", limit=3), data.load("cifar10:train")
    assert test.images.shape == (3, 32, 32, 3) and train.images.shape == (50000, 32, 32, 3)
    assert (test.images == [200, 5, 5]).all()
    assert (train.images[::10000, 7, 9] == [[200, i, i] for i in range(5)]).all()
    assert train.labels is not None and train.labels[-1] == 9


DAMAGED = [
    ("t10k-images-idx3-ubyte.gz", b"nonsense"),
    ("t10k-images-idx3-ubyte.gz", idx(images(9, 28, 28))),
    ("t10k-images-idx3-ubyte.gz", gzip.compress(bytes(16 + 7840000))),
    ("t10k-labels-idx1-ubyte.gz", mnist_files()["t10k-labels-idx1-ubyte.gz"][:-9]),
    ("t10k-labels-idx1-ubyte.gz", gzip.compress(bytes(10008))),
]


@pytest.mark.parametrize(("name", "content"), DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_published_files_are_refused(alone, name, content):
    for key, value in {**mnist_files(), name: content}.items():
        (alone / key).write_bytes(value)
    with pytest.raises(InputError, match=r"t10k-images.* is damaged \(.*\); delete it and try again"):
        data.load("mnist:test")


ARCHIVES = {"nonsense": b"nonsense", "empty": cifar_archive([]), "short": cifar_archive(["test_batch"], count=9)}


@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)  # no ids of bytes: an archive holds the time
def test_a_damaged_archive_is_refused(alone, content):
    (alone / "cifar-10-binary.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match="cifar-10-binary.tar.gz is damaged"):
        data.load("cifar10:test")


@pytest.fixture
def mirror(alone, tmp_path, monkeypatch):
    """MNIST's test split published in a folder, behind a mirror that is down."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    files = []
    for known in data_sources.SOURCES["mnist"].of_split["test"]:
        content = mnist_files()[known.name]
        (folder / known.name).write_bytes(content)
        mirrors = ((tmp_path / "down").as_uri() + "/", folder.as_uri() + "/")
        files.append(replace(known, size=len(content), sha256=hashlib.sha256(content).hexdigest(), mirrors=mirrors))
    source = data_sources.Source({"test": tuple(files)}, data_sources.SOURCES["mnist"].reader)
    monkeypatch.setitem(data_sources.SOURCES, "mnist", source)
    return folder


def test_downloads_are_checked_and_kept(mirror, tmp_path):
    seen = []
    loaded = data.load("mnist:test", limit=5, progress=lambda *state: seen.append(state))
    assert (loaded.images[..., 0] == images(10000, 28, 28)[:5] // 128).all()
    sizes = {path.name: path.stat().st_size for path in mirror.iterdir()}
    cache = tmp_path / "cache" / "hwgen" / "data"
    assert {path.name: path.stat().st_size for path in cache.iterdir()} == sizes
    assert {name: (done, size) for name, done, size in seen} == {name: (size, size) for name, size in sizes.items()}
    for path in mirror.iterdir():
        path.unlink()
    again = data.load("mnist:test", limit=5)
    assert (again.images == loaded.images).all()


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + b"x", lambda c: c[:99] + b"?" + c[100:]])
def test_a_changed_download_is_refused_and_not_kept(mirror, tmp_path, change):
    path = mirror / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match="could not be downloaded .*another file than the known one.*HWGEN_DATA"):
        data.load("mnist:test")
    assert not list((tmp_path / "cache" / "hwgen" / "data").iterdir())


def test_without_a_network_the_message_says_what_to_do(mirror):
    for path in mirror.iterdir():
        path.unlink()
    message = "t10k-images-idx3-ubyte.gz could not be downloaded .* put it into a folder and set HWGEN_DATA to that"
    with pytest.raises(InputError, match=message):
        data.load("mnist:test")


def test_jpeg_copies(alone):
    image = pytest.importorskip("PIL.Image")
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
    with pytest.raises(InputError, match="a JPEG cannot be read"):
        data.load("cifar10:test")


def test_jpeg_copies_without_pillow(alone, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    np.savez(alone / "cifar10_jpeg_test.npz", labels=np.arange(3))
    with pytest.raises(InputError, match=r"need Pillow: pip install 'hwgen\[images\]', or take cifar10-lossless"):
        data.load("cifar10:test")
