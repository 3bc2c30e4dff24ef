import numpy as np
import pytest

from hwgen import data
from hwgen.errors import InputError
from tests.helpers.data_files import idx, images, packed

IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
PIXELS, CLASSES = images(50, 28, 28), np.arange(50).astype(np.uint8) % 10


def write(folder, pixels, labels, names=(IMAGES, LABELS)):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(names, (pixels, labels), strict=True):
        content = idx(array)
        (folder / name).write_bytes(packed(content) if name.endswith(".gz") else content)


FORMS = [
    ("mnist:test", ".", (IMAGES, LABELS)),
    ("mnist:test", ".", (f"{IMAGES}.gz", f"{LABELS}.gz")),
    ("mnist:test", ".", ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte.gz")),
    ("mnist:test", "mnist", (IMAGES, LABELS)),
    ("mnist:train", "MNIST/raw", ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")),
    ("fashion-mnist:test", "fashion-mnist", (f"{IMAGES}.gz", LABELS)),
    ("fashion-mnist:test", "FashionMNIST/raw", (IMAGES, LABELS)),
]


@pytest.mark.parametrize(("spec", "place", "names"), FORMS)
def test_every_form_is_read(alone, spec, place, names):
    write(alone / place, PIXELS, CLASSES, names)
    loaded = data.load(spec)
    assert loaded.images.shape == (50, 28, 28, 1) and (loaded.images[..., 0] == PIXELS).all()
    assert loaded.labels is not None and (loaded.labels == CLASSES).all()
    assert loaded.name == spec
    assert (data.load(spec, limit=3).images == loaded.images[:3]).all()


def test_all_of_mnist_comes_back(mnist, alone):
    write(alone, mnist.images[..., 0], mnist.labels.astype(np.uint8), (f"{IMAGES}.gz", "t10k-labels.idx1-ubyte"))
    loaded = data.load("mnist:test")
    assert loaded.images.shape == (10000, 28, 28, 1)
    assert (loaded.images == mnist.images).all() and (loaded.labels == mnist.labels).all()


def test_the_files_of_mnist_are_not_taken_for_fashion(alone, monkeypatch):
    write(alone, PIXELS, CLASSES)
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(InputError, match=r"could not be downloaded .* into a folder fashion-mnist/ and"):
        data.load("fashion-mnist:test")


def no_network(*arguments, **options):
    raise OSError("no network")


def declared(*numbers):
    return b"".join(n.to_bytes(4, "big") for n in numbers) + bytes(1000)


DAMAGED = [
    (f"{IMAGES}.gz", b"nonsense", "Not a gzipped file"),
    (f"{IMAGES}.gz", packed(idx(PIXELS))[:-9], "ended before the end-of-stream marker"),
    (f"{IMAGES}.gz", packed(idx(PIXELS))[:-8] + bytes(8), "CRC check failed"),
    (f"{IMAGES}.gz", packed(idx(PIXELS))[:40] + b"????" + packed(idx(PIXELS))[44:], ""),
    (IMAGES, b"", "it ends early"),
    (IMAGES, idx(PIXELS)[:15], "it ends early"),
    (IMAGES, idx(PIXELS)[:-1], "its header says that 39200 bytes follow, and less do"),
    (IMAGES, idx(PIXELS) + b"x", "its header says that 39200 bytes follow, and more do"),
    (IMAGES, idx(CLASSES) + bytes(99), r"its header is \[2049, 50, .*\], not \[2051, 'N', 28, 28\]"),
    (IMAGES, idx(images(50, 28, 29)), r"its header is \[2051, 50, 28, 29\], not \[2051, 'N', 28, 28\]"),
    (IMAGES, declared(0x803, 0, 28, 28), r"its header is \[2051, 0, 28, 28\]"),
    (IMAGES, declared(0xD03, 50, 28, 28), r"its header is \[3331, 50, 28, 28\]"),  # floats
    (IMAGES, declared(0x803, 1 << 31, 28, 28), "its header says 2147483648 of them, over 2147483648 bytes"),
    (f"{IMAGES}.gz", packed(idx(PIXELS) + bytes(1 << 26)), "its header says that 39200 bytes follow, and more do"),
    (LABELS, idx(CLASSES[:49]), "it has 49 labels for the 50 images of t10k-images-idx3-ubyte"),
    (LABELS, idx(CLASSES + 1), "it has a label 10, and 9 is the last"),
    (LABELS, idx(PIXELS), r"its header is \[2051, 50\], not \[2049, 'N'\]"),
]


@pytest.mark.parametrize(("name", "content", "reason"), DAMAGED, ids=[f"{i}" for i in range(len(DAMAGED))])
def test_damaged_files_are_refused(alone, name, content, reason):
    write(alone, PIXELS, CLASSES)
    (alone / name.removesuffix(".gz")).unlink()
    (alone / name).write_bytes(content)
    with pytest.raises(
        InputError, match=f"{name} is not the published file: .*{reason}.*; delete it and fetch it again"
    ):
        data.load("mnist:test")
