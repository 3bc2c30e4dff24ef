"""Figures of matplotlib as files."""

import io
from pathlib import Path

from matplotlib.figure import Figure

from ..outputs import write_file

__all__ = ["write_picture"]


def write_picture(figure: Figure, path: Path) -> None:
    """A figure as a PNG; the file is complete or the old one stays."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    write_file(path, content.getvalue())
