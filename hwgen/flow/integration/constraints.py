"""Constraints: of the clock, for the accelerator alone (SDC), and of a board's pins, for a top around it."""

import math

from amaranth.build import ResourceError
from amaranth.lib.io import DifferentialPort, SingleEndedPort

from ...boards import Board
from .. import platforms
from .design import Design

__all__ = ["pins", "timing"]


def timing(design: Design) -> str:
    """An SDC file with the clock that the accelerator was planned for, its period rounded down to picoseconds."""
    hertz = design.clock_hz
    picoseconds = math.floor(1e12 / hertz)
    return f"""\
# For {design.top} as the top of a project of its own, to see what it takes and how fast it is.
# In a larger design its clock is constrained there; it has no other, so that nothing more is needed.
create_clock -name {design.clock} -period {picoseconds / 1000:.3f} [get_ports {design.clock}]  ;# {hertz / 1e6:g} MHz
"""


def pins(board: Board) -> dict[str, str]:
    """The pins of a board's clock, reset button and serial port, as the file that its family's tools read.

    They are for a top module of one's own, with ports ``clk``, ``rst``, ``uart_rx`` and ``uart_tx``, that has the
    accelerator in it: the accelerator has more ports than a board has pins for.
    """
    suffix, comment, write, frequency = _WRITERS[board.target.family]
    platform = platforms.platform(board)
    hertz = platform.default_clk_frequency
    head = [
        f"Pins of {board.name} ({board.description})",
        "for a top module of your own with these ports, which has the accelerator inside; `hwgen build` makes a whole",
        "bitstream, or `hwgen project` a whole project, without it. A port that your top does not have: delete its",
        "lines.",
    ]
    lines = [f"{comment} {line}" for line in head]
    for name, (port, low) in _ports(platform).items():
        (metadata,) = port.metadata
        lines += ["", *([f"{comment} {name} is active low"] if low else [])]
        lines += write(name, metadata.name, metadata.attrs)
        if name == "clk" and frequency:
            lines.append(frequency.format(mhz=hertz / 1e6, ns=1e9 / hertz))
    return {f"{board.name}.{suffix}": "\n".join(lines) + "\n"}


def _ports(platform):
    """(port, whether it is active low) of what the platform has, by the names that the file gives them."""
    found = {"clk": platform.request(platform.default_clk, dir="-")}
    if platform.default_rst:
        found["rst"] = platform.request(platform.default_rst, dir="-")
    try:
        uart = platform.request("uart", 0, dir="-")
    except ResourceError:
        pass  # a board without
    else:
        found |= {"uart_rx": uart.rx, "uart_tx": uart.tx}
    return {name: (_io(port), any(port.invert)) for name, port in found.items()}


def _io(port):
    assert isinstance(port, (SingleEndedPort, DifferentialPort))
    return port.io if isinstance(port, SingleEndedPort) else port.p


def _pcf(name, pin, attributes):
    return [f"set_io {name} {pin}"]


def _lpf(name, pin, attributes):
    settings = "".join(f" {key}={value}" for key, value in attributes.items())
    return [f'LOCATE COMP "{name}" SITE "{pin}";', *([f'IOBUF PORT "{name}"{settings};'] if settings else [])]


def _cst(name, pin, attributes):
    return [f'IO_LOC "{name}" {pin};', *(f'IO_PORT "{name}" {key}={value};' for key, value in attributes.items())]


def _xdc(name, pin, attributes):
    settings = {"LOC": pin, **{key: f'"{value}"' for key, value in attributes.items()}}
    return [f'set_property {key} {value} [get_ports "{name}"]' for key, value in settings.items()]


def _qsf(name, pin, attributes):
    settings = [f'set_instance_assignment -to "{name}" -name {key} "{value}"' for key, value in attributes.items()]
    return [f'set_location_assignment -to "{name}" PIN_{pin}', *settings]


_WRITERS = {
    "ice40": ("pcf", "#", _pcf, "set_frequency clk {mhz:g}"),
    "ecp5": ("lpf", "#", _lpf, 'FREQUENCY PORT "clk" {mhz:g} MHZ;'),
    "gowin": ("cst", "//", _cst, ""),
    "xc7": ("xdc", "#", _xdc, 'create_clock -name clk -period {ns} [get_ports "clk"]'),
    "cyclonev": ("qsf", "#", _qsf, ""),
    "max10": ("qsf", "#", _qsf, ""),
}
"""By family: the file's suffix, what begins a comment, lines of a port, and of the clock's frequency."""
