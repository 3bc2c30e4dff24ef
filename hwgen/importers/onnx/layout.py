"""Which axes of the network (N, C, H, W) a graph tensor's dimensions stand for.

A layout is a tuple with one entry per dimension: the letters of the axes in it, slowest first. Axes of size one have
no letter anywhere. ``(("N",), ("C",), ("H",), ("W",))`` of a single image with one channel is
``((), (), ("H",), ("W",))``; flattened it is ``((), ("H", "W"))``.
"""

from dataclasses import dataclass

import numpy as np

from ...errors import InputError

LETTERS = "NCHW"


@dataclass(frozen=True)
class Layout:
    """Dimensions of a graph tensor.

    Parameters
    ----------
    dims : letters per dimension, see above
    sizes : size of each of N, C, H, W
    """

    dims: tuple[tuple[str, ...], ...]
    sizes: dict[str, int]

    @classmethod
    def of(cls, order: str, sizes: dict[str, int]) -> "Layout":
        """The layout with one axis per dimension, ``"NCHW"`` or ``"NHWC"``."""
        return cls(tuple((letter,) if sizes[letter] > 1 else () for letter in order), sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(np.prod([self.sizes[letter] for letter in dim], dtype=np.int64)) for dim in self.dims)

    @property
    def letters(self) -> tuple[str, ...]:
        """All axes of more than one element, slowest first."""
        return tuple(letter for dim in self.dims for letter in dim)

    def __str__(self):
        return "(" + ", ".join("*".join(dim) or "1" for dim in self.dims) + ")"

    def is_order(self, order: str) -> bool:
        """Whether the dimensions are those of ``"NCHW"``, ``"NHWC"`` ...; an axis of size one fits anywhere."""
        return len(self.dims) == len(order) and all(
            set(dim) <= {letter} for dim, letter in zip(self.dims, order, strict=True)
        )

    def permuted(self, perm) -> "Layout":
        return Layout(tuple(self.dims[p] for p in perm), self.sizes)

    def reshaped(self, shape) -> "Layout | None":
        """The layout of `shape`, or None where a new dimension would take a part of an axis."""
        letters = list(self.letters)
        dims = []
        for size in shape:
            dim: list[str] = []
            product = 1
            while product < size and letters:
                dim.append(letters.pop(0))
                product *= self.sizes[dim[-1]]
            if product != size:
                return None
            dims.append(tuple(dim))
        return None if letters else Layout(tuple(dims), self.sizes)

    def squeezed(self, axes: list[int] | None) -> "Layout | None":
        """Without the dimensions `axes` (default: all of size one); None where one of them is not of size one."""
        axes = [i for i, dim in enumerate(self.dims) if not dim] if axes is None else [v % len(self.dims) for v in axes]
        if any(self.dims[i] for i in axes):
            return None
        return Layout(tuple(dim for i, dim in enumerate(self.dims) if i not in axes), self.sizes)

    def unsqueezed(self, axes: list[int]) -> "Layout":
        rank = len(self.dims) + len(axes)
        dims = list(self.dims)
        for axis in sorted(v % rank for v in axes):
            dims.insert(axis, ())
        return Layout(tuple(dims), self.sizes)

    @property
    def flat_order(self) -> str | None:
        """``"CHW"`` or ``"HWC"``, the order in which the letters but N run; None: another one."""
        letters = "".join(letter for letter in self.letters if letter != "N")
        if letters in ("", "C", "H", "W", "HW", "CH", "CW", "CHW"):
            return "CHW"
        return "HWC" if letters in ("HC", "WC", "HWC") else None

    def per_channel(self, constant: np.ndarray, where: str) -> np.ndarray | None:
        """A constant that broadcasts against the tensor, as a vector: one element, or one per channel.

        None: it varies over several axes or in a flattened dimension, so that it fits only a flattened tensor.
        """
        constant = np.asarray(constant)
        if constant.size == 1:
            return constant.reshape(1)
        rank = max(constant.ndim, len(self.dims))
        dims = ((),) * (rank - len(self.dims)) + self.dims
        constant = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)
        for axis, dim in enumerate(dims):
            size = int(np.prod([self.sizes[letter] for letter in dim], dtype=np.int64))
            if constant.shape[axis] not in (1, size):
                raise InputError(
                    f"{where}: its constant of shape {list(constant.shape)} does not fit its input {list(self.shape)}"
                )
            first = np.take(constant, [0], axis=axis)
            if dim != ("C",) and (constant == first).all():
                constant = first
        if constant.size == 1:
            return constant.reshape(1)
        varying = [axis for axis, size in enumerate(constant.shape) if size > 1]
        if len(varying) == 1 and dims[varying[0]] == ("C",):
            return constant.reshape(-1)
        if len(varying) == 1 and len(dims[varying[0]]) > 1:
            return None
        raise InputError(
            f"{where}: its constant of shape {list(constant.shape)} varies over other axes than the channels of "
            f"{self}; use one value per channel"
        )
