"""The boards that hwgen builds for: one file of facts per board, read and validated here.

`Target` is what the planner needs to know of an FPGA and its clock; `Board` adds what the flow needs to know of the
circuit around it. The files stand in ``boards/`` of a clone, and inside the package where hwgen is installed.
"""

import re
import tomllib
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path

from . import pll
from .errors import InputError
from .families import FAMILIES, Family
from .files import read_small

MAX_BOARD_BYTES = 1 << 16
MAX_FIGURE = 1 << 40
LEAST_CYCLES = 4
"""Fewest clock cycles per bit of a serial port: its receiver looks for the middle of each."""
PROGRAMMERS = ("openFPGALoader", "iceprog", "icesprog", "dfu-util", "tinyprog", "quartus_pgm")
"""Programs that a board's file may name; no other is run for it."""

__all__ = ["PROGRAMMERS", "Board", "Spi", "Target", "Uart", "folder", "load", "names"]


def _positive(owner: object, *names: str, least: int = 1):
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} is an integer of at least {least}, not {value!r}")
        if value > MAX_FIGURE:
            raise ValueError(f"{name} is an integer of at most {MAX_FIGURE}, not {str(value)[:20]}")


def _text(owner: object, *names: str):
    for name in names:
        value = getattr(owner, name)
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} is a text that is not empty, not {value!r}")


def _commands(owner: object, *names: str):
    """Lists of command lines, which become tuples."""
    for name in names:
        lines = getattr(owner, name)
        if not isinstance(lines, (list, tuple)):
            raise ValueError(f"{name} is a list of command lines, not {lines!r}")
        for line in lines:
            if not isinstance(line, str) or line.split(" ")[0] not in PROGRAMMERS:
                raise ValueError(f"a command line in {name} begins with {', '.join(PROGRAMMERS)}, not {line!r}")
        object.__setattr__(owner, name, tuple(lines))


@dataclass(frozen=True, kw_only=True)
class Target:
    """An FPGA and its clock, as the planner sees them.

    Parameters
    ----------
    family : a key of `FAMILIES`
    device, package : as the maker spells them, and the platform (Gowin: its part)
    luts : look-up tables: of 4 inputs, xc7 of 6, cyclonev adaptive ones, of which an ALM has two
    rams : block RAMs, each of any of `Family.ram_shapes`
    sprams : single-port RAMs of `Family.spram_shape`
    dsps : multipliers
    clock_hz : clock of the design, in hertz

    Raises
    ------
    ValueError : naming the field and its value
    """

    family: str
    device: str
    package: str
    luts: int
    rams: int
    sprams: int
    dsps: int
    clock_hz: int

    def __post_init__(self):
        _text(self, "family", "device", "package")
        if self.family not in FAMILIES:
            raise ValueError(f"family is one of {', '.join(FAMILIES)}, not {self.family!r}")
        _positive(self, "luts", "rams", "clock_hz")
        _positive(self, "sprams", "dsps", least=0)
        if self.sprams and self.traits.spram_shape is None:
            raise ValueError(f"sprams is 0 in the family {self.family}, not {self.sprams}")

    @property
    def traits(self) -> Family:
        return FAMILIES[self.family]

    @property
    def ram_bits(self) -> int:
        """Bits of all block RAMs together, in their widest shape."""
        depth, width = self.traits.ram_shapes[0]
        return self.rams * depth * width


@dataclass(frozen=True, kw_only=True)
class Uart:
    """Pins of 3.3 V that carry the serial port of a board whose platform has none.

    Parameters
    ----------
    rx, tx : line from the host and line to it: pins of the package ("B2") or of a connector ("pmod_0:1"), as the
        platform calls them

    Raises
    ------
    ValueError : naming the field and its value
    """

    rx: str
    tx: str

    def __post_init__(self):
        _pins(self, "uart", "rx", "tx")


@dataclass(frozen=True, kw_only=True)
class Spi:
    """Pins of 3.3 V that carry SPI.

    Parameters
    ----------
    clock, select, copi : lines from the host, pins as in `Uart`
    cipo : line to it

    Raises
    ------
    ValueError : naming the field and its value
    """

    clock: str
    select: str
    copi: str
    cipo: str

    def __post_init__(self):
        _pins(self, "spi", "clock", "select", "copi", "cipo")


