"""The report's table of students: what each has earned, what state that is in, and where page and hand-in lie."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..base.text import short, signed
from ..grading import file_name
from ..grading.marks import mark_of
from ..grading.standing import Attempt, GradedClass, Standing

__all__ = ["Row", "student_rows"]


@dataclass(frozen=True)
class Row:
    """One student; links are relative to the report, and empty where there is nothing to open."""

    standing: Standing
    state: str
    tone: str
    need: int
    tests: str
    written: str
    late: str
    total: str
    page: str
    hand_in: str
    word: str = ""

    @property
    def attempt(self) -> Attempt | None:
        """The hand-in that counts."""
        return self.standing.marked


def student_rows(graded: GradedClass, folder: Path | None = None) -> list[Row]:
    """A row for each student, first those whom somebody has to look after, then by id.

    `folder` is the one in which the report lies; without it nothing is linked.
    """
    link = _linker(folder)
    rows = [_row(graded, standing, folder, link) for standing in graded.standings]
    return sorted(rows, key=lambda row: (row.need, row.standing.student.id))


def _row(graded: GradedClass, standing: Standing, folder: Path | None, link: Callable[[Path], str]) -> Row:
    last, mark = standing.marked, mark_of(graded, standing)
    state, tone, need = _state(graded, standing)
    there = last is not None and not last.failed
    waits = bool(graded.max_written and there and standing.written is None and not (last and last.refused))
    page = Path("students") / "feedback" / f"{file_name(standing.student.id)}.html"
    notes = [f"{len(standing.attempts)} hand-ins"] if len(standing.attempts) > 1 else []
    return Row(
        standing=standing,
        state=state,
        tone=tone,
        need=need,
        tests=short(last.score) if last is not None and there else "",
        written="waits" if waits else short(standing.written or 0.0) if there and graded.max_written else "",
        late=signed(-standing.penalty) if there and standing.penalty else "",
        total="" if mark.total is None else short(mark.total),
        page="" if folder is None else link(folder.parent / page),
        hand_in="" if last is None else link(last.path),
        word=", ".join([*notes, *(last.look_at if last is not None else ())]),
    )


def _state(graded: GradedClass, standing: Standing) -> tuple[str, str, int]:
    """What to call it, its tone, and how pressing it is: 0 most."""
    last = standing.marked
    if last is None:
        return "missing", "", 7
    found = [
        (bool(last.failed), "grading failed", "bad"),
        (not standing.known, "on no list", "warn"),
        (bool(last.refused), "refused", "bad"),
        (bool(last.look_at), "to look at", "warn"),
        (standing.late_unknown, "late by how much?", "warn"),
        (bool(graded.max_written) and standing.written is None, "waits for marking", "warn"),
        (last.seconds_late > 0, "late", ""),
    ]
    first = next((i for i, (holds, _, _) in enumerate(found) if holds), None)
    return ("graded", "good", 8) if first is None else (*found[first][1:], first)


def _linker(folder: Path | None) -> Callable[[Path], str]:
    if folder is None:
        return lambda _: ""
    home = str(folder.absolute())

    def link(path: Path) -> str:
        # As text, for a class has thousands; what a student named is quoted, and is never a scheme of its own.
        return quote("./" + os.path.relpath(os.path.abspath(path), home).replace(os.sep, "/"), errors="replace")  # noqa: PTH100

    return link
