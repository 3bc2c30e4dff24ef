"""Where a feature map lies in activation memory: the one definition that loader, array, writer and tests share."""

from dataclasses import dataclass


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A feature map in `banks` memories of S-bit words, addressed [plane][row][column][word].

    Pixel x lies in bank (x div stride) mod banks, so that `banks` pixels, `stride` apart, are read in one cycle.

    Attributes
    ----------
    base : first address (the same in every bank)
    height, width : pixels
    words : words per pixel and plane
    planes : bit planes (1 for packed pixels)
    stride : distance in pixels of the lanes that read this map together
    banks : Q
    """

    base: int
    height: int
    width: int
    words: int
    planes: int
    stride: int
    banks: int

    @property
    def columns(self) -> int:
        """Columns per row and bank."""
        return ceil_div(ceil_div(self.width, self.stride), self.banks) * self.stride

    @property
    def row_words(self) -> int:
        return self.columns * self.words

    @property
    def plane_words(self) -> int:
        return self.height * self.row_words

    @property
    def size(self) -> int:
        """Addresses taken in every bank."""
        return self.planes * self.plane_words

    def locate(self, y: int, x: int, word: int = 0, plane: int = 0) -> tuple[int, int]:
        """(bank, address) of a word of pixel (y, x)."""
        group, phase = divmod(x, self.stride)
        column = group // self.banks * self.stride + phase
        return (
            group % self.banks,
            self.base + plane * self.plane_words + y * self.row_words + column * self.words + word,
        )
