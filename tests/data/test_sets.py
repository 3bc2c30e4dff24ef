import io

import numpy as np
import pytest

from hwgen import data
from hwgen.errors import InputError
from tests.helpers.data_files import images


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
    with pytest.raises(
        InputError, match=r"there is no data set 'leaves' \(known: mnist, .*leaves_test.npz or leaves/test/ in"
    ):
        data.load("leaves:test")


BAD_SPECS = [
    (
        "mnist",
        r"data is NAME:SPLIT such as mnist:test, or the path of .* a folder of pictures \(./photos\), not 'mnist'",
    ),
    (":test", "data is NAME:SPLIT"),
    ("..:test", "data is NAME:SPLIT"),
    ("../x:test", "../x:test: there is no such folder"),
    ("x" * 300, "data is NAME:SPLIT"),
    ("x" * 300 + ":test", "xxx:test: .* cannot be searched for it .File name too long"),
    ("./" + "x" * 300, "x: there is no such folder"),
    ("./photos\0", "there is no such folder"),
    ("./photos", "photos: there is no such folder"),
    ("", "data is NAME:SPLIT"),
    ("mnist:validation", "data 'mnist:validation': the split is train or test, not 'validation'"),
    ("mnist-sample:train", "data 'mnist-sample:train': the split is test, not 'train'"),
    ("absent.npz", "absent.npz: there is no such file"),
    ("cifar10-lossless:test", "cifar10-lossless:test is not in .*: it is a subset that hwgen cannot download"),
    ("svhn:validation", "data 'svhn:validation': the split is train or test or extra, not 'validation'"),
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
