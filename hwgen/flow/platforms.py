"""The amaranth-boards platform that a board's file names, with the pins that the file adds to it."""

import importlib
import inspect

from amaranth.build import Attrs, Pins, Resource, ResourceError, Subsignal, TemplatedPlatform

from ..boards import Board, Spi, Uart
from ..errors import InputError
from ..hdl.shells.board_top import SPI

__all__ = ["platform"]


def platform(board: Board, mixin: type[TemplatedPlatform] = TemplatedPlatform) -> TemplatedPlatform:
    """The platform of `board`, with its serial port as resource ``uart`` and its clock as the default.

    Parameters
    ----------
    mixin : what of the platform is to be otherwise

    Raises
    ------
    InputError : the board's file names a platform that does not exist, or a device, family, clock, serial port or
        LEDs that it has not
    """
    made = _made(board, mixin)
    device = getattr(made, "part", None) or getattr(made, "device", None)  # Gowin's have a part
    if device != board.target.device:
        raise InputError(
            f"board {board.name}: its platform's device is {device!r}, not {board.target.device!r}; correct its file"
        )
    _request(_made(board, mixin), board)  # what is requested once cannot be again, so this is another one
    return made


def _made(board, mixin) -> TemplatedPlatform:
    module, _, name = board.platform.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except (ImportError, TypeError, ValueError) as error:  # the last two: no name of a module
        raise InputError(f"board {board.name}: platform {board.platform!r} cannot be imported ({error})") from None
    if not (isinstance(found, type) and issubclass(found, TemplatedPlatform)):
        raise InputError(f"board {board.name}: {board.platform!r} is no platform of amaranth-boards; correct its file")
    if inspect.isabstract(found):
        raise InputError(f"board {board.name}: {board.platform!r} is no whole platform; correct its file")
    try:
        otherwise = type(found.__name__, (mixin, found), {}) if mixin is not TemplatedPlatform else found
        made = otherwise(**{"toolchain": board.target.traits.toolchain})
    except (AssertionError, TypeError):  # how platforms refuse: an unknown tool chain, or to be given any
        raise InputError(
            f"board {board.name}: its platform has no toolchain {board.target.traits.toolchain!r}, as the family "
            f"{board.target.family} needs; correct its file"
        ) from None
    if board.clock:
        made.default_clk = board.clock
    if board.spi:
        made.add_resources([_spi(board.spi, board.target.traits)])
    elif board.uart:
        try:
            made.add_resources([_serial_port(board.uart, board.target.traits)])
        except NameError:
            raise InputError(f"board {board.name}: its platform has a serial port; take uart out of its file") from None
    return made


def _serial_port(uart: Uart, family) -> Resource:
    """Resource of two pins of 3.3 V; that of rx is pulled up, so that nothing plugged in is a line at rest."""
    return Resource(
        "uart",
        0,
        Subsignal("rx", Pins(uart.rx, dir="i", assert_width=1), Attrs(**family.pulled_up)),
        Subsignal("tx", Pins(uart.tx, dir="o", assert_width=1)),
        Attrs(**family.pin_attributes),
    )


def _spi(spi: Spi, family) -> Resource:
    """Resource of four pins of 3.3 V; that of select is pulled up, so that nothing plugged in selects nothing."""
    return Resource(
        SPI,
        0,
        Subsignal("clock", Pins(spi.clock, dir="i", assert_width=1)),
        Subsignal("select", Pins(spi.select, dir="i", assert_width=1), Attrs(**family.pulled_up)),
        Subsignal("copi", Pins(spi.copi, dir="i", assert_width=1)),
        Subsignal("cipo", Pins(spi.cipo, dir="oe", assert_width=1)),
        Attrs(**family.pin_attributes),
    )


def _request(made, board):
    """Request what a board's design does, each pin once."""
    line = SPI if board.spi else "uart"
    try:
        made.lookup(line, 0)
    except ResourceError:
        raise InputError(
            f"board {board.name}: its platform has no serial port; add uart = {{ rx = PIN, tx = PIN }} to its file"
        ) from None
    try:
        made.request(made.default_clk, dir="-")
        if made.default_clk_constraint is None:
            raise ResourceError(f"the frequency of {made.default_clk} is not known")
    except ResourceError as error:
        raise InputError(
            f"board {board.name}: {error}; correct its file, with clock = NAME for another clock of its platform"
        ) from None
    try:
        made.request(line, 0, dir="-")
    except (NameError, ResourceError) as error:
        where = "--spi, or spi" if board.spi else "uart"
        raise InputError(f"board {board.name}: {error}; correct {where} in its file") from None
    try:
        for number in range(board.leds):
            made.request("led", number, dir="-")
    except ResourceError as error:
        raise InputError(f"board {board.name}: leds is {board.leds}, but {error}; correct its file") from None
