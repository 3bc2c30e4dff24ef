"""Tables: rows of facts, as aligned text for a terminal or as Markdown for a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of values under headings.

    Parameters
    ----------
    columns : headings
    rows : values; each row has one per column. Integers are shown with thousands separated, None as nothing.
    notes : lines below the table
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: Sequence[str] = field(default=())

    def __post_init__(self):
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row has {len(self.columns)} values, not {len(row)}: {row}")

    def text(self) -> str:
        """Columns aligned with blanks, numbers to the right; ends without a newline."""
        cells = [list(self.columns), *([_show(value) for value in row] for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        numeric = [bool(self.rows) and all(_is_number(row[i]) for row in self.rows) for i in range(len(widths))]
        lines = [
            "  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, numeric, strict=True)).rstrip()
            for row in cells
        ]
        return "\n".join([*lines, *self.notes])

    def markdown(self) -> str:
        """A Markdown table with its notes as a paragraph each; ends with a newline."""
        numeric = [bool(self.rows) and all(_is_number(row[i]) for row in self.rows) for i in range(len(self.columns))]
        rows = [
            list(self.columns),
            ["---:" if n else "---" for n in numeric],
            *([_show(value).replace("|", "\\|") for value in row] for row in self.rows),
        ]
        table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        return "\n\n".join([table, *filter(None, self.notes)]) + "\n"


def _is_number(value) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _show(value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "".join(c if c.isprintable() else "?" for c in str(value))
