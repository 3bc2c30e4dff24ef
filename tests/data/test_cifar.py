import contextlib
import functools
import io
import os
import pickle
import struct
import tarfile
import tracemalloc

import numpy as np
import pytest

from hwgen import data
from hwgen.data import cifar, cifar_pickle
from hwgen.errors import InputError
from tests.helpers.data_files import cifar_binary, cifar_python, packed, planes, tar_gz

LABELS = [7 * n % 10 for n in range(10000)]
BATCHES = ["test_batch", *(f"data_batch_{i}" for i in range(1, 6))]


@functools.cache
def pixels(number):
    """10,000 images that differ in every direction."""
    image, row, column, channel = np.ogrid[:10000, :32, :32, :3]
    return (31 * image + 8 * row + column + 50 * channel + 3 * number).astype(np.uint8)


@functools.cache
def binary(number):
    return cifar_binary(pixels(number), LABELS)


@functools.cache
def python(number):
    return cifar_python(planes(pixels(number)), LABELS, names=[f"frog_s_{i:06}.png" for i in range(10000)])


def write(folder, members):
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


FORMS = {
    "binary folder": lambda: {f"cifar-10-batches-bin/{name}.bin": binary(n) for n, name in enumerate(BATCHES)},
    "binary archive": lambda: {"cifar-10-binary.tar.gz": tar_gz(FORMS["binary folder"]())},
    "python folder": lambda: {f"cifar-10-batches-py/{name}": python(n) for n, name in enumerate(BATCHES)},
    "python archive": lambda: {"cifar10/cifar-10-python.tar.gz": tar_gz(FORMS["python folder"]())},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(alone, form):
    write(alone, FORMS[form]())
    test = data.load("cifar10:test", limit=100)
    assert test.images.shape == (100, 32, 32, 3) and (test.images == pixels(0)[:100]).all()
    assert test.labels is not None and test.labels.tolist() == LABELS[:100]
    train = data.load("cifar10:train")
    assert train.images.shape == (50000, 32, 32, 3) and train.images.flags.c_contiguous
    for number in range(1, 6):
        assert (train.images[10000 * (number - 1) : 10000 * number] == pixels(number)).all()
    assert train.labels is not None and train.labels.tolist() == 5 * LABELS


def test_a_split_is_found_without_the_other(alone):
    write(alone, {"cifar-10-batches-bin/data_batch_1.bin": b"", "cifar-10-batches-py/test_batch": python(0)})
    assert (data.load("cifar10:test").images == pixels(0)).all()


def test_images_of_cifar10_come_back(lossless, alone):
    count = len(lossless)
    rows = np.concatenate([planes(lossless.images), np.zeros((10000 - count, 3072), np.uint8)])
    labels = [*lossless.labels.tolist(), *[0] * (10000 - count)]
    write(alone, {"cifar-10-batches-py/test_batch": cifar_python(rows, labels, names=())})
    loaded = data.load("cifar10:test", limit=count)
    assert (loaded.images == lossless.images).all() and (loaded.labels == lossless.labels).all()


def link(target):
    """An archive whose test batch is a link."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        info.type, info.linkname = tarfile.SYMTYPE, target
        archive.addfile(info)
    return stream.getvalue()


def sparse():
    """An archive whose test batch says that it has holes, and lies about where."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        info.pax_headers = {"GNU.sparse.map": "0,x", "GNU.sparse.size": "10"}
        archive.addfile(info)
    return stream.getvalue()


DAMAGED = [
    ("cifar-10-binary.tar.gz", sparse(), "invalid literal"),
    ("cifar-10-binary.tar.gz", b"nonsense", "Not a gzipped file"),
    ("cifar-10-binary.tar.gz", packed(b"nonsense"), "truncated header|unexpected end|invalid header|file could not"),
    ("cifar-10-binary.tar.gz", tar_gz({}), "it has no cifar-10-batches-bin/test_batch.bin"),
    ("cifar-10-binary.tar.gz", link("/etc/passwd"), "it has no cifar-10-batches-bin/test_batch.bin"),
    ("cifar-10-binary.tar.gz", link("test_batch.bin"), "it has no cifar-10-batches-bin/test_batch.bin"),
    (
        "cifar-10-binary.tar.gz",
        tar_gz({"cifar-10-batches-bin/test_batch.bin": bytes(3073)}),
        "it has 3073 bytes, not 30730000",
    ),
    ("cifar-10-batches-bin/test_batch.bin", lambda: binary(0)[:-1], "it has 30729999 bytes, not 30730000"),
    ("cifar-10-batches-bin/test_batch.bin", lambda: b"\x0a" + binary(0)[1:], "it has a label 10, and 9 is the last"),
    ("cifar-10-batches-py/test_batch", lambda: python(0)[:-1], "its pickle is damaged"),
    ("cifar-10-batches-py/test_batch", lambda: binary(0), "its pickle is damaged|has an instruction"),
    ("cifar-10-batches-py/test_batch", cifar_python(np.zeros((3, 4), np.uint8), [1, 2, 3]), "are no list of 10000"),
    (
        "cifar-10-batches-py/test_batch",
        lambda: cifar_python(planes(pixels(0)), [10, *LABELS[1:]]),
        "it has a label 10, and 9 is the last",
    ),
]


@pytest.mark.parametrize(("name", "content", "reason"), DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_files_are_refused(alone, name, content, reason):
    write(alone, {name: content() if callable(content) else content})
    with pytest.raises(InputError, match=f"{name}.* is not the published file: .*({reason}).*; delete it and fetch it"):
        data.load("cifar10:test")


@pytest.mark.parametrize(
    ("name", "content"),
    [("cifar-10-binary.tar.gz", packed(bytes(1 << 21))), ("cifar-10-batches-bin/test_batch.bin", bytes(1 << 21))],
    ids=["packed", "plain"],
)
def test_too_many_bytes_are_not_read(alone, monkeypatch, name, content):
    monkeypatch.setattr(cifar, "_MAX_ARCHIVE_BYTES", 1 << 20)
    monkeypatch.setattr(cifar, "_MAX_BATCH_BYTES", 1 << 20)
    write(alone, {name: content})
    with pytest.raises(InputError, match=f"{name} is not the published file: it holds more than 1048576 bytes"):
        data.load("cifar10:test")


# What cPickle of Python 2.7 and NumPy 1.16 made of a dict with this array, these labels and names.
ROWS = np.arange(12, dtype=np.uint8).reshape(3, 4)
PYTHON2 = (
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b"
    b"\x87Rq\x05(K\x01K\x03K\x04\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ"
    b"\xff\xff\xff\xffK\x00tb\x89U\x0c\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0btbU\x06labelsq\x08]q\t(K\x03K\tK"
    b"\x00eU\x0bbatch_labelq\nU\x14testing batch 1 of 1q\x0bU\tfilenamesq\x0c]q\r(U\x05a.pngq\x0eU\x05b.pngq\x0fU"
    b"\x05c.pngq\x10eu."
)


def test_a_batch_of_python_2():
    assert cifar_python(ROWS, [3, 9, 0]) == PYTHON2
    rows, labels = cifar_pickle.parse(PYTHON2, (3, 4))
    assert rows.dtype == np.uint8 and (rows == ROWS).all() and labels.tolist() == [3, 9, 0]


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("key", [str, str.encode])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_batch_of_python_3(protocol, key, order):
    batch = {key("labels"): [3, 9, 0], key("data"): np.asarray(ROWS, order=order), key("filenames"): [b"a", "b"]}
    rows, labels = cifar_pickle.parse(pickle.dumps(batch, protocol), (3, 4))
    assert (rows == ROWS).all() and labels.tolist() == [3, 9, 0]


WRONG = [
    ({"labels": [1, 2, 3]}, "its `data` are no array"),
    ({"labels": [1, 2, 3], "data": ROWS.tobytes()}, "its `data` are no array"),
    ({"labels": [1, 2, 3], "data": ROWS.T}, "its `data` are no 3 x 4 array of bytes"),
    ({"labels": [1, 2, 3], "data": ROWS.astype(np.int8)}, "its `data` are no 3 x 4 array of bytes"),
    ({"labels": [1, 2, 3], "data": ROWS.astype(object)}, "its `data` are no 3 x 4 array of bytes"),
    ({"data": ROWS}, "its `labels` are no list of 3"),
    ({"labels": np.arange(3), "data": ROWS}, "its `labels` are no list of 3"),
    ({"labels": [1, 2], "data": ROWS}, "its `labels` are no list of 3"),
    ({"labels": [1, 2, -1], "data": ROWS}, "its `labels` are no small integers"),
    ({"labels": [1, 2, 256], "data": ROWS}, "its `labels` are no small integers"),
    ({"labels": [1, 2, True], "data": ROWS}, "its `labels` are no small integers"),
    ({"labels": [1, 2, "3"], "data": ROWS}, "its `labels` are no small integers"),
    ([1, 2, 3], "its pickle is no dict"),
    ({"labels": [1, 2, 3], "data": ROWS, "x": 1.5}, "its pickle has an instruction BINFLOAT, which no batch needs"),
    ({"labels": [1, 2, 3], "data": ROWS, "x": np.uint8(1)}, "its pickle names numpy.*scalar, which no batch needs"),
]


@pytest.mark.parametrize(("batch", "message"), WRONG, ids=[f"{i}" for i in range(len(WRONG))])
def test_other_contents_are_refused(batch, message):
    with pytest.raises(InputError, match=message):
        cifar_pickle.parse(pickle.dumps(batch, 3), (3, 4))


class Runs:
    """An object whose unpickling runs a command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_no_batch_runs_anything(tmp_path):
    mark = tmp_path / "it ran"
    command = f"touch '{mark}'"
    hostile = [pickle.dumps({"labels": Runs(command)}, protocol) for protocol in range(6)]
    hostile.append(
        PYTHON2.replace(b"K\x03K\tK\x00e", b"cos\nsystem\n(U" + bytes([len(command)]) + command.encode() + b"tRe")
    )
    hostile.append(b"\x80\x02c__builtin__\neval\nU\x0f__import__('os')\x85R.")
    for name in (b"cnumpy.core.multiarray\nos.system\n", b"cnumpy\nload\n", b"cnumpy\nndarray.tofile\n"):
        hostile.append(PYTHON2.replace(b"cnumpy\nndarray\n", name))
    hostile.append(PYTHON2.replace(b"cnumpy\nndarray\n", b"\x82\x01"))  # an entry of the extension registry
    hostile.append(PYTHON2.replace(b"cnumpy\nndarray\n", b"Psomething\n"))  # a persistent object
    with_name = 0
    for content in hostile:
        with pytest.raises(
            InputError, match="its pickle (names .*|has an instruction [A-Z0-9]+), which no batch needs"
        ) as e:
            cifar_pickle.parse(content, (3, 4))
        with_name += "names" in str(e.value)
        assert not mark.exists()
    assert with_name >= 6
    pickle.loads(hostile[0])
    assert mark.exists(), "the hostile pickle does not do what it is here for"


LARGE = [
    (PYTHON2.replace(b"q\x05", b"r" + struct.pack("<I", 1 << 27)), "more than 131072 instructions or memo places"),
    (PYTHON2.replace(b"U\x0c", b"T" + struct.pack("<i", 1 << 30)), "its pickle is damaged"),
    (PYTHON2.replace(b"U\x0c", b"B" + struct.pack("<I", 1 << 30)), "its pickle is damaged"),
    (PYTHON2.replace(b"U\x0c", b"\x96" + struct.pack("<Q", 1 << 30)), "its pickle is damaged|BYTEARRAY8"),
    (b"\x80\x04\x95" + struct.pack("<Q", 1 << 30) + PYTHON2[2:], "its pickle is damaged"),
    (b"\x80\x02" + b"]" * 200000 + b".", "more than 131072 instructions or memo places"),
    # Right for all that matters: nothing is made of the size that the array is said to have at first.
    (PYTHON2.replace(b"K\x00\x85", b"J" + struct.pack("<i", 1 << 30) + b"\x85"), None),
]


@pytest.mark.parametrize(("content", "message"), LARGE, ids=range(len(LARGE)))
def test_a_stated_size_takes_no_memory(content, message):
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message) if message else contextlib.nullcontext():
            cifar_pickle.parse(content, (3, 4))
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


def test_damaged_pickles_never_raise_anything_else():
    random = np.random.default_rng(0)
    refused = 0
    wholes = [PYTHON2, pickle.dumps({"labels": [1, 2, 3], "data": ROWS}, 4)]
    for _ in range(2000):
        content = bytearray(wholes[random.integers(2)])
        for _ in range(random.integers(1, 6)):
            content[random.integers(len(content))] = random.choice(
                [random.integers(256), *b"cRbitouq(}]eU.012\x85\x86\x87"]
            )
        try:
            cifar_pickle.parse(bytes(content), (3, 4))
        except InputError as error:
            assert str(error).isprintable()
            refused += 1
    assert 1000 < refused < 2000
