"""Networks that `hwgen.training` exported: a .pt file of one flat dict with the keys of `hwgen.importers.bnn_npz`."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np

from .. import npz
from ..errors import InputError
from ..layers import MAX_ELEMENTS
from ..network import Network
from .bnn_npz import MAX_BYTES, network_of
from .pixels import InputRange


def load(path: Path, input_range: InputRange) -> tuple[Network, tuple[str, ...]]:
    """The network of a .pt file, and messages about how it was read.

    Raises
    ------
    InputError : no torch, no file of this kind, or as `bnn_npz.network_of`
    """
    _check_sizes(path)
    try:
        import torch
    except ImportError:
        raise InputError("a .pt file needs torch; install hwgen[train], or export an .npz") from None
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        ValueError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
        AssertionError,
    ):
        raise InputError(
            "this is no file that hwgen.training exported, or a damaged one; only tensors, texts and numbers are read"
        ) from None
    if not isinstance(stored, dict):
        raise InputError(f"it holds a {type(stored).__name__}, not one dict; export the network with hwgen.training")
    return network_of({str(key): _array(str(key), value) for key, value in stored.items()}, path.stem, input_range)


def _check_sizes(path: Path):
    """Refuse a file whose zip directory is large or states more than `MAX_BYTES`; torch writes zip64."""
    wrong = InputError("this is no .pt file, or a damaged one; export the network again with hwgen.training")
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - 42))
        end = stream.read(42)
        if len(end) < 42 or end[-22:-18] != b"PK\5\6":
            raise wrong
        directory = int.from_bytes(end[-10:-6], "little")
        if end[:4] == b"PK\6\7":
            stream.seek(min(int.from_bytes(end[8:16], "little"), size))
            directory = max(directory * (directory < (1 << 32) - 1), int.from_bytes(stream.read(56)[40:48], "little"))
    if directory > npz.MAX_DIRECTORY_BYTES:
        raise InputError(f"its zip directory is larger than {npz.MAX_DIRECTORY_BYTES} bytes")
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise wrong from None
    if total > MAX_BYTES:
        raise InputError(f"the file unpacks to {total} bytes, and at most {MAX_BYTES} are read")


def _array(key, value) -> np.ndarray:
    import torch

    if isinstance(value, torch.Tensor):
        # An expanded tensor states more elements than it stores.
        if value.numel() > MAX_ELEMENTS or value.layout != torch.strided or value.is_quantized or value.is_complex():
            raise InputError(f"the key {key!r} is no plain tensor of at most {MAX_ELEMENTS} elements; store it as one")
        value = value.detach()
        return (value.double() if value.is_floating_point() else value).numpy()
    if isinstance(value, str | int | float) or (
        isinstance(value, list | tuple) and all(isinstance(v, str | int | float) for v in value)
    ):
        return np.asarray(value)
    raise InputError(f"the key {key!r} holds a {type(value).__name__}; store tensors, texts and numbers only")
