"""What a student's mark is, and the line that says it."""

from dataclasses import dataclass

from ..base.text import line, short, signed
from .standing import GradedClass, Standing

__all__ = ["LATE", "WAITING", "Mark", "comment", "mark_of", "remarks"]

GRADED, MISSING, REFUSED, UNKNOWN = "graded", "missing", "refused", "unknown"
FAILED, WAITING = "grading failed", "written answers not marked"
LATE = "late, nobody knows by how much: nothing is taken off"


@dataclass(frozen=True)
class Mark:
    """A student's mark: the total is None while it is not known, and `note` says more than the status.

    Nobody knows the total of a student without a hand-in, with answers that wait to be marked, or whose grading
    failed. A hand-in that was refused has a total: what a person may have given, and no automatic points. Where nobody
    knows how late it came, nothing is taken off the total, and `note` says so.
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
    if standing.late_unknown:
        note = f"{note}; {LATE}" if note else LATE
    return Mark(status, total, note)


def comment(graded: GradedClass, standing: Standing) -> str:
    """One line about a mark that a student may read; nothing while there is none."""
    mark, last = mark_of(graded, standing), standing.marked
    if mark.total is None or last is None:
        return ""
    text = f"{short(mark.total)} of {short(graded.max_score + graded.max_written)} points"
    late = "handed in late, nobody knows yet by how much"
    if last.refused:
        return f"{text}. The hand-in was refused: {line(last.refused)}" + (f"; {late}" if standing.late_unknown else "")
    parts = [f"tests {short(last.score)} of {short(graded.max_score)}"]
    if graded.max_written:
        parts.append(f"written answers {short(standing.written or 0.0)} of {short(graded.max_written)}")
    if standing.penalty:
        parts.append(f"handed in late, {short(standing.penalty)} less")
    if standing.late_unknown:
        parts.append(late)
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
