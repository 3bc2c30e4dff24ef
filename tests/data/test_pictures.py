import io
import os

import numpy as np
import pytest

from hwgen import data
from hwgen.data import pictures
from hwgen.errors import InputError
from tests.helpers.data_files import images

Image = pytest.importorskip("PIL.Image", reason="Pillow reads pictures; it comes with hwgen[images]")


def save(path, pixels, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)


COLOUR, GREY = images(5, 6, 4, 3), images(5, 6, 4, seed=1)


def test_a_folder_of_colour_pictures(alone):
    photos = alone / "my photos"
    for name, pixels in zip(["cat/b.png", "cat/a.PNG", "Dog/y.png", "Dog/x.png", "10/x.png"], COLOUR, strict=True):
        save(photos / name, pixels)
    (photos / "cat" / ".DS_Store").write_bytes(b"x")
    (photos / ".git").mkdir()
    (photos / "README.txt").write_text("not a class")
    seen = []
    loaded = data.load(str(photos), progress=lambda *state: seen.append(state))
    # Classes 10, Dog and cat; the first of each, then the second where there is one.
    assert (loaded.images == COLOUR[[4, 3, 1, 2, 0]]).all()
    assert loaded.labels is not None and loaded.labels.tolist() == [0, 1, 2, 1, 2]
    assert loaded.name == f"{photos} (RGB)"
    assert seen == [(str(photos), n, 5) for n in range(1, 6)]
    first = data.load("../my data/my photos", limit=4)
    assert (first.images == loaded.images[:4]).all() and first.labels.tolist() == [0, 1, 2, 1]


def test_a_spec_without_a_slash_may_be_a_folder(alone):
    save(alone / "digits" / "0" / "a.png", GREY[0])
    assert (data.load("digits").images[0, ..., 0] == GREY[0]).all()


def test_pictures_by_name_and_split(alone):
    save(alone / "leaves" / "val" / "oak" / "a.png", COLOUR[0])
    save(alone / "svhn" / "test" / "0" / "a.png", COLOUR[1])
    assert (data.load("leaves:val").images == COLOUR[:1]).all()
    loaded = data.load("svhn:test")
    assert (loaded.images == COLOUR[1:2]).all() and loaded.name == "svhn:test (RGB)"


@pytest.mark.parametrize("mode", [None, "RGB", "RGBA", "LA"])
def test_grey_pixels_give_one_channel_however_they_are_stored(alone, mode):
    for number, pixels in enumerate(GREY):
        save(alone / "grey" / "0" / f"{number}.png", pixels, mode)
    loaded = data.load("./grey")
    assert loaded.images.shape == (5, 6, 4, 1) and (loaded.images[..., 0] == GREY).all()
    assert loaded.name == "./grey (greyscale)"


def test_one_colour_among_grey_gives_three_channels_whatever_the_limit(alone):
    save(alone / "mixed" / "0" / "a.png", GREY[0])
    save(alone / "mixed" / "0" / "b.png", COLOUR[0])
    loaded = data.load("./mixed")
    assert (loaded.images[0] == GREY[0][..., None]).all() and (loaded.images[1] == COLOUR[0]).all()
    first = data.load("./mixed", limit=1)
    assert first.images.shape == (1, 6, 4, 3) and (first.images == loaded.images[:1]).all()
    assert first.name == "./mixed (RGB)"


