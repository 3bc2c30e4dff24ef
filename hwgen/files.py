"""Strangers' paths: what they are, without an exception for those that cannot even be looked at."""

import os
from pathlib import Path

from .errors import InputError


def regular_file(path: str | os.PathLike) -> Path:
    """`path`, when a regular file is there.

    Raises
    ------
    InputError : there is nothing, something else, or it cannot be looked at
    """
    path = Path(path)
    try:
        if path.is_file():
            return path
        reason = "it is no regular file" if path.exists() else "there is no such file"
    except OSError as error:  # a folder that may not be entered, a name that is too long
        reason = f"it cannot be looked at ({error.strerror})"
    raise InputError(f"{path}: {reason}")


def read_small(path: str | os.PathLike, what: str, most: int) -> bytes:
    """The bytes of a regular file of at most `most`. InputError, which calls it a `what`: it is none, or unreadable."""
    path = regular_file(path)
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot read the {what} ({error.strerror})") from None
    if len(data) > most:
        raise InputError(f"{path}: a {what} has at most {most} bytes")
    return data
