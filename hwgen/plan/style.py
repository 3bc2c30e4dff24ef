"""How the array is built: of which cells, and in how many pipeline stages."""

from dataclasses import dataclass

from ..errors import InputError
from ..families import FAMILIES
from .compressor import Counter, counter, registered_levels
from .layout import ceil_div

CELLS = ("generic", "ice40", "ecp5", "gowin")
STAGES = {"generic": 1, "ice40": 2, "ecp5": 2, "gowin": 2}
"""Registers within the popcount where nobody says how many."""

DEPTHS = {"generic": (1, 2), "ice40": (1, 2, 3), "ecp5": (1, 2, 3), "gowin": (1, 2)}
"""What the planner tries where it looks for the best."""

SHARED = 8
"""Channels that read one copy of a register that all channels need (decision 10)."""

SPREAD = 4
"""Copies that come from one register, where one stands in front of them (decision 10)."""

PART = 1024
"""Bits of a weight word, at least, that have an address of their own: fewer would waste block RAM."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """Cells and pipeline of the array's processing elements.

    Parameters
    ----------
    cells : ``"generic"``: adders, for any tool; ``"ice40"``: logic cells packed by hand; ``"ecp5"``: carry cells packed
        by hand, behind a register for weights and activations; ``"gowin"``: ALUs packed by hand
    stages : registers within the popcount, at least 1; a tree of fewer levels has fewer

    Raises
    ------
    InputError : other cells, or no stage
    """

    cells: str = "generic"
    stages: int = 1

    def __post_init__(self):
        if self.cells not in CELLS:
            raise InputError(f"the cells are one of {', '.join(CELLS)}, not {self.cells!r}")
        if not 1 <= self.stages <= 16:
            raise InputError(f"the popcount has 1..16 stages, not {self.stages}")

    def tree(self, lanes: int) -> Counter:
        """What counts S lanes: all of them, or 2^k - 1 where the accumulator takes one more: in ECP5's cells always,
        with constants for what is not there, in iCE40's and Gowin's where S is 2^k."""
        full = max(3, (1 << (lanes - 1).bit_length()) - 1)
        filled = self.cells == "ecp5" or (self.cells in ("ice40", "gowin") and full == lanes - 1)
        return counter(full if filled else lanes)

    def counted(self, lanes: int) -> int:
        """Lanes that a processing element has cells for: in ECP5's a power of two, whatever of it is used."""
        return self.tree(lanes).size + 1 if self.cells == "ecp5" else lanes

    def left_lanes(self, lanes: int) -> int:
        """How many of the lanes, from the first on, are counted apart until the tree's last level; 0 where constants
        fill the tree or single lanes meet there."""
        tree = self.tree(lanes)
        return tree.left.size if tree.left and tree.left.parts and lanes >= tree.size else 0

    def registers(self, lanes: int) -> tuple[int, ...]:
        """The levels of the tree behind which registers stand."""
        return registered_levels(self.tree(lanes).level, self.stages)

    @property
    def registered(self) -> bool:
        """Whether there are registers around the memories and the array, and copies of what many channels read: for
        large arrays (decision 10). All that follows from it is below."""
        return self.cells == "ecp5"

    @property
    def tap_registers(self) -> int:
        """Registers behind the table of taps, whose entries come out of block RAM late."""
        return 1 if self.registered else 0

    @property
    def port_registers(self) -> int:
        """Registers in front of the activation memory's ports, of every bank: RAM lies all over the chip."""
        return 1 if self.registered else 0

    @property
    def address_registers(self) -> int:
        """Registers that a step passes, where no other style has any, on its way to the activation memory."""
        return self.tap_registers + self.port_registers

    @property
    def read_registers(self) -> int:
        """Registers behind the activation memory, whose words come out of block RAM late."""
        return 1 if self.registered else 0

    def activation_parts(self, width: int, depth: int) -> int:
        """Memories that words of activations lie in, side by side: where a register follows, so narrow that each is one
        block RAM, as far as one is deep enough; words of several blocks would come through multiplexers."""
        if not self.read_registers:
            return 1
        fitting = [w for d, w in FAMILIES[self.cells].ram_shapes if d >= depth]
        block = max(fitting, default=FAMILIES[self.cells].ram_shapes[-1][1])
        return next(n for n in range(1, width + 1) if width % n == 0 and width // n <= block)

    @property
    def weight_registers(self) -> int:
        """Registers in front of the weight memory's control and its address, and behind its words."""
        return 3 if self.registered else 0

    def weight_parts(self, channels: int, lanes: int) -> int:
        """Memories that the weights of P channels lie in, side by side, each with its own address."""
        if not self.weight_registers:
            return 1
        return max(n for n in range(1, channels + 1) if channels % n == 0 and (n == 1 or channels // n * lanes >= PART))

    def weight_rows(self, width: int, depth: int) -> int:
        """Rows of each of the memories, one after another for depth, that a part of the weights lies in: where a
        register follows, as many as one block RAM has, so that the words of several meet behind their registers."""
        return FAMILIES[self.cells].tiling(width, depth)[2] if self.weight_registers else depth

    @property
    def spread_registers(self) -> int:
        """Registers in front of the array's copies of activations and control, each for a few of them: what one pixel's
        lanes give goes all over the chip. So much before the weights both come to the array."""
        return 1 if self.registered else 0

    @property
    def input_registers(self) -> int:
        """Registers between the array's inputs and its processing elements."""
        return 1 if self.registered else 0

    @property
    def drain_registers(self) -> int:
        """Registers between the array's accumulators and what makes codes and logits of them."""
        return 1 if self.registered else 0

    def copies(self, channels: int) -> int:
        """How often the input registers of activations and control occur, each for as many of the P channels."""
        return ceil_div(channels, SHARED) if self.registered else 1

    def element_latency(self, lanes: int) -> int:
        """Cycles from a step at a processing element to its accumulator."""
        return len(self.registers(lanes)) + 1

    def latency(self, lanes: int) -> int:
        """Cycles from a step at the array's input to when its accumulators are taken; where there are registers in
        front of the memories or behind them, from where it would stand there without them."""
        before = self.address_registers + self.read_registers + self.weight_registers
        return before + self.input_registers + self.element_latency(lanes) + self.drain_registers


def family_style(family: str, cells: str | None = None, stages: int | None = None) -> Style:
    """The style of a family's arrays, in its own cells; given cells and stages come first."""
    cells = cells or (family if family in CELLS else "generic")
    return Style(cells=cells, stages=stages or STAGES[cells])


def family_styles(family: str, cells: str | None = None, stages: int | None = None) -> list[Style]:
    """All styles that are worth trying for a family's arrays, of given cells and stages those only."""
    kinds = [cells] if cells else ["generic", *({family} & {*CELLS})]
    return [Style(cells=kind, stages=n) for kind in kinds for n in ([stages] if stages else DEPTHS[kind])]
