"""A file's values by key, each checked as it is read."""

from collections.abc import Set

import numpy as np

from ..errors import InputError
from .realfold import column

_MISSING = object()


class Fields:
    """Values by key, each checked as it is read. `where` names the part of the file in messages."""

    def __init__(self, values: dict[str, np.ndarray], where: str, prefix: str):
        self.values = values
        self.where = where
        self.prefix = prefix
        self._read: set[str] = set()

    def refuse_unknown(self, known: Set[str] = frozenset()):
        """Refuse keys that nothing has read."""
        unknown = sorted(set(self.values) - self._read - set(known))
        if unknown:
            raise InputError(
                f"{self.where}: the key {self.prefix + unknown[0]!r} is unknown; hwgen.importers.bnn_npz has the list"
            )

    def array(self, key: str, default: object = _MISSING) -> np.ndarray:
        self._read.add(key)
        if key not in self.values:
            if default is _MISSING:
                raise InputError(
                    f"{self.where}: the key {self.prefix + key!r} is missing; hwgen.importers.bnn_npz has the list"
                )
            return np.asarray(default)
        return self.values[key]

    def numbers(self, key: str, default: object = _MISSING) -> np.ndarray:
        """Real numbers, all finite, of the type that they are stored in."""
        array = self.array(key, default)
        if array.dtype.kind not in "iufb" or not array.size:
            raise InputError(
                f"{self.where}: {self.prefix}{key} holds {array.dtype} of shape {array.shape}, not real numbers"
            )
        if not np.isfinite(array).all():
            raise InputError(f"{self.where}: {self.prefix}{key} holds a value that is not finite; check the training")
        return array

    def reals(self, key: str, default: object = _MISSING) -> np.ndarray:
        return self.numbers(key, default).astype(np.float64)

    def real(self, key: str, default: object = _MISSING) -> float:
        array = self.reals(key, default)
        if array.size != 1:
            raise InputError(f"{self.where}: {self.prefix}{key} has {array.size} values, not one")
        return float(array.flat[0])

    def channels(self, key: str, count: int, default: object = _MISSING) -> np.ndarray:
        """One value, or one per channel, as a column."""
        array = self.reals(key, default)
        if array.size not in (1, count):
            raise InputError(f"{self.where}: {self.prefix}{key} has {array.size} values for {count} channels")
        return column(array, np.float64)

    def integers(self, key: str, count: int, least: int, most: int, default: object = _MISSING) -> tuple[int, ...]:
        """`count` whole numbers; one alone stands for all."""
        array = self.reals(key, default).ravel()
        if array.size not in (1, count) or not all(least <= v <= most and v == int(v) for v in array):
            shown = [int(v) if v.is_integer() and abs(v) < 1 << 53 else v for v in array[:8].tolist()]
            raise InputError(f"{self.where}: {self.prefix}{key} is {count} whole numbers {least}..{most}, not {shown}")
        return tuple(int(v) for v in (array if array.size == count else np.repeat(array, count)))

    def integer(self, key: str, least: int, most: int, default: object = _MISSING) -> int:
        return self.integers(key, 1, least, most, default)[0]

    def text(self, key: str, default: object = _MISSING) -> str:
        array = self.array(key, default)
        if array.dtype.kind != "U" or array.size != 1:
            raise InputError(f"{self.where}: {self.prefix}{key} is not a text")
        return str(array.flat[0])

    def padding(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of one, two or four numbers."""
        count = {2: 2, 4: 4}.get(self.array("padding", 0).size, 1)
        values = self.integers("padding", count, 0, 255, 0)
        top, left, bottom, right = values * (4 // count)
        return top, left, bottom, right
