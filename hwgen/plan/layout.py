"""Where a feature map lies in activation memory: the one definition that loader, reader, writer and tests share."""

from dataclasses import dataclass


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def pitch(width: int, step: int, span: int, banks: int) -> int:
    """The least cells per row that hold `width` pixels of `step` a cell, and are `span` modulo `banks`."""
    cells = ceil_div(width, step)
    return cells + (span - cells) % banks


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A feature map in `banks` memories of S-bit words, for a reader that goes `step` pixels from output to output.

    Pixels lie in cells of step[0] x step[1]. Cell (Y, X) is number n = Y*pitch + X; it lies in bank n mod banks, at
    place n div banks: [plane][place][row in the cell][column in the cell][word]. The reader's output pixels are `span`
    a row, and pitch is span modulo banks; so any `banks` outputs that follow one another, across the ends of rows too,
    find their cells in as many banks (decision 8).

    Attributes
    ----------
    base : first address (the same in every bank)
    height, width : pixels
    words : words per pixel and plane
    planes : bit planes (1 for packed pixels)
    step : pixels of a cell, down and across
    pitch : cells per row
    banks : Q
    """

    base: int
    height: int
    width: int
    words: int
    planes: int
    step: tuple[int, int]
    pitch: int
    banks: int

    @property
    def cell_words(self) -> int:
        return self.step[0] * self.step[1] * self.words

    @property
    def plane_words(self) -> int:
        cells = (ceil_div(self.height, self.step[0]) - 1) * self.pitch + ceil_div(self.width, self.step[1])
        return ceil_div(cells, self.banks) * self.cell_words

    @property
    def size(self) -> int:
        """Addresses taken in every bank."""
        return self.planes * self.plane_words

    def offset(self, y: int, x: int) -> tuple[int, int]:
        """(banks further, addresses further) of a pixel that lies y rows and x columns, of either sign, from the first
        pixel of a cell in bank 0. From a cell in bank b it is one cell further where the banks go round."""
        (down, row), (across, column) = divmod(y, self.step[0]), divmod(x, self.step[1])
        place, bank = divmod(down * self.pitch + across, self.banks)
        return bank, place * self.cell_words + (row * self.step[1] + column) * self.words

    def locate(self, y: int, x: int, word: int = 0, plane: int = 0) -> tuple[int, int]:
        """(bank, address) of a word of pixel (y, x)."""
        bank, offset = self.offset(y, x)
        return bank, self.base + plane * self.plane_words + offset + word
