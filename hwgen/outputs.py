"""Output files and folders: writable or refused in one sentence; made aside under a lock, and then whole or not at all.

What is made lies in a folder ``.hwgen-unfinished-NAME`` beside the folder NAME that it becomes. Its maker holds the
lock of that very folder (flock), which the system takes back however the maker ends. So whoever makes the same waits,
and what a dead run left is known by its free lock and removed by the next run.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from .errors import BuildError, InputError

__all__ = ["cached", "claimed", "logs", "making", "put_in_place", "scratch", "writable_folder", "write_file"]

_PREFIX = ".hwgen-unfinished-"
_DIGESTS = "digests.json"


def writable_folder(path: Path | str) -> Path:
    """The folder `path`, made if it is not there. Call it before long work whose results go there.

    Raises
    ------
    InputError : it cannot be made, or no file can be made in it
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        reason = "it is no folder" if isinstance(error, FileExistsError) else error.strerror
        raise InputError(f"{path}: cannot be written ({reason}); name another folder with -o") from None
    return path


def write_file(path: str | os.PathLike, data: bytes) -> None:
    """The whole file or none: written beside its place, then renamed. InputError: it cannot be written."""
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):
            raise InputError(f"{path} cannot be written: {error.strerror}") from None
        raise


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """A folder that stays, for one process at a time. InputError: another run of hwgen has it."""
    lock = _lock(folder, wait=False)
    if lock is None:
        raise InputError(
            f"{folder}: another run of hwgen is at work there; wait for it, or name another folder with -o"
        )
    try:
        yield folder
    finally:
        os.close(lock)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A new folder in `folder` that is removed at the end."""
    with _locked(folder / f"{_PREFIX}{secrets.token_hex(4)}") as work:
        yield work


@contextmanager
def making(
    final: Path, waiting: Callable[[str], AbstractContextManager[object]] = lambda step: nullcontext()
) -> Iterator[Path]:
    """An empty folder beside `final` to make its contents in; one process at a time has it.

    `put_in_place` gives it the name `final`, and with that its turn is over; otherwise it is removed at the end. Who
    caches looks for `final` again inside the context: another process may have made it meanwhile.

    Parameters
    ----------
    waiting : called with a sentence where another process has the folder; what it returns is entered until it is free
    """
    writable_folder(final.parent)
    with _locked(final.with_name(_PREFIX + final.name), waiting) as work:
        for path in work.iterdir():  # of a run that died while this one waited for it
            _remove(path)
        yield work


def put_in_place(work: Path, final: Path) -> None:
    """Rename `work`, of `making`, to `final`. What had that name is removed, and stays where this fails."""
    if not os.path.lexists(final):
        os.rename(work, final)
        return
    with scratch(final.parent) as trash:
        os.rename(final, trash / "old")
        try:
            os.rename(work, final)
        finally:
            if not os.path.lexists(final):
                os.rename(trash / "old", final)


def cached(final: Path, make: Callable[[Path], None]) -> Path:
    """The folder `final` as `make` once filled it; made anew if it is not there or a file in it changed."""
    if _intact(final):
        return final
    with making(final) as work:
        if not _intact(final):
            make(work)
            digests = {str(path.relative_to(work)): _digest(path) for path in work.rglob("*") if path.is_file()}
            (work / _DIGESTS).write_text(json.dumps(digests, indent=2) + "\n")
            put_in_place(work, final)
    return final


@contextmanager
def logs(folder: Path) -> Iterator[Path]:
    """A folder for logs, which stay there if a tool fails and else are removed; whoever writes one makes the folder."""
    _remove(folder)
    try:
        yield folder
    except BuildError:
        raise
    except BaseException:
        _remove(folder)
        raise
    _remove(folder)


def _intact(folder: Path) -> bool:
    try:
        digests = json.loads((folder / _DIGESTS).read_text())
        return bool(digests) and all(_digest(folder / name) == digest for name, digest in digests.items())
    except (OSError, ValueError, AttributeError):
        return False


def _digest(path: Path) -> str:
    """Of a file's content and of whether it can be executed."""
    return hashlib.sha256(path.read_bytes()).hexdigest() + (" executable" if os.access(path, os.X_OK) else "")


@contextmanager
def _locked(
    work: Path, waiting: Callable[[str], AbstractContextManager[object]] = lambda step: nullcontext()
) -> Iterator[Path]:
    """The folder `work`, made if it is not there, with its lock; it is removed at the end, unless it was renamed."""
    _sweep(work.parent)
    lock = None
    while lock is None:
        with suppress(FileExistsError):  # not exist_ok, which looks again and fails if another run renamed it meanwhile
            work.mkdir()
        lock = _lock(work, wait=False)
        if lock is None:
            with waiting(f"waiting for another run of hwgen, which makes {work.name.removeprefix(_PREFIX)}"):
                lock = _lock(work, wait=True)
    try:
        yield work
    finally:
        if _is_at(lock, work):
            _remove(work)
        os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """A descriptor that holds the lock of a folder; None: another process has it, or had it and renamed the folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    if _is_at(descriptor, folder):
        return descriptor
    os.close(descriptor)
    return None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _sweep(folder: Path) -> None:
    """Remove what runs left that ended uncleanly: their locks are free."""
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = _lock(path, wait=False)
            if lock is not None:
                _remove(path)
                os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
