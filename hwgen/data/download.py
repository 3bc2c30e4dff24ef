"""Published files into the user's cache, once, and only those that are known by their SHA-256."""

import hashlib
import http.client
import os
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

TIMEOUT_SECONDS = 20
_CHUNK = 1 << 16


@dataclass(frozen=True)
class File:
    """A published file: its name, size in bytes, SHA-256, and addresses to try in turn (folders of it)."""

    name: str
    size: int
    sha256: str
    mirrors: tuple[str, ...]


def cache_folder() -> Path:
    """Where downloads are kept; it need not exist."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hwgen" / "data"


def download(name: str, files: tuple[File, ...], progress: Callable[[str, int, int], None] | None = None) -> Path:
    """The folder of the data set `name` in the cache, with its `files` fetched where they are missing.

    InputError: no network, no such file any more, other contents than known, or a cache that cannot be written.
    """
    folder = cache_folder() / name
    for file in files:
        if not (folder / file.name).is_file():
            _fetch(file, folder / file.name, progress)
    return folder


def _fetch(file, path, progress):
    reasons = []
    for mirror in file.mirrors:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{file.name}.")
        except OSError as error:
            raise InputError(f"{path.parent} cannot be written ({error.strerror}); set XDG_CACHE_HOME") from None
        try:
            with os.fdopen(handle, "wb") as stream:
                _transfer(file, mirror + file.name, stream, progress)
            os.replace(temporary, path)
            return
        except (OSError, ValueError, http.client.HTTPException) as error:  # urllib's errors are OSErrors
            reasons.append(f"{mirror}: {getattr(error, 'reason', error)}")
        finally:
            Path(temporary).unlink(missing_ok=True)
    raise InputError(
        f"{file.name} is not here and could not be downloaded ({'; '.join(reasons)}); "
        f"get it by other means into a folder {path.parent.name}/ and set HWGEN_DATA to the folder that holds that"
    )


def _transfer(file, address, stream, progress):
    """Copy `address` to `stream`; ValueError when it is not the known file."""
    digest, size = hashlib.sha256(), 0
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as response:
        while chunk := response.read(_CHUNK):
            size += len(chunk)
            if size > file.size:
                break
            digest.update(chunk)
            stream.write(chunk)
            if progress:
                progress(file.name, size, file.size)
    if size != file.size or digest.hexdigest() != file.sha256:
        raise ValueError("it gave another file than the known one")
