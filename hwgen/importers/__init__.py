"""Importers: files of trained binary-weight networks, in any form that we read, become a `Network`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..network import Network
from .pixels import InputRange

MAX_FILE_BYTES = 1 << 30
_MAX_MESSAGE = 450


@dataclass(frozen=True)
class Imported:
    """A network, and one-sentence messages about what the importer took or changed (for standard error)."""

    network: Network
    messages: tuple[str, ...]


def load(path, *, input_range: str = "auto", input_mean=None, input_std=None) -> Imported:
    """Import a network from a file.

    Parameters
    ----------
    path : ``.onnx`` (QONNX, FINN-ONNX), ``.npz`` (our own format, or the plain one of `hwgen.importers.bnn_npz`) or
        ``.pt`` (exported by `hwgen.training`)
    input_range : what the network reads for a pixel: ``"auto"``, ``"0..255"``, ``"0..1"``, ``"-1..1"``
    input_mean, input_std : further, (pixel - mean) / std; scalar or one per channel

    Raises
    ------
    InputError : one sentence that names the file, the node or field, the reason and the mend
    """
    path = Path(path)
    scaling = InputRange(input_range, input_mean, input_std)
    try:
        if not path.is_file():
            raise InputError("there is no such file")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"the file has {path.stat().st_size} bytes, and at most {MAX_FILE_BYTES} are read")
        with np.errstate(all="ignore"):  # strangers' constants overflow: what comes of it is checked, not warned of
            network, messages = _load(path, scaling)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'it cannot be read'}") from None
    except InputError as error:
        text = _shortened(str(error))
        raise InputError(text if text.startswith(f"{path}: ") else f"{path.name}: {text}") from None
    return Imported(network, tuple(messages))


def _shortened(text: str) -> str:
    """Where a stranger's name or list fills a sentence, its beginning (the place) and its end (the mend)."""
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE // 2]} ... {text[-_MAX_MESSAGE // 3 :]}"


def _load(path: Path, scaling: InputRange):
    match path.suffix.lower():
        case ".onnx":
            from . import onnx

            return onnx.load(path, scaling)
        case ".npz":
            from . import bnn_npz

            return bnn_npz.load(path, scaling)
        case ".pt":
            from . import torch

            return torch.load(path, scaling)
        case suffix:
            raise InputError(f"a network is an .onnx, .npz or .pt file, not {suffix or 'one without a suffix'!r}")
