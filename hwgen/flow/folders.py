"""Folders that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["appearing"]


@contextmanager
def appearing(final: Path) -> Iterator[Path]:
    """A folder to work in that takes the name `final` when all went well, and else is removed."""
    final.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=final.parent))
    try:
        yield work
        work.chmod(0o755)
        if final.exists():
            shutil.rmtree(final)
        os.rename(work, final)
    finally:
        shutil.rmtree(work, ignore_errors=True)
