import io
import json
import struct
import tracemalloc
import zipfile
from dataclasses import fields

import numpy as np
import pytest

from hwgen import golden, storage
from hwgen.errors import InputError
from hwgen.layers import Argmax, Dense, Flatten, Threshold
from hwgen.network import Network
from tests.helpers.networks import random_images, random_network, signs


def same(a, b):
    """Equality of every field, names included."""
    facts = [(n.name, n.image_shape, n.image_type, n.classes, n.digest, [i.name for i in n.layers]) for n in (a, b)]
    for x, y in zip(a.layers, b.layers, strict=True):
        assert type(x) is type(y)
        for field in fields(x):
            assert type(getattr(x, field.name)) is type(getattr(y, field.name))
            assert np.array_equal(getattr(x, field.name), getattr(y, field.name))
    return facts[0] == facts[1]


def labelled():
    layers = (Flatten(order="HWC"), Dense(weights=signs(np.random.default_rng(0), 3, 6), name="fc"), Argmax())
    return Network(image_shape=(1, 2, 3), layers=layers, name="drei Wörter", classes=("a", "b c", "ß"))


def test_round_trip(tmp_path):
    count = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        network = random_network(rng)
        path = tmp_path / f"network {seed}.npz"
        storage.save(network, path)
        loaded = storage.load(path)
        assert same(network, loaded), f"seed {seed}"
        images = random_images(rng, network, 2)
        assert (golden.run(network, images).logits == golden.run(loaded, images).logits).all()
        assert path.read_bytes() == storage.to_bytes(loaded)
        count += 1
    assert count == 60
    assert len(list(tmp_path.iterdir())) == count, "a temporary file is left"


def test_labels_and_names_survive():
    assert same(labelled(), storage.from_bytes(storage.to_bytes(labelled())))


def test_weights_take_one_bit(tmp_path):
    weights = signs(np.random.default_rng(0), 256, 4096)
    network = Network(image_shape=(4096, 1, 1), layers=(Flatten(order="CHW"), Dense(weights=weights), Argmax()))
    size = len(storage.to_bytes(network))
    assert weights.size / 8 <= size < weights.size / 8 * 1.01 + 2000


def test_numpy_opens_the_arrays(tmp_path):
    storage.save(labelled(), tmp_path / "n.npz")
    with np.load(tmp_path / "n.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"network.json", "1.weights"}
        assert archive["1.weights"].dtype == np.uint8


def test_is_network(tmp_path):
    storage.save(labelled(), tmp_path / "n.npz")
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    (tmp_path / "text.npz").write_text("hello")
    names = ("n.npz", "other.npz", "text.npz", "absent.npz")
    assert [storage.is_network(tmp_path / name) for name in names] == [True, False, False, False]


def test_damaged_bytes_give_a_sentence_or_the_same_network():
    rng = np.random.default_rng(11)
    network = labelled()
    whole = storage.to_bytes(network)
    refused = equal = 0
    damaged = [whole[:n] for n in range(0, len(whole), 7)]
    for position in range(0, len(whole)):
        data = bytearray(whole)
        data[position] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(data))
    for _ in range(500):
        data = bytearray(whole)
        start, length = rng.integers(0, len(whole), size=2)
        data[start : start + length // 8] = rng.bytes(int(length // 16))
        damaged.append(bytes(data))
    for data in damaged:
        try:
            loaded = storage.from_bytes(data)
        except InputError as error:
            message = str(error)
            assert message.isprintable() and 10 < len(message) < 250, message
            refused += 1
        else:
            assert same(network, loaded)
            equal += 1
    assert refused + equal == len(damaged) > 1000
    assert refused > 600 and equal > 20


def rebuilt(change=None, members=None, **zip_options):
    """The labelled network's file with its JSON changed by `change(text)` and members replaced (None: removed)."""
    with zipfile.ZipFile(io.BytesIO(storage.to_bytes(labelled()))) as archive:
        content: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    text = json.loads(content["network.json"] or b"")
    if change:
        text = change(text) or text
    content["network.json"] = json.dumps(text).encode()
    content.update(members or {})
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **zip_options) as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
    return stream.getvalue()


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), **options)
    return stream.getvalue()


def setting(*path):
    """A change of the JSON: setting("layers", 1, "name", 5) sets layers[1].name to 5."""

    def change(text):
        place = text
        for key in path[:-2]:
            place = place[key]
        place[path[-2]] = path[-1]

    return change


def without(*path):
    def change(text):
        place = text
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return change


