import struct
import zlib

import numpy as np
import pytest

from hwgen import data
from hwgen.data import matlab
from hwgen.errors import InputError
from tests.helpers.data_files import images, mat_element, mat_file, mat_variable, svhn

PIXELS, DIGITS = images(20, 32, 32, 3), np.arange(20) % 10


@pytest.mark.parametrize("split", ["train", "test", "extra"])
@pytest.mark.parametrize("place", ["", "svhn"])
@pytest.mark.parametrize("pack", [True, False])
def test_cropped_digits_are_read(alone, split, place, pack):
    (alone / place).mkdir(exist_ok=True)
    (alone / place / f"{split}_32x32.mat").write_bytes(svhn(PIXELS, DIGITS, pack=pack))
    loaded = data.load(f"svhn:{split}")
    assert loaded.images.shape == (20, 32, 32, 3) and loaded.images.flags.c_contiguous
    assert (loaded.images == PIXELS).all() and loaded.labels is not None and (loaded.labels == DIGITS).all()
    assert (data.load(f"svhn:{split}", limit=3).images == PIXELS[:3]).all()


def test_what_another_program_writes(alone):
    """SciPy as the writer, with labels of every type that it knows to store."""
    scipy = pytest.importorskip(
        "scipy.io", reason="SciPy writes the files that this test reads; it comes with hwgen[dev]"
    )
    for dtype in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64):
        for pack in (False, True):
            variables = {
                "y": np.where(DIGITS == 0, 10, DIGITS).astype(dtype)[:, None],
                "X": PIXELS.transpose(1, 2, 3, 0),
            }
            scipy.savemat(alone / "test_32x32.mat", variables, do_compression=pack)
            loaded = data.load("svhn:test")
            assert (loaded.images == PIXELS).all() and (loaded.labels == DIGITS).all()


def test_images_of_cifar10_come_back(lossless, alone):
    (alone / "test_32x32.mat").write_bytes(svhn(lossless.images, lossless.labels))
    loaded = data.load("svhn:test")
    assert (loaded.images == lossless.images).all() and (loaded.labels == lossless.labels).all()


X = mat_variable("X", PIXELS.transpose(1, 2, 3, 0))
Y = mat_variable("y", np.full((20, 1), 10, np.uint8))
WHOLE = mat_file(X, Y)


def labels(values, **choices):
    return mat_file(X, mat_variable("y", np.asarray(values)[:, None], **choices))


def element(kind, data, size=None):
    return struct.pack("<II", kind, len(data) if size is None else size) + data


