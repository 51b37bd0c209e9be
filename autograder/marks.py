"""What a student's mark is, and how marks and names are written into tables that spreadsheets open."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .report.page import clean_text
from .standing import GradedClass, Standing
from .worksheet import quoted

__all__ = [
    *("WAITING", "Mark", "comment", "csv_text", "disarmed", "line", "mark_of", "number", "remarks", "short", "signed"),
]

GRADED, MISSING, REFUSED, UNKNOWN = "graded", "missing", "refused", "unknown"
FAILED, WAITING = "grading failed", "written answers not marked"
# What spreadsheets take for the beginning of a formula, in the widths that their East Asian versions know.
FORMULA = frozenset("=+-@＝＋－＠")


@dataclass(frozen=True)
class Mark:
    """A student's mark: the total is None while it is not known, and `note` says more than the status.

    Nobody knows the total of a student without a hand-in, with answers that wait to be marked, or whose grading
    failed. A hand-in that was refused has a total: what a person may have given, and no automatic points.
    """

    status: str
    total: float | None
    note: str = ""


def mark_of(graded: GradedClass, standing: Standing) -> Mark:
    """The mark of a student of the class."""
    last = standing.marked
    total: float | None = standing.points
    if last is None:
        status, total, note = MISSING, None, ""
    elif last.failed:
        status, total, note = FAILED, None, line(last.failed)
    elif last.refused:
        status, note = REFUSED, line(last.refused)
    elif graded.max_written and standing.written is None:
        status, total, note = WAITING, None, ""
    else:
        status, note = GRADED, ""
    if not standing.known:
        status, note = UNKNOWN, note or "not on the roster"
    return Mark(status, total, note)


def comment(graded: GradedClass, standing: Standing) -> str:
    """One line about a mark that a student may read; nothing while there is none."""
    mark, last = mark_of(graded, standing), standing.marked
    if mark.total is None or last is None:
        return ""
    text = f"{short(mark.total)} of {short(graded.max_score + graded.max_written)} points"
    if last.refused:
        return f"{text}. The hand-in was refused: {line(last.refused)}"
    parts = [f"tests {short(last.score)} of {short(graded.max_score)}"]
    if graded.max_written:
        parts.append(f"written answers {short(standing.written or 0.0)} of {short(graded.max_written)}")
    if standing.penalty:
        parts.append(f"handed in late, {short(standing.penalty)} less")
    return f"{text}: {', '.join(parts)}."


def remarks(standing: Standing) -> list[str]:
    """A line for each cell that a person marked, with what was said of it; for the student to read."""
    found = []
    for marking in standing.markings:
        if marking.points is None:
            continue
        given = f"{short(marking.points)} of {short(marking.max_points)}" if marking.written else signed(marking.points)
        found.append(f"{line(marking.name)}: {given}" + (f". {line(marking.comment)}" if marking.comment else ""))
    return found


def signed(points: float) -> str:
    """Points that were added or taken away."""
    return f"+{short(points)}" if points > 0 else short(points).replace("-", "−")


def number(value: float | None, digits: int = 5) -> str:
    """A number as every system reads it, with so many digits after the point at most; nothing for None."""
    if value is None:
        return ""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return "0" if text == "-0" else text


def short(value: float) -> str:
    """A number of points as people read it."""
    return number(value, 2)


def line(text: str) -> str:
    """The text in one line, without characters that cannot be shown."""
    return " ".join(clean_text(text).split())


def disarmed(text: str) -> str:
    """The text in one line, with an apostrophe before what a spreadsheet would compute."""
    # Where numbers have decimal commas a semicolon begins a cell, whatever quotes there are.
    parts = zip(line(text).split(";"), str(text).split(";"), strict=True)
    return ";".join(f"'{shown}" if _is_computed(part) else shown for shown, part in parts)


def _is_computed(text: str) -> bool:
    for c in text:
        if c in FORMULA:
            return True
        # Blanks, quotes and what cannot be seen do not keep a spreadsheet from computing what follows.
        if not (c in "\"'\ufeff" or c.isspace() or unicodedata.category(c)[0] in "CZ"):
            break
    return text[:1] in ("\t", "\r", "\n")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The rows as CSV: numbers with six digits after the point at most, truth as yes and no, None as nothing."""
    return "".join(",".join(quoted(_plain(cell)) for cell in row) + "\n" for row in rows)


def _plain(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return number(cell, 6) if isinstance(cell, int | float) else str(cell)