BAD_TEXTS = [
    (setting("format", "other"), "format is 'hwgen-network', not 'other'"),
    (setting("version", 2), "version is 2, and this hwgen reads 1"),
    (setting("extra", 1), "key 'extra' is not known here"),
    (without("classes"), "key 'classes' is missing"),
    (setting("layers", {}), "layers is a list"),
    (setting("layers", [{}] * 1001), "layers is a list of at most 1000"),
    (setting("layers", []), "member '1.weights.npy' is left over"),
    (setting("layers", 0, "kind", "Sigmoid"), "layer 0 has a kind of .*, not 'Sigmoid'"),
    (setting("layers", 0, "kind", ["Dense"]), "layer 0 has a kind of"),
    (setting("layers", 0, 7), "layer 0 has a kind of .*, not 7"),
    (setting("layers", 0, "order", "WHC"), r"layer 0 \(Flatten\): order is 'CHW' or 'HWC', not 'WHC'"),
    (setting("layers", 0, "order", 3), "layer 0, order is a printable text"),
    (setting("layers", 0, "stride", 3), "layer 0: key 'stride' is not known here"),
    (without("layers", 1, "weights"), "layer 1: key 'weights' is missing"),
    (setting("layers", 1, "weights", [3, 7]), "layer .*: its weights take 7 inputs, its input has 6"),
    (setting("layers", 1, "weights", [3, 600]), "member 1.weights.npy unpacks to 131 bytes, not 225"),
    (setting("layers", 1, "weights", [18]), r"layer 1 \(Dense\): weights has 2 axes, not 1"),
    (setting("layers", 1, "weights", [10**9, 10**9]), "its arrays have 1000000000000000000 elements together"),
    (setting("layers", 1, "weights", [-3, -6]), "layer 1, weights is a list of 1..4 sizes"),
    (setting("layers", 1, "weights", [3.0, 6]), "layer 1, weights is a list of 1..4 sizes"),
    (setting("layers", 1, "weights", "x"), "layer 1, weights is a list of 1..4 sizes"),
    (setting("layers", 1, "name", "\x1b[31m"), "layer 1, name is a printable text"),
    (setting("name", "\ud800"), "name is a printable text"),
    (setting("name", "n" * 201), "name is a printable text"),
    (setting("classes", 5), "classes is a list"),
    (setting("classes", ["a"]), "1 class labels for 3 logits"),
    (setting("classes", ["a", "b", 3]), "classes is a printable text"),
    (setting("image_shape", [10**9, 10**9, 1]), "image_shape is"),
    (setting("image_shape", [1, 2]), "image_shape is"),
    (setting("image_shape", [1, 2, 4]), "its weights take 6 inputs, its input has 8"),
    (setting("image_type", "U99"), "image_type: .*1..32 bits, not 99"),
    (setting("image_type", "X8"), "image_type: an integer type is written"),
    (setting("image_type", 8), "image_type is an integer type such as U8, not 8"),
    (setting("image_type", "S8"), "pixels are unsigned integers"),
    (lambda text: [1, 2], "network.json is an object with the keys"),
    (without("layers", 2), "a network ends in an Argmax"),
]


@pytest.mark.parametrize(("change", "message"), BAD_TEXTS, ids=[m for _, m in BAD_TEXTS])
def test_a_wrong_text_is_refused_by_field(change, message):
    with pytest.raises(InputError, match=message) as caught:
        storage.from_bytes(rebuilt(change))
    assert str(caught.value).isprintable() and len(str(caught.value)) < 250


BAD_MEMBERS = [
    ({"1.weights.npy": None}, "member '1.weights.npy' is missing"),
    ({"2.weights.npy": b""}, "member '2.weights.npy' is left over"),
    ({"network.json": None}, "it holds no network.json"),
    ({"network.json": b"{"}, "the file is damaged or no .npz file"),
    ({"network.json": b"\xff\xfe"}, "the file is damaged or no .npz file"),
    ({"network.json": b"[" * 100_000}, "the file is damaged or no .npz file"),
    ({"network.json": b'{"format": NaN}'}, "network.json holds NaN"),
    ({"network.json": b"9" * 10_000}, "the file is damaged or no .npz file"),
    ({"1.weights.npy": b"x" * 131}, "layer 1, weights: it is no .npy array"),
    ({"1.weights.npy": npy(np.zeros(3, np.int8))}, "layer 1, weights: its array is int8 of shape"),
    ({"1.weights.npy": npy(np.zeros((3, 1), np.uint8))}, r"layer 1, weights: its array is uint8 of shape \(3, 1\)"),
    ({"1.weights.npy": npy(np.zeros(3, np.uint8), version=(3, 0))}, "layer 1, weights: its .npy version is 3.0"),
    ({"1.weights.npy": npy(np.zeros(30, np.uint8))[:131]}, "layer 1, weights: its header says uint8"),
    ({"1.weights.npy": npy(np.array([{}], dtype=object), allow_pickle=True)[:131]}, "it holds Python objects"),
]


@pytest.mark.parametrize(("members", "message"), BAD_MEMBERS, ids=[m for _, m in BAD_MEMBERS])
def test_a_wrong_member_is_refused(members, message):
    with pytest.raises(InputError, match=message):
        storage.from_bytes(rebuilt(members=members))


def test_other_packings_and_encryption_are_refused():
    with pytest.raises(InputError, match="packed in a way that .npz files are not"):
        storage.from_bytes(rebuilt(compression=zipfile.ZIP_LZMA))
    data = bytearray(rebuilt())
    directory = data.index(b"PK\1\2")
    data[directory + 8] |= 1
    data[6] |= 1
    with pytest.raises(InputError, match="member 'network.json' is encrypted"):
        storage.from_bytes(bytes(data))