DAMAGED = [
    (b"", "it is no MATLAB 5 file"),
    (b"MATLAB 7.3 MAT-file" + WHOLE[19:124] + b"\0\2IM" + WHOLE[128:], "it is no MATLAB 5 file"),
    (WHOLE[:124] + b"\1\0MI" + WHOLE[128:], "it is no MATLAB 5 file"),
    (WHOLE[:-1], "it ends early"),
    (WHOLE + b"abc", "it ends early"),
    (WHOLE[:128], "it has no variable X"),
    (mat_file(X), "it has no variable y"),
    (mat_file(X, X, Y), "it has variables other than X and y"),
    (mat_file(X, Y, mat_variable("z", PIXELS)), "it has variables other than X and y"),
    (WHOLE[:400] + b"????" + WHOLE[404:], "Error -3 while decompressing"),
    (WHOLE[:128] + element(15, b"nonsense"), "Error -3 while decompressing"),
    (WHOLE[:128] + element(15, zlib.compress(b"")), "it ends early"),
    (WHOLE[:128] + element(15, zlib.compress(element(15, b""))), "it has a packed element of kind 15"),
    (mat_file(element(14, X[8:], size=len(X)), Y), "it ends early"),
    (mat_file(element(14, struct.pack("<HHI", 6, 8, 9) + X[16:]), Y), "it ends early"),  # eight bytes in the short form
    (WHOLE[:128] + element(9, bytes(8)), "it has an element of kind 9, which is no variable"),
    (WHOLE[:128] + element(14, X[8:], size=0xFFFFFFFF), "it ends early"),
    (WHOLE[:128] + element(14, b""), "it ends early"),
    (mat_file(element(14, mat_element(5, bytes(8))), pack=False), "a variable has no flags"),
    (mat_file(mat_variable("X", PIXELS, array_class=2)), "a variable is no array of real numbers"),  # a struct
    (mat_file(mat_variable("X", PIXELS, array_class=9 | 0x800)), "a variable is no array of real numbers"),  # complex
    (mat_file(mat_variable("X", PIXELS, shape=(20,))), "a variable has no dimensions"),
    (mat_file(mat_variable("X", PIXELS, shape=(1 << 30, 1 << 30, 1 << 30))), "a variable of shape .* has 61440 bytes"),
    (mat_file(mat_variable("X", PIXELS, shape=(-32, -32, 3, 20))), "a variable of shape .* has 61440 bytes"),
    (mat_file(mat_variable("X", PIXELS, kind=14)), "a variable has values of kind 14"),
    (mat_file(mat_variable("X", PIXELS), Y), r"its X is uint8 \(20, 32, 32, 3\), not uint8 \(32, 32, 3, N\)"),
    (mat_file(mat_variable("X", PIXELS.transpose(1, 2, 3, 0), kind=1), Y), r"its X is int8 \(32, 32, 3, 20\)"),
    (labels(np.ones(19, np.uint8)), r"its y is \(19, 1\), not \(20, 1\)"),
    (labels(np.ones(20)), r"a variable of shape \(20, 1\) has 160 bytes of uint8"),
    (labels(np.array([0] + [1] * 19, np.uint8)), "its labels are not all 1 to 10"),
    (labels(np.array([11] + [1] * 19, np.uint8)), "its labels are not all 1 to 10"),
    (labels(np.array([1.5] + [1] * 19), kind=9, array_class=6), "its labels are not all 1 to 10"),
    (labels(np.array([np.nan] + [1] * 19), kind=9, array_class=6), "its labels are not all 1 to 10"),
]


@pytest.mark.parametrize(("content", "reason"), DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_files_are_refused(alone, content, reason):
    (alone / "test_32x32.mat").write_bytes(content)
    with pytest.raises(InputError, match=f"test_32x32.mat is not the published file: .*({reason}).*; delete it and"):
        data.load("svhn:test")


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.mat"
    path.write_bytes(mat_file(mat_variable("X", np.zeros((1 << 24, 1), np.uint8)), Y))
    assert path.stat().st_size < 1 << 15
    with pytest.raises(InputError, match="it unpacks to too many bytes"):
        matlab.read(path, ("X", "y"), 1 << 20)
    path.write_bytes(mat_file(X, Y))
    both = len(X) - 8 + len(Y)
    with pytest.raises(InputError, match="it unpacks to too many bytes"):
        matlab.read(path, ("X", "y"), both - 1)
    assert matlab.read(path, ("X", "y"), both)["y"].shape == (20, 1)


def test_damaged_files_never_raise_anything_else(tmp_path):
    """Damage before and after packing; SciPy's reader crashes on some of these files."""
    random = np.random.default_rng(0)
    path = tmp_path / "test.mat"
    small = mat_variable("X", PIXELS[:1, :2].transpose(1, 2, 3, 0))
    refused = 0
    for number in range(500):
        variables = [bytearray(small), bytearray(Y)]
        for variable in variables:
            for _ in range(random.integers(0, 3)):
                variable[random.integers(80)] = random.choice([0, 255, random.integers(256)])
        content = bytearray(mat_file(*map(bytes, variables), pack=bool(number % 2)))
        if number % 3 == 0:
            content[random.integers(124, len(content))] = random.integers(256)
        path.write_bytes(content)
        try:
            matlab.read(path, ("X", "y"), 1 << 20)
        except InputError as error:
            assert str(error).isprintable()
            refused += 1
    assert 200 < refused < 500
