"""Data sets as files, byte for byte as their publishers lay them out."""

import gzip
import io
import struct
import tarfile
import zlib

import numpy as np


def images(count, *shape, seed=0):
    """Random pixels."""
    return np.random.default_rng(seed).integers(0, 256, size=(count, *shape), dtype=np.uint8)


def idx(array):
    header = [0x800 | array.ndim, *array.shape]
    return b"".join(n.to_bytes(4, "big") for n in header) + array.tobytes()


def packed(content):
    return gzip.compress(content, compresslevel=1, mtime=0)


def tar_gz(members):
    """An archive of members by name."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def planes(pixels):
    """Images (N,H,W,3) as rows of a red, a green and a blue plane, as CIFAR-10 keeps them."""
    return pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)


def cifar_binary(pixels, labels):
    return np.concatenate([np.asarray(labels, np.uint8)[:, None], planes(pixels)], axis=1).tobytes()


def cifar_python(rows, labels, label="testing batch 1 of 1", names=("a.png", "b.png", "c.png")):
    """A batch as Python 2 pickles it (protocol 2); for three rows of four bytes, the very bytes that it gives."""
    memo = iter(range(1, 1 << 20))

    def put():
        place = next(memo)
        return b"q" + bytes([place]) if place < 256 else b"r" + struct.pack("<I", place)

    def text(value):
        data = value if isinstance(value, bytes) else value.encode()
        return b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + struct.pack("<i", len(data)) + data

    def number(value):
        return b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value)

    def appended(items):
        return b"".join(b"(" + b"".join(items[i : i + 1000]) + b"e" for i in range(0, len(items), 1000))

    def key(value):
        return text(value) + put()

    parts = [b"\x80\x02}", put(), b"("]
    parts += [key("data"), b"cnumpy.core.multiarray\n_reconstruct\n", put(), b"cnumpy\nndarray\n", put()]
    parts += [number(0), b"\x85", text("b"), b"\x87R", put(), b"(", number(1), *map(number, rows.shape), b"\x86"]
    parts += [b"cnumpy\ndtype\n", put(), text("u1"), number(0), number(1), b"\x87R", put()]
    parts += [b"(", number(3), text("|"), b"NNN", 2 * (b"J" + struct.pack("<i", -1)), number(0), b"tb"]
    parts += [b"\x89", text(rows.tobytes()), b"tb"]
    parts += [key("labels"), b"]", put(), appended([number(n) for n in labels])]
    parts += [key("batch_label"), text(label), put()]
    parts += [key("filenames"), b"]", put(), appended([text(name) + put() for name in names]), b"u."]
    return b"".join(parts)


def mat_element(kind, data):
    """An element of a MATLAB 5 file, in the short form where it fits."""
    if len(data) <= 4:
        return struct.pack("<HH", kind, len(data)) + data.ljust(4, b"\0")
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def mat_variable(name, array, kind=2, array_class=9, shape=None):
    """A variable; `kind` is how its values are stored, `array_class` what MATLAB takes them for."""
    shape = array.shape if shape is None else shape
    body = mat_element(6, struct.pack("<II", array_class, 0)) + mat_element(5, struct.pack(f"<{len(shape)}i", *shape))
    body += mat_element(1, name.encode()) + mat_element(kind, array.tobytes(order="F"))
    return struct.pack("<II", 14, len(body)) + body


def mat_file(*variables, pack=True):
    """A MATLAB 5 file, each variable packed as MATLAB does since version 7."""
    if pack:
        variables = [struct.pack("<II", 15, len(data)) + data for data in map(zlib.compress, variables)]
    text = b"MATLAB 5.0 MAT-file, Platform: GLNXA64, Created on: Mon Dec  5 21:09:26 2011"
    return text.ljust(116) + bytes(8) + b"\0\1IM" + b"".join(variables)


def svhn(pixels, labels, **choices):
    """SVHN's file of images (N,32,32,3) and digits; MATLAB keeps doubles that are small integers as bytes."""
    digits = np.where(np.asarray(labels) == 0, 10, labels).astype(np.uint8)[:, None]
    return mat_file(
        mat_variable("X", pixels.transpose(1, 2, 3, 0)), mat_variable("y", digits, array_class=6), **choices
    )