def test_a_member_that_appears_twice_is_refused():
    stream = io.BytesIO(rebuilt())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("network.json", b"{}")
    with pytest.raises(InputError, match="a member of the zip appears twice"):
        storage.from_bytes(stream.getvalue())


def peak(action):
    """MB that `action` takes at most."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / (1 << 20)
    finally:
        tracemalloc.stop()


def test_bombs_are_refused_in_little_memory():
    bomb = b" " * (1 << 27)
    stated = rebuilt(members={"network.json": bomb}, compression=zipfile.ZIP_DEFLATED)
    array = rebuilt(members={"1.weights.npy": bomb}, compression=zipfile.ZIP_DEFLATED)
    # A directory that says 40 bytes for a member whose data go on and on.
    lying = bytearray(stated)
    entry = lying.index(b"PK\1\2", lying.index(b"PK\1\2"))
    assert struct.unpack_from("<I", lying, entry + 24)[0] == len(bomb)
    struct.pack_into("<I", lying, entry + 24, 40)
    struct.pack_into("<I", lying, 22, 40)
    entries = io.BytesIO()
    with zipfile.ZipFile(entries, "w") as archive:
        for i in range(30_000):
            archive.writestr(str(i), b"")
    cases = [
        (stated, "network.json unpacks to 134217728 bytes, over"),
        (array, "member 1.weights.npy unpacks to 134217728 bytes, not 3"),
        (bytes(lying), "damaged"),
        (entries.getvalue(), "its zip directory is larger than 1048576 bytes"),
    ]
    del bomb

    def refuse(data, message):
        assert len(data) < 4 << 20
        with pytest.raises(InputError, match=message):
            storage.from_bytes(data)

    assert [peak(lambda case=case: refuse(*case)) < 10 for case in cases] == [True] * 4


def test_arrays_that_unpack_to_too_much_are_refused():
    thresholds = {"kind": "Threshold", "name": "", "thresholds": [65536, 1024], "output": "U12"}
    with pytest.raises(InputError, match="its arrays unpack to 536870915 bytes together, over 268435456"):
        storage.from_bytes(rebuilt(lambda text: text["layers"].append(thresholds)))


def test_messages_name_the_file(tmp_path):
    (tmp_path / "a b.npz").write_bytes(b"")
    with pytest.raises(InputError, match="a b.npz: the file is damaged"):
        storage.load(tmp_path / "a b.npz")
    with pytest.raises(InputError, match="absent.npz: there is no such file"):
        storage.load(tmp_path / "absent.npz")
    with pytest.raises(InputError, match="it is no regular file"):
        storage.load(tmp_path)
    large = tmp_path / "large.npz"
    with large.open("wb") as stream:
        stream.truncate(storage.MAX_FILE_BYTES + 1)
    with pytest.raises(InputError, match="large.npz: the file is larger than 256 MB"):
        storage.load(large)


def test_save_is_whole_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "n.npz"
    storage.save(labelled(), path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, "replace", fail)
    with pytest.raises(InputError, match="n.npz cannot be written: No space left on device"):
        storage.save(labelled(), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["n.npz"]
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        storage.save(labelled(), tmp_path / "absent" / "n.npz")


def test_save_refuses_names_that_load_would_refuse(tmp_path):
    layers = (Flatten(order="CHW", name="new\nline"), Dense(weights=np.ones((1, 1))), Argmax())
    with pytest.raises(InputError, match="layer 0, name is a printable text"):
        storage.save(Network(image_shape=(1, 1, 1), layers=layers), tmp_path / "n.npz")
    assert not list(tmp_path.iterdir())


def test_thresholds_and_types_survive():
    thresholds = np.array([[-(1 << 40), 1 << 40, 1 << 40]] * 2)
    layers = (
        Flatten(order="CHW"),
        Dense(weights=np.ones((2, 1))),
        Threshold(thresholds=thresholds, output=storage.IntegerType("signed", 2)),
        Dense(weights=np.ones((2, 2))),
        Argmax(),
    )
    network = Network(image_shape=(1, 1, 1), layers=layers)
    loaded = storage.from_bytes(storage.to_bytes(network)).layers[2]
    assert isinstance(loaded, Threshold)
    assert (loaded.thresholds == thresholds).all() and loaded.thresholds.dtype == np.int64
    assert str(loaded.output) == "S2"


def test_dump_writes_plain_integers(tmp_path):
    layers = 0
    for seed in range(10):
        network = random_network(np.random.default_rng(seed))
        storage.dump(network, tmp_path / "dump.npz")
        expected = {
            f"{i}.{f.name}": getattr(layer, f.name)
            for i, layer in enumerate(network.layers)
            for f in fields(layer)
            if isinstance(getattr(layer, f.name), np.ndarray) and getattr(layer, f.name).size
        }
        with np.load(tmp_path / "dump.npz", allow_pickle=False) as found:
            assert set(found.files) == expected.keys()
            for key, array in expected.items():
                assert (found[key] == array).all() and found[key].dtype.kind in "ib"
                layers += 1
    assert layers > 30
    assert not storage.is_network(tmp_path / "dump.npz")
