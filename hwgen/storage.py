"""Networks on disk: hwgen's own `.npz`, a zip of arrays and one JSON text, without pickle.

Member ``network.json`` holds the format's name and version, the network's own fields, and the list of layers: each
layer's kind and its fields, an array field as its shape alone. The arrays are members ``<layer>.<field>.npy``:
weights packed to bits (1 is +1), booleans packed to bits, all else as little-endian 64-bit integers. The same network
always gives the same bytes.

A file from a stranger costs no more memory than the network that it declares: the zip directory is compared with
what network.json declares before any array is unpacked, and nothing unknown, missing or left over is let pass.
"""

import io
import json
import os
import zipfile
from dataclasses import fields

import numpy as np

from . import npz
from .errors import InputError
from .files import regular_file
from .integers import IntegerType
from .layers import LAYERS, MAX_ELEMENTS
from .network import MAX_LAYERS, Network
from .outputs import write_file

FORMAT = "hwgen-network"
VERSION = 1
TEXT = "network.json"
MAX_FILE_BYTES = 1 << 28
MAX_ARRAY_BYTES = 1 << 28  # of all arrays of a file together, as they stand in it once unpacked
MAX_TEXT_BYTES = 1 << 22

_MEMBER_TIME = (1980, 1, 1, 0, 0, 0)
_HEADER_BYTES = 256  # more than any .npy header of one axis takes
_TOP_KEYS = {"format", "version", "name", "image_shape", "image_type", "classes", "layers"}


def save(network: Network, path: str | os.PathLike) -> None:
    """Write `network` to `path`, whole or not at all.

    Raises
    ------
    InputError : the file cannot be written, or a name in the network is not printable
    """
    write_file(path, to_bytes(network))


def dump(network: Network, path: str | os.PathLike) -> None:
    """Write every array of `network` as plain integers, for other programs: `numpy.load` finds ``LAYER.FIELD``.

    Weights are int8 -1 or +1, all else int64; a layer's index counts from 0. InputError: it cannot be written.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for index, layer in enumerate(network.layers):
            for field in fields(layer):
                value = getattr(layer, field.name)
                if isinstance(value, np.ndarray) and value.size:
                    _write_array(archive, _member(index, field.name), value)
    write_file(path, stream.getvalue())


def load(path: str | os.PathLike) -> Network:
    """Read a network that `save` wrote.

    Raises
    ------
    InputError : naming the file and the field, for anything but a sound file of this format and version
    """
    path = regular_file(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path}: the file is larger than {MAX_FILE_BYTES >> 20} MB; no network takes that much")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror}") from None
    try:
        return from_bytes(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def is_network(path: str | os.PathLike) -> bool:
    """Whether `path` is a zip that holds a network.json: a file for `load`, and no other kind of .npz."""
    try:
        with npz.open_archive(path) as (_, members):
            return TEXT in members
    except InputError:
        return False


def to_bytes(network: Network) -> bytes:
    """The file of `network`: the same bytes for the same network. InputError: a name is not printable."""
    arrays: dict[str, np.ndarray] = {}
    layers = []
    for index, layer in enumerate(network.layers):
        entry: dict[str, object] = {"kind": type(layer).__name__}
        for field in fields(layer):
            value = getattr(layer, field.name)
            if isinstance(value, np.ndarray):
                arrays[_member(index, field.name)] = _pack(field.name, value)
                value = list(value.shape)
            elif isinstance(value, IntegerType):
                value = str(value)
            entry[field.name] = _text(value, f"layer {index}, {field.name}") if isinstance(value, str) else value
        layers.append(entry)
    text = {
        "format": FORMAT,
        "version": VERSION,
        "name": _text(network.name, "name"),
        "image_shape": network.image_shape,
        "image_type": str(network.image_type),
        "classes": [_text(label, "classes") for label in network.classes],
        "layers": layers,
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        _write(archive, TEXT, json.dumps(text, indent=1).encode())
        for member, array in arrays.items():
            _write_array(archive, member, array)
    return stream.getvalue()


def from_bytes(data: bytes) -> Network:
    """The network of a file's bytes. InputError: naming the field, for anything that `to_bytes` would not write."""
    with npz.open_archive(io.BytesIO(data)) as (archive, directory):
        return _read(archive, directory)


def _write_array(archive, member, array):
    content = io.BytesIO()
    np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    _write(archive, member, content.getvalue())


