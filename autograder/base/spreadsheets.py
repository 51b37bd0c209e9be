"""Tables that spreadsheets open: quoted for every separator, and without what a spreadsheet would compute."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from .text import line, number

__all__ = ["csv_text", "disarmed", "quoted"]

# What spreadsheets take for the beginning of a formula, in the widths that their East Asian versions know.
FORMULA = frozenset("=+-@＝＋－＠")


def quoted(value: str) -> str:
    """The value as a cell of a CSV table, whatever separates its cells: LibreOffice takes all of these at once."""
    return '"' + value.replace('"', '""') + '"' if re.search(r'[,;\t"\r\n]', value) else value


def disarmed(text: str) -> str:
    """The text in one line, with an apostrophe before what a spreadsheet would compute."""
    # Where numbers have decimal commas a semicolon begins a cell, whatever quotes there are.
    parts = zip(line(text).split(";"), str(text).split(";"), strict=True)
    return ";".join(f"'{shown}" if _is_computed(part) else shown for shown, part in parts)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The rows as CSV: numbers with six digits after the point at most, truth as yes and no, None as nothing."""
    return "".join(",".join(quoted(_plain(cell)) for cell in row) + "\n" for row in rows)


def _is_computed(text: str) -> bool:
    for c in text:
        if c in FORMULA:
            return True
        # Blanks, quotes and what cannot be seen do not keep a spreadsheet from computing what follows.
        if not (c in "\"'\ufeff" or c.isspace() or unicodedata.category(c)[0] in "CZ"):
            break
    return text[:1] in ("\t", "\r", "\n")


def _plain(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return number(cell, 6) if isinstance(cell, int | float) else str(cell)