def _pins(owner: object, resource: str, *names: str):
    """Each a pin, no two the same."""
    seen: dict[str, str] = {}
    for name in names:
        pin = getattr(owner, name)
        if not isinstance(pin, str) or not re.fullmatch(r"\w{1,64}(:\w{1,64})?", pin, re.ASCII):
            raise ValueError(f"{resource}.{name} is a pin, such as 'B2' or 'pmod_0:1', not {str(pin)[:80]!r}")
        if pin in seen:
            raise ValueError(f"{resource}.{seen[pin]} and {resource}.{name} are two pins, not both {pin!r}")
        seen[pin] = name


@dataclass(frozen=True, kw_only=True)
class Board:
    """A circuit board with a `Target` on it.

    Parameters
    ----------
    name : as the command line takes it; the file is ``NAME.toml``. Letters, digits, - and _: output folders bear it
    description : one line for people
    platform : ``"module:Class"`` of its amaranth-boards platform
    leds : how many LEDs the platform offers as ``led``, 0 .. 8
    baud : speed of the serial port, in bits per second
    pll : the cell that makes another clock of the oscillator's, one of `Family.plls`
    target : the FPGA, with the design's clock: the oscillator's, or one that the PLL makes of it
    sram, flash : command lines that load a bitstream, until power goes and for good: the first whose program, one of
        `PROGRAMMERS`, is installed is taken. The bitstream's path takes the place of ``{}`` or is added
    uart : pins of the serial port; None: the platform has a resource ``uart``
    spi : pins of SPI, which the board speaks instead where they are given
    clock : the oscillator's name among the platform's resources; empty: the platform's default
    oscillator_hz : the oscillator's frequency, in hertz; None: that of the target's clock

    Raises
    ------
    ValueError : naming the field and its value
    """

    name: str
    description: str
    platform: str
    leds: int
    baud: int
    pll: str
    target: Target
    sram: tuple[str, ...] = ()
    flash: tuple[str, ...] = ()
    uart: Uart | None = None
    spi: Spi | None = None
    clock: str = ""
    oscillator_hz: int | None = None

    def __post_init__(self):
        _text(self, "description", "platform")
        _commands(self, "sram", "flash")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", self.name):
            raise ValueError(f"a board's file is named by 1..64 letters, digits, - and _, not {self.name[:80]!r}")
        module, _, cls = self.platform.partition(":")
        if not module or not cls.isidentifier():
            raise ValueError(f"platform is 'module:Class', not {self.platform!r}")
        if not isinstance(self.clock, str):
            raise ValueError(f"clock is a text, not {self.clock!r}")
        plls = self.target.traits.plls
        if self.pll not in plls:
            raise ValueError(f"pll of the family {self.target.family} is {' or '.join(plls)}, not {self.pll!r}")
        _positive(self, "leds", least=0)
        if self.leds > 8:
            raise ValueError(f"leds is 0..8, not {self.leds}")
        _positive(self, "baud")
        if self.oscillator_hz is not None:
            _positive(self, "oscillator_hz")
            if self.target.clock_hz != self.oscillator_hz:
                made = pll.setting(self.pll, self.oscillator_hz, self.target.clock_hz + 1)
                if made is None or int(made.frequency) != self.target.clock_hz:
                    raise ValueError(
                        f"target.clock_hz is {self.target.clock_hz}, which {self.pll} does not make of "
                        f"{self.oscillator_hz} Hz"
                    )
        if self.baud_error > 0.02:
            raise ValueError(
                f"baud is {self.baud}, which no whole number of {self.target.clock_hz} Hz cycles meets to 2 %; "
                f"take a divisor of the clock"
            )

    def clocked(self, hertz: float) -> "Board":
        """The board with a design that runs at `hertz` or, rounded down, at what its PLL makes.

        Raises
        ------
        InputError : the PLL makes nothing as slow as that, or the serial port finds no divisor of it
        """
        made = pll.setting(self.pll, self.oscillator, hertz)
        if made is None:
            raise InputError(
                f"the PLL of {self.name} makes no clock of {hertz / 1e6:g} MHz or less; "
                f"leave --clock out for {self.target.clock_hz / 1e6:g} MHz"
            )
        target = replace(self.target, clock_hz=int(made.frequency))
        try:
            return replace(self, target=target, oscillator_hz=self.oscillator)
        except ValueError as error:
            raise InputError(f"{self.name} at {float(made.frequency) / 1e6:g} MHz: {error}") from None

    def over_spi(self, pins: str) -> "Board":
        """The board with SPI instead of its serial port.

        Parameters
        ----------
        pins : clock, select, copi and cipo, separated by commas

        Raises
        ------
        InputError : they are not four pins
        """
        names = [f.name for f in fields(Spi)]
        given = pins.split(",")
        if len(given) != len(names):
            raise InputError(f"--spi is {len(names)} pins, {','.join(names).upper()}, not {pins[:80]!r}")
        try:
            return replace(self, spi=Spi(**dict(zip(names, given, strict=True))))
        except ValueError as error:
            raise InputError(f"--spi {pins[:80]}: {error}") from None

    def at(self, baud: int) -> "Board":
        """The board with another speed of its serial port.

        Raises
        ------
        InputError : its clock has no divisor for it, or fewer than 4 cycles for a bit
        """
        if self.target.clock_hz < LEAST_CYCLES * baud:
            raise InputError(
                f"{self.name} at {self.target.clock_hz / 1e6:g} MHz has a serial port of at most "
                f"{self.target.clock_hz // LEAST_CYCLES} bits per second, not {baud}; give a lower --baud"
            )
        try:
            return replace(self, baud=baud)
        except ValueError as error:
            raise InputError(f"{self.name}: {error}") from None

    def fastest(self, hertz: float) -> "Board":
        """The board with a design that runs at the highest clock up to `hertz` that the PLL makes, or at its own where
        the PLL makes none that is faster."""
        try:
            faster = self.clocked(hertz)
        except InputError:
            return self
        return faster if faster.target.clock_hz > self.target.clock_hz else self

    @property
    def oscillator(self) -> int:
        """Frequency of the oscillator, in hertz."""
        return self.target.clock_hz if self.oscillator_hz is None else self.oscillator_hz

    @property
    def divisor(self) -> int:
        """Clock cycles per bit of the serial port."""
        return max(1, round(self.target.clock_hz / self.baud))

    @property
    def baud_error(self) -> float:
        """How far the serial port's real speed is from `baud`, as a fraction."""
        return abs(self.target.clock_hz / self.divisor / self.baud - 1)