def _write(archive, member, content):
    info = zipfile.ZipInfo(member, _MEMBER_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    info.create_system = 3  # the same bytes on every system
    archive.writestr(info, content, compresslevel=9)


def _read(archive, directory):
    if TEXT not in directory:
        raise InputError(f"it holds no {TEXT}, so it is no hwgen network; an importer may read it")
    if directory[TEXT].file_size > MAX_TEXT_BYTES:
        raise InputError(f"{TEXT} unpacks to {directory[TEXT].file_size} bytes, over {MAX_TEXT_BYTES}")
    text = json.loads(npz.content(archive, directory[TEXT]).decode(), parse_constant=_refuse_constant)
    _keys(text, _TOP_KEYS, TEXT)
    if text["format"] != FORMAT:
        raise InputError(f"format is {FORMAT!r}, not {text['format']!r}")
    if text["version"] != VERSION:
        raise InputError(f"version is {text['version']!r}, and this hwgen reads {VERSION}; use the hwgen that wrote it")
    if not isinstance(text["layers"], list) or len(text["layers"]) > MAX_LAYERS:
        raise InputError(f"layers is a list of at most {MAX_LAYERS} layers")
    declared = {_member(i, name): shape for i, layer in enumerate(text["layers"]) for name, shape in _arrays(layer, i)}
    _check_directory(directory, declared)
    layers = [_layer(archive, layer, i) for i, layer in enumerate(text["layers"])]
    if not isinstance(text["classes"], list):
        raise InputError("classes is a list of labels")
    return Network(
        image_shape=_shape(text["image_shape"], "image_shape"),
        layers=tuple(layers),
        name=_text(text["name"], "name"),
        image_type=_type(text["image_type"], "image_type"),
        classes=tuple(_text(label, "classes") for label in text["classes"]),
    )


def _arrays(layer, index):
    """(field, shape) of each array of a layer's JSON, after a check of its keys."""
    where = f"layer {index}"
    if not isinstance(layer, dict) or not isinstance(layer.get("kind"), str) or layer["kind"] not in LAYERS:
        kind = layer.get("kind") if isinstance(layer, dict) else layer
        raise InputError(f"{where} has a kind of {', '.join(LAYERS)}, not {npz.one_line(repr(kind))}")
    layer_fields = fields(LAYERS[layer["kind"]])
    _keys(layer, {"kind", *(f.name for f in layer_fields)}, where)
    for field in layer_fields:
        if field.type is np.ndarray:
            yield field.name, _shape(layer[field.name], f"{where}, {field.name}")


def _check_directory(directory, declared):
    """Compare names and unpacked sizes of the members with what network.json declares, before unpacking any."""
    total = sum(int(np.prod(shape, dtype=object)) for shape in declared.values())
    if total > MAX_ELEMENTS:
        raise InputError(f"its arrays have {total} elements together, over {MAX_ELEMENTS}")
    total = sum(_packed_bytes(_field_of(member), shape) for member, shape in declared.items())
    if total > MAX_ARRAY_BYTES:
        raise InputError(f"its arrays unpack to {total} bytes together, over {MAX_ARRAY_BYTES}")
    wrong = sorted(directory.keys() ^ {TEXT, *declared})
    if wrong:
        state = "is left over" if wrong[0] in directory else "is missing"
        raise InputError(f"member {npz.one_line(wrong[0])!r} {state}")
    for member, shape in declared.items():
        size = _packed_bytes(_field_of(member), shape)
        if not size < directory[member].file_size <= size + _HEADER_BYTES:
            raise InputError(f"member {member} unpacks to {directory[member].file_size} bytes, not {size} and a header")


def _layer(archive, layer, index):
    values = {}
    for field in fields(LAYERS[layer["kind"]]):
        value, where = layer[field.name], f"layer {index}, {field.name}"
        if field.type is np.ndarray:
            value = _unpack(
                npz.content(archive, archive.getinfo(_member(index, field.name))), field.name, tuple(value), where
            )
        elif field.type is IntegerType:
            value = _type(value, where)
        elif field.type is str:
            value = _text(value, where)
        elif isinstance(value, list):
            value = tuple(value)
        values[field.name] = value
    try:
        return LAYERS[layer["kind"]](**values)
    except ValueError as error:
        raise InputError(f"layer {index} ({layer['kind']}): {error}") from None


def _member(index, field):
    return f"{index}.{field}.npy"


def _field_of(member):
    return member.split(".")[1]


# Weights and flags are packed to bits; the layers' other arrays are wide integers.


def _packed_type(field):
    return np.dtype(np.uint8) if field in ("weights", "minimum") else np.dtype("<i8")


def _packed_count(field, shape):
    count = int(np.prod(shape, dtype=object))
    return (count + 7) // 8 if _packed_type(field).itemsize == 1 else count


def _packed_bytes(field, shape):
    return _packed_count(field, shape) * _packed_type(field).itemsize


def _pack(field, values):
    if _packed_type(field).itemsize == 1:
        return np.packbits(values.reshape(-1) > 0)
    return values.reshape(-1).astype("<i8")


def _unpack(content, field, shape, where):
    try:
        packed = npz.parse(content)
    except ValueError as error:
        raise InputError(f"{where}: {npz.one_line(error)}") from None
    dtype, count = _packed_type(field), _packed_count(field, shape)
    if packed.dtype != dtype or packed.shape != (count,):
        raise InputError(f"{where}: its array is {packed.dtype} of shape {packed.shape}, not {dtype} of ({count},)")
    if field == "weights":
        bits = np.unpackbits(packed, count=int(np.prod(shape)))
        return (2 * bits.astype(np.int8) - 1).reshape(shape)
    if field == "minimum":
        return np.unpackbits(packed, count=int(np.prod(shape))).astype(bool).reshape(shape)
    return packed.reshape(shape)


def _keys(entry, expected, where):
    if not isinstance(entry, dict):
        raise InputError(f"{where} is an object with the keys {', '.join(sorted(expected))}")
    wrong = sorted(entry.keys() ^ expected)
    if wrong:
        state = "is not known here" if wrong[0] in entry else "is missing"
        raise InputError(f"{where}: key {npz.one_line(wrong[0])!r} {state}")


def _shape(value, where):
    if not isinstance(value, list) or not 1 <= len(value) <= 4 or any(type(n) is not int or n < 0 for n in value):
        raise InputError(f"{where} is a list of 1..4 sizes, not {npz.one_line(repr(value))}")
    return tuple(value)


def _type(value, where):
    try:
        if isinstance(value, str):
            return IntegerType.parse(value)
    except ValueError as error:
        raise InputError(f"{where}: {npz.one_line(error)}") from None
    raise InputError(f"{where} is an integer type such as U8, not {npz.one_line(repr(value))}")


def _text(value, where):
    """Names reach terminals and reports: only printable ones go into a file or come out of one."""
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise InputError(f"{where} is a printable text of at most 200 characters, not {npz.one_line(repr(value))}")
    return value


def _refuse_constant(name):
    raise InputError(f"{TEXT} holds {name}, which is no integer")
