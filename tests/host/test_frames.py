"""Frames: what goes in comes out, and what did not arrive as it was sent is found."""

import random
import zlib

import pytest

from hwgen.host.frames import Damage, Splitter, command_body, command_frame, frame_bytes, reply_body, reply_frame

ENDS = ((command_frame, command_body), (reply_frame, reply_body))


def bodies():
    for count in (*range(12), 249, 250, 251, 254, 255, 508, 784):
        rng = random.Random(count)
        yield from (bytes(count), bytes([1] * count), rng.randbytes(count), bytes(rng.choices((0, 1, 255), k=count)))


@pytest.mark.parametrize("frame, body", ENDS)
def test_there_and_back(frame, body):
    for data in bodies():
        made = frame(data)
        assert made[-1] == 0 and 0 not in made[:-1] and len(made) <= frame_bytes(len(data))
        assert body(made[:-1]) == data


def test_bytes_of_a_frame():
    crc = zlib.crc32(b"\7\0\1").to_bytes(4, "little")
    assert 0 not in crc
    assert command_frame(b"\7\0\1") == b"\2\7\6\1" + crc + b"\0"
    assert reply_frame(b"\7\0\1") == b"\7\2\1" + crc + b"\6\0"
    assert command_frame(bytes([5] * 254))[0] == 255 and reply_frame(bytes([5] * 254))[254] == 255


@pytest.mark.parametrize("frame, body", ENDS)
def test_damage_at_every_byte_is_found(frame, body):
    for data in (b"", b"\0\0", bytes(range(40)), bytes([3] * 300)):
        made = frame(data)[:-1]
        for i, byte in enumerate(made):
            before, after = made[:i], made[i + 1 :]
            flips = [before + bytes([byte ^ 1 << bit]) + after for bit in range(8)]
            for other in (*flips, before + after, before + bytes([byte, byte]) + after, before):
                with pytest.raises(Damage):
                    body(other)


def test_splitter():
    splitter = Splitter(5)
    assert list(splitter.feed(b"\0ab\0\0c")) == [b"ab"]
    assert list(splitter.feed(b"d")) == []
    assert list(splitter.feed(b"e\0" + b"123456789\0")) == [b"cde", b"12345"]
    assert list(splitter.feed(b"x" * 100)) == [] and list(splitter.feed(b"y\0")) == [b"xxxxx"]