def folder() -> Path:
    """Where the board files are: inside the installed package, or else at the top of the clone."""
    package = Path(__file__).parent
    installed = package / "_boards"
    return installed if installed.is_dir() else package.parent / "boards"


def names() -> tuple[str, ...]:
    """Names of all boards, in alphabetical order."""
    return tuple(sorted(path.stem for path in folder().glob("*.toml")))


def load(name: str) -> Board:
    """The board of that name, or that a file of one's own describes, given as a path that ends in .toml.

    Raises
    ------
    InputError : no such board, or its file has a key too many, too few, or of a wrong value
    """
    if name.endswith(".toml"):
        return read(Path(name))
    if name not in names():
        raise InputError(
            f"there is no board {name!r}; the boards are {', '.join(names())}, or a .toml file like those in boards/"
        )
    return read(folder() / f"{name}.toml")


def read(path: Path) -> Board:
    """The board that a file describes; see `load`."""
    data = read_small(path, "board", MAX_BOARD_BYTES)
    try:
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no readable TOML file: {error}") from None
    table["name"] = path.stem
    try:
        target = table.get("target")
        if not isinstance(target, dict):
            raise ValueError("it has no table [target]")
        table["target"] = _make(Target, target, "target.")
        if "uart" in table:
            if not isinstance(table["uart"], dict):
                raise ValueError(f"uart is a table {{ rx = PIN, tx = PIN }}, not {str(table['uart'])[:80]!r}")
            table["uart"] = _make(Uart, table["uart"], "uart.")
        if "spi" in table:
            if not isinstance(table["spi"], dict):
                form = "{ clock = PIN, select = PIN, copi = PIN, cipo = PIN }"
                raise ValueError(f"spi is a table {form}, not {str(table['spi'])[:80]!r}")
            table["spi"] = _make(Spi, table["spi"], "spi.")
        return _make(Board, table)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _make(cls, values: dict, prefix=""):
    known = [f.name for f in fields(cls)]
    for key in values:
        if key not in known:
            raise ValueError(f"the key {prefix}{key} is unknown; take it out (known: {', '.join(known)})")
    for f in fields(cls):
        if f.name not in values and f.default is MISSING:
            raise ValueError(f"the key {prefix}{f.name} is missing; add it")
    return cls(**values)