def test_palettes_bits_and_jpeg(alone):
    bits = GREY[0] > 127
    save(alone / "all" / "0" / "a.png", COLOUR[0] // 128 * 255, "P")
    save(alone / "all" / "0" / "b.png", bits)
    save(alone / "all" / "0" / "c.jpg", np.full((6, 4, 3), 40, np.uint8), quality=95)
    save(alone / "all" / "0" / "d.JPEG", np.full((6, 4), 250, np.uint8), format="JPEG", quality=95)
    loaded = data.load("./all").images
    assert (loaded[0] == Image.open(alone / "all" / "0" / "a.png").convert("RGB")).all()
    assert (loaded[1] == 255 * bits[..., None]).all()
    assert (loaded[2] == 40).all() and (loaded[3] == 250).all()


def test_the_lossless_images_of_cifar10_come_back(lossless, alone):
    count = 100
    for number, (pixels, label) in enumerate(zip(lossless.images[:count], lossless.labels)):
        save(alone / "cifar" / str(label) / f"{number:05}.png", pixels)
    loaded = data.load("./cifar")
    assert len(loaded) == count
    found = {pixels.tobytes(): label for pixels, label in zip(loaded.images, loaded.labels.tolist())}
    assert found == {
        pixels.tobytes(): label for pixels, label in zip(lossless.images[:count], lossless.labels.tolist())
    }


def png(pixels, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", **options)
    return stream.getvalue()


def deep_colour():
    """A PNG of 16 bits per channel, which Pillow cannot write."""
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + bytes(range(24)) for _ in range(6))
    header = struct.pack(">IIBBBBB", 4, 6, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def cmyk():
    stream = io.BytesIO()
    Image.fromarray(COLOUR[0]).convert("CMYK").save(stream, "JPEG")
    return stream.getvalue()


WHOLE = png(COLOUR[0])
clear = np.dstack([COLOUR[0], np.full((6, 4), 254, np.uint8)])
WRONG = [
    ("cat/b.png", WHOLE[:70], "cat/b.png cannot be taken: "),
    ("cat/b.png", b"", "cat/b.png cannot be taken: cannot identify image file"),
    ("cat/b.png", b"GIF89a" + bytes(99), "cat/b.png cannot be taken: cannot identify image file"),
    (
        "cat/b.png",
        png(COLOUR[0].transpose(1, 0, 2)),
        "cat/b.png has 4 x 6 pixels, but .*a.png has 6 x 4; scale all to one",
    ),
    ("cat/b.png", png(images(1, 1, 4097)[0]), "cat/b.png cannot be taken: it has 1 x 4097 pixels, over 4096 a side"),
    (
        "cat/b.png",
        png(np.zeros((6, 4), np.uint16)),
        r"cannot be taken: its pixels are I;16.* not grey or RGB of 8 bits",
    ),
    ("cat/b.png", deep_colour(), r"cannot be taken: its pixels are RGB \(RGB;16B\), not grey or RGB of 8 bits"),
    ("cat/b.jpg", cmyk(), "cannot be taken: its pixels are CMYK"),
    ("cat/b.png", png(clear), "cat/b.png cannot be taken: it is transparent in places; put it on a background"),
    ("cat/b.png", png(GREY[0] // 128, transparency=0), "it is transparent in places"),
    ("cat/notes.txt", b"x", "cat/notes.txt is no .png or .jpg or .jpeg file, which is all that a class folder holds"),
    (
        "cat/b.png/c.png",
        WHOLE,
        "photos holds folders of folders; name the one that holds the classes, such as .*photos/cat",
    ),
    ("dog/.hidden", b"", "dog holds no pictures; it stands for a class, so fill it or remove it"),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_folders_are_refused_in_words(alone, name, content, message):
    save(alone / "photos" / "cat" / "a.png", COLOUR[0])
    path = alone / "photos" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    for limit in (None, 1):
        with pytest.raises(InputError, match=message):
            data.load("./photos", limit)


def test_what_is_no_file_is_not_opened(alone):
    save(alone / "photos" / "cat" / "a.png", COLOUR[0])
    os.mkfifo(alone / "photos" / "cat" / "b.png")
    with pytest.raises(InputError, match="cat/b.png is no .png or .jpg or .jpeg file"):
        data.load("./photos")


def test_empty_folders_are_refused(alone):
    (alone / "photos").mkdir()
    (alone / "photos" / "a.png").write_bytes(WHOLE)
    with pytest.raises(
        InputError, match="photos holds no folders; pictures lie in one folder per class, such as .*cat"
    ):
        data.load("./photos")
    (alone / "photos" / "cat").mkdir()
    with pytest.raises(InputError, match="photos/cat holds no pictures"):
        data.load("./photos")


def test_too_many_pixels_are_refused_before_they_are_read(alone, monkeypatch):
    for number in range(3):
        save(alone / "photos" / "cat" / f"{number}.png", COLOUR[number])
    monkeypatch.setattr(pictures, "MAX_BYTES", 2 * 6 * 4 * 3)
    with pytest.raises(InputError, match="photos: its pictures unpack to 216 bytes, over 144; take fewer"):
        data.load("./photos")
    assert len(data.load("./photos", limit=2)) == 2


def test_without_pillow(alone, monkeypatch):
    save(alone / "photos" / "cat" / "a.png", COLOUR[0])
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(InputError, match=r"photos: reading it needs Pillow: pip install 'hwgen\[images\]'; or store"):
        data.load("./photos")


def test_damaged_pictures_never_raise_anything_else(alone):
    """Every byte of a PNG and of a JPEG damaged in turn."""
    stream = io.BytesIO()
    Image.fromarray(COLOUR[0]).save(stream, "JPEG")
    refused = 0
    for whole in (WHOLE, stream.getvalue()):
        for position in range(len(whole)):
            content = bytearray(whole)
            content[position] ^= 0x55
            try:
                pixels = pictures.decode(io.BytesIO(content))
                assert pixels.dtype == np.uint8 and pixels.shape[2] == 3
            except ValueError as error:
                assert str(error).isprintable()
                refused += 1
    assert refused > 100
