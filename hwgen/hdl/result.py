"""Formats of the core's image and result streams."""

from amaranth import signed, unsigned
from amaranth.lib import data, stream

__all__ = ["IMAGE", "RESULT", "image_signature", "result_signature"]

IMAGE = unsigned(8)
"""One sample a transfer, in raster order: row, column, channel fastest."""

RESULT = data.StructLayout({"value": signed(32), "last": 1})
"""The logits in order, each with `last` low; then the class index with `last` high."""


def image_signature() -> stream.Signature:
    return stream.Signature(IMAGE)


def result_signature() -> stream.Signature:
    return stream.Signature(RESULT)
