"""The host's side of a board: the protocol and the driver.

`Device`, `AsyncDevice` and `SPILine` are what a program takes from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .aio import AsyncDevice
    from .device import Device
    from .spi import SPILine

__all__ = ["AsyncDevice", "Device", "SPILine"]

_HOMES = {"AsyncDevice": "aio", "Device": "device", "SPILine": "spi"}


def __getattr__(name: str) -> object:
    """Imports what is asked for then: the hardware takes the protocol from this package, and the drivers take the
    registers from the hardware."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
