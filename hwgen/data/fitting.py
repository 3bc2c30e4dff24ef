"""Pictures of any size made what a network takes, as its card's `fit` says.

``crop``: the largest middle part that has the aspect ratio, scaled (bicubic, with Pillow's wider support where it gets
smaller). ``digit``: as MNIST's digits were made. Grey; inverted where its border is light; what is above the border's
grey stretched to 255; the part that is not dark scaled, in its own aspect ratio, to fit a square of 20 / 28 of the
network's shorter side; placed so that its mass is in the middle. A picture that has the size already is not scaled.
"""

from collections.abc import Callable, Mapping

import numpy as np

from ..errors import InputError

__all__ = ["METHODS", "fit", "method_of"]

LIGHT = 128
"""Least grey of a border that is light: the digit is dark then."""

CONTRAST = 32
"""Least grey by which a digit stands out of its border."""

INK = 64
"""Least grey, of 255, of what belongs to a digit."""


def method_of(card: Mapping, name: str) -> str:
    """How a model's card wants pictures to be fitted, ``crop`` where it does not say. InputError: it is no method."""
    method = card.get("fit", "crop")
    if method not in METHODS:
        raise InputError(f"the fit in the card of {name} is one of {', '.join(METHODS)}, not {method!r}")
    return method


def fit(picture: np.ndarray, shape: tuple[int, int, int], method: str, bits: int = 8) -> tuple[np.ndarray, str]:
    """A picture for a network, and in words what was done to it, "" for nothing.

    Parameters
    ----------
    picture : uint8 (height, width, 3)
    shape : (channels, height, width) that the network takes
    method : one of `METHODS`
    bits : of a pixel that the network takes: the highest of 8

    Raises
    ------
    ValueError : the network takes neither 1 nor 3 channels, or ``digit`` sees none
    """
    channels, height, width = shape
    if channels not in (1, 3):
        raise ValueError(f"a picture has 1 or 3 channels, the board takes {channels}; give an .npz")
    done = []
    if channels == 1 or method == "digit":
        if (picture != picture[..., :1]).any():
            done.append("made grey")
        picture = _grey(picture)
    fitted = METHODS[method](picture, (height, width), done)
    if fitted.ndim == 2:
        fitted = np.repeat(fitted[..., None], channels, axis=2)
    return fitted >> (8 - bits), ", ".join(done)


def _grey(picture):
    """By Pillow's weights of red, green and blue, those of ITU-R BT.601, which leave a grey one as it is."""
    from PIL import Image

    return np.asarray(Image.fromarray(picture).convert("L"))


def _crop(picture, size, done):
    height, width = picture.shape[:2]
    if (height, width) == size:
        return picture
    part = min(height, round(width * size[0] / size[1])), min(width, round(height * size[1] / size[0]))
    part = max(1, part[0]), max(1, part[1])
    top, left = (height - part[0]) // 2, (width - part[1]) // 2
    whole = f"{height} x {width} pixels"
    done.append(f"{whole if part == (height, width) else f'the middle {part[0]} x {part[1]} of {whole}'} {_to(size)}")
    return _scaled(picture[top : top + part[0], left : left + part[1]], size)


def _digit(picture, size, done):
    if _border(picture) >= LIGHT:
        done.append("inverted")
        picture = 255 - picture
    if picture.shape == size:
        return picture
    border = _border(picture)
    ink = _stretched(np.maximum(picture, border) - border, CONTRAST)
    rows, columns = (np.flatnonzero((ink >= INK).any(axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(1, min(size) * 20 // 28)
    longest = max(ink.shape)
    part = max(1, round(ink.shape[0] * side / longest)), max(1, round(ink.shape[1] * side / longest))
    done.append(
        f"a digit of {ink.shape[0]} x {ink.shape[1]} pixels {_to(part)}, its mass centred in {size[0]} x {size[1]}"
    )
    ink = _stretched(_scaled(ink, part), 1)
    fitted = np.zeros(size, np.uint8)
    top, left = (_start(ink.sum(axis), length) for axis, length in ((1, size[0]), (0, size[1])))
    fitted[top : top + part[0], left : left + part[1]] = ink
    return fitted


def _border(picture) -> int:
    """The grey at half of the border's pixels, the upper one of two."""
    edges = np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]])
    return int(np.sort(edges)[len(edges) // 2])


def _stretched(ink, least):
    peak = int(ink.max())
    if peak < least:
        raise ValueError("no digit stands out of its border")
    return (ink.astype(np.uint16) * 255 // peak).astype(np.uint8)


def _start(mass, length) -> int:
    """Where along an axis a digit begins whose mass, by its pixels, shall be in the middle of `length`; inside it."""
    centre = float((mass * np.arange(len(mass))).sum() / mass.sum())
    return min(max(0, int(length / 2 - centre + 0.5)), length - len(mass))


def _scaled(picture, size):
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BICUBIC))


def _to(size) -> str:
    return f"scaled to {size[0]} x {size[1]}"


METHODS: dict[str, Callable[[np.ndarray, tuple[int, int], list[str]], np.ndarray]] = {"crop": _crop, "digit": _digit}
"""What a card's `fit` may be."""
