"""The host in C of `hwgen.host.c`: compiled strictly, and called in this process at lines in Python."""

import ctypes
import os
import random
import re
import select
import subprocess
import time
import tty
from dataclasses import dataclass

from hwgen.hdl import csr
from hwgen.host import c, protocol
from hwgen.host.device import Result

from .dummy_core import DIGEST, DummyCore

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wmissing-prototypes", "-Werror"]


def host_model(core):
    result = core.compute(protocol.test_image(core.samples, core.pixel_bits))
    return c.HostModel(
        word=csr.model_word(DIGEST),
        image_shape=core.shape,
        layers=core.layers,
        logits=tuple(result.logits),
        index=result.index,
    )


def written(core, folder):
    """A folder with both files for boards with a core."""
    for name, text in c.sources(host_model(core)).items():
        (folder / name).write_text(text)
    return folder


def compiled(command, folder):
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


Write = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)
Milliseconds = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p)


class LineStructure(ctypes.Structure):
    _fields_ = [
        ("context", ctypes.c_void_p),
        ("write", Write),
        ("read", Write),
        ("milliseconds", Milliseconds),
        ("patience", ctypes.c_uint32),
    ]


Transfer = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8), ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t
)


class SPIStructure(ctypes.Structure):
    """What a user fills in; `hwgen_spi_line` is given as many bytes as the whole has."""

    _fields_ = [("context", ctypes.c_void_p), ("transfer", Transfer), ("milliseconds", Milliseconds)]


@dataclass
class Library:
    """The host for boards with a core, loaded into this process."""

    core: DummyCore
    loaded: ctypes.CDLL
    errors: list[str]

    @classmethod
    def of(cls, core, folder):
        written(core, folder)
        sizes = [f"const size_t {name}_bytes = sizeof(struct hwgen_{name});\n" for name in ("board", "spi")]
        (folder / "size.c").write_text('#include "hwgen_host.h"\n' + "".join(sizes))
        compiled(["gcc", *STRICT, "-O2", "-shared", "-fPIC", "-o", "host.so", "hwgen_host.c", "size.c"], folder)
        (enum,) = re.findall(r"enum hwgen_error {(.*?)}", (folder / "hwgen_host.h").read_text(), re.DOTALL)
        loaded = ctypes.CDLL(str(folder / "host.so"))
        loaded.hwgen_text.restype = ctypes.c_char_p
        return cls(core, loaded, re.findall(r"^ *HWGEN_(\w+)", enum, re.MULTILINE))

    def host(self, line, **options):
        return Host(self, line, **options)

    def size(self, name):
        return ctypes.c_size_t.in_dll(self.loaded, f"{name}_bytes").value


class Problem(Exception):
    """An error of the host: its name, and its sentence as `text`."""

    def __init__(self, name, text):
        super().__init__(name)
        self.text = text


class Host:
    """The host in C at a line; its clock ticks with every read that brings nothing, or is this machine's."""

    def __init__(self, library, line, *, patience=3, first_tick=0, real_time=False):
        self.library, self.line = library, line
        self.ticks = first_tick
        self.most = random.Random(0)
        core = library.core
        logits = len(host_model(core).logits)

        class ResultStructure(ctypes.Structure):
            _fields_ = [
                ("logits", ctypes.c_int32 * logits),
                ("index", ctypes.c_uint32),
                ("cycles", ctypes.c_uint32 * core.layers),
            ]

        self.result = ResultStructure()
        clock = (lambda _: int(time.monotonic() * 1000) & 0xFFFFFFFF) if real_time else (lambda _: self.ticks)
        self.structure = LineStructure(
            write=Write(self._write), read=Write(self._read), milliseconds=Milliseconds(clock), patience=patience
        )
        size = library.size("board")
        self.board = ctypes.create_string_buffer(random.Random(1).randbytes(size), size)
        self.images = []  # kept for as long as C may look at them

    def _write(self, context, data, count):
        try:
            self.line.write(bytes(data[:count]))
        except OSError:
            return -1
        return 0

    def _read(self, context, place, count):
        try:
            data = self.line.read(self.most.randint(1, count))
        except OSError:
            return -1
        ctypes.memmove(place, data, len(data))
        if not data:
            self.ticks = (self.ticks + 1) & 0xFFFFFFFF
        return len(data)

    def call(self, name, *arguments):
        error = getattr(self.library.loaded, f"hwgen_{name}")(self.board, *arguments)
        if error:
            text = self.library.loaded.hwgen_text(error).decode()
            raise Problem(self.library.errors[error], text)

    def open(self):
        self.call("open", ctypes.byref(self.structure))
        return self

    def _answer(self):
        return Result(index=self.result.index, logits=list(self.result.logits), cycles=list(self.result.cycles))

    def _image(self, image):
        assert len(image) == self.library.core.samples
        self.images.append((ctypes.c_uint8 * len(image)).from_buffer_copy(image))
        return self.images[-1]

    def classify(self, image):
        self.call("classify", self._image(image), ctypes.byref(self.result))
        return self._answer()

    def submit(self, image):
        self.call("submit", self._image(image))

    def receive(self):
        self.call("receive", ctypes.byref(self.result))
        return self._answer()

    def classify_all(self, images):
        """As a program would: the next image is sent before the result of the one before is awaited."""
        for n, image in enumerate(images):
            self.submit(image)
            if n:
                yield self.receive()
        yield self.receive()

    def self_test(self):
        self.call("self_test", ctypes.byref(self.result))
        return self._answer()

    def registers(self):
        values = (ctypes.c_uint32 * csr.layer_cycles(self.library.core.layers))()
        self.call("registers", values)
        return list(values)


class SPIHost(Host):
    """The host in C at SPI: `transfer` is that of `hwgen.host.spi.SPILine`, None where the bus is gone. Its clock ticks
    with every transfer."""

    def __init__(self, library, transfer, *, patience):
        super().__init__(library, None)
        self.transfer = transfer
        spi = ctypes.create_string_buffer(library.size("spi"))
        self.callbacks = SPIStructure(
            transfer=Transfer(self._transfer), milliseconds=Milliseconds(lambda _: self.ticks)
        )
        ctypes.memmove(spi, ctypes.byref(self.callbacks), ctypes.sizeof(self.callbacks))
        self.spi, self.structure = spi, LineStructure()
        library.loaded.hwgen_spi_line(ctypes.byref(self.structure), spi)
        self.structure.patience = patience

    def _transfer(self, context, sent, received, count):
        self.ticks = (self.ticks + 1) & 0xFFFFFFFF
        came = self.transfer(bytes(sent[:count]))
        if came is None:
            return -1
        assert len(came) == count
        ctypes.memmove(received, came, count)
        return 0


class PortLine:
    """A serial port of this machine."""

    def __init__(self, port):
        self.descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.descriptor)

    def write(self, data):
        while data:
            data = data[os.write(self.descriptor, data) :]

    def read(self, size):
        ready, _, _ = select.select([self.descriptor], [], [], 0.01)
        return os.read(self.descriptor, size) if ready else b""
