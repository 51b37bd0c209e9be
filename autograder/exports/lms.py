"""Marks in the forms in which Moodle and Canvas take them."""

import html
from collections.abc import Iterator
from pathlib import Path

from exercise_code.common.archives.zips import zip_bytes

from ..base.errors import AutograderError
from ..base.files import write_if_changed
from ..base.spreadsheets import csv_text, disarmed
from ..base.text import how_many, line, number
from ..classroom.roster import Roster
from ..grading.marks import comment, mark_of, remarks
from ..grading.standing import GradedClass, Standing
from ..intake.worksheet import COLUMNS, Worksheet, WorksheetRow, read_worksheet

__all__ = ["canvas_csv", "expect_scale", "moodle_csv", "moodle_lacks", "write_moodle_feedback"]


def moodle_csv(graded: GradedClass, worksheet: Path | None = None) -> str | None:
    """Moodle's offline grading worksheet with the marks in it; None where Moodle could not tell whose they are.

    An original worksheet keeps every byte but the grades and comments of those who have a mark. Without one there is a
    row for each student whose Moodle number stands in the roster. Moodle matches participants by that number alone, and
    numbers them anew for each assignment, so the numbers of a roster serve for one assignment only.
    """
    if worksheet is not None:
        return _filled(graded, read_worksheet(worksheet))
    if not any(standing.known and standing.student.moodle for standing in graded.standings):
        return None
    rows: list[tuple[object, ...]] = [COLUMNS]
    for standing in graded.standings:
        if standing.known and standing.student.moodle:
            student = standing.student
            grade, text = _grade(graded, standing)
            # Moodle writes "-" for a grade that was never given, and refuses to overwrite one that is newer.
            rows.append((
                f"Participant {student.moodle}",
                disarmed(student.name),
                disarmed(student.email),
                "Submitted for grading" if standing.attempts else "No submission",
                grade,
                number(graded.max_score + graded.max_written),
                "Yes",
                "-",
                "-",
                disarmed(text),
            ))  # fmt: skip
    return csv_text(rows)


def moodle_lacks(graded: GradedClass, worksheet: Path | None) -> str:
    """What keeps marks from Moodle where the class uses it, and what to do, in a line; nothing where nothing does."""
    known = [standing.student.moodle for standing in graded.standings if standing.known]
    lost = sum(not number for number in known)
    is_moodles = any("_assignsubmission_" in str(attempt.path) for _, attempt in graded.attempts)
    if worksheet is not None or not lost or (lost == len(known) and not is_moodles):
        return ""
    what = "there is no moodle.csv" if lost == len(known) else f"{how_many(lost, 'students')} missing in moodle.csv"
    return (
        f"{what}: Moodle tells participants by the numbers in its grading worksheet: download that from the "
        "assignment's submissions, and give it with --worksheet"
    )


def expect_scale(sheet: Worksheet, total: float) -> None:
    """Nothing; an `AutograderError` where Moodle's maximum grade is not `total`, the exercise's points."""
    for row in sheet.rows:
        _expect_scale(row, sheet, total)


def canvas_csv(graded: GradedClass) -> str:
    """Canvas's gradebook import: one column, named as the exercise; the assignment must have that name.

    Canvas matches students by `ID`, then by `SIS User ID`, and looks at names only where both are unknown, so
    names may be disarmed; so are ids, which without a roster are what a file is called. Who has no mark has an empty
    cell; those whom the roster lacks are not there. Its import has no place for comments: they are on the pages.
    """
    rows: list[tuple[object, ...]] = [
        ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", graded.exercise.id),
        ("    Points Possible", "", "", "", "", graded.max_score + graded.max_written),
    ]
    for standing in graded.standings:
        if standing.known:
            student = standing.student
            name = disarmed(student.name or student.id)
            ids = disarmed(student.canvas), disarmed(student.id)
            rows.append((name, *ids, "", "", mark_of(graded, standing).total))
    return csv_text(rows)


def write_moodle_feedback(
    graded: GradedClass, feedback: Path, path: Path, worksheet: Path | None = None
) -> Path | None:
    """The zip for Moodle's "Upload multiple feedback files in a zip", None where no student's number is known.

    `feedback` holds the pages, named `<id>.html`. Numbers come from the assignment's grading worksheet, else from
    the roster.
    """
    from ..grading import file_name

    numbers = {s.student.id: (s.student.moodle, s.student.name) for s in graded.standings if s.known}
    if worksheet is not None:
        numbers = {
            standing.student.id: (row.number, row.name) for row, standing in _matched(graded, read_worksheet(worksheet))
        }
    pages: dict[str, bytes] = {}
    for id_, (participant, name) in numbers.items():
        page = feedback / f"{file_name(id_)}.html"
        if not participant or not page.is_file():
            continue
        # Moodle cuts the name at underscores, and reads no part of it but the number.
        who = "".join(c if c.isalnum() or c in " .-" else " " for c in line(name)).strip(" .")[:80] or "Participant"
        pages[f"{who}_{participant}_assignsubmission_file_/feedback.html"] = page.read_bytes()
    if not pages:
        # One of an earlier run has pages of ids that are no longer anybody's.
        path.unlink(missing_ok=True)
        return None
    write_if_changed(zip_bytes(pages, level=6), path)
    return path


def _grade(graded: GradedClass, standing: Standing) -> tuple[str, str]:
    # Moodle shows a comment as HTML.
    text = comment(graded, standing)
    shown = [text, *remarks(standing)] if text else []
    return number(mark_of(graded, standing).total), "<br>".join(map(html.escape, shown))


def _filled(graded: GradedClass, sheet: Worksheet) -> str:
    total = graded.max_score + graded.max_written
    marks = {}
    for row, standing in _matched(graded, sheet):
        _expect_scale(row, sheet, total)
        grade, text = _grade(graded, standing)
        if grade:
            marks[row.number] = grade, disarmed(text)
    return sheet.filled(marks)


def _matched(graded: GradedClass, sheet: Worksheet) -> Iterator[tuple[WorksheetRow, Standing]]:
    standings = {s.student.id: s for s in graded.standings if s.known}
    roster = Roster(tuple(s.student for s in standings.values()))
    owners = sheet.owners(roster)
    for row in sheet.rows:
        student = owners.get(row.number)
        if student is not None:
            yield row, standings[student.id]


def _expect_scale(row: WorksheetRow, sheet: Worksheet, total: float) -> None:
    try:
        found = float(row.max_grade.replace(",", ".")) if row.max_grade else total
    except ValueError:
        found = -1.0
    # Moodle passes over a grade above its maximum, and says nothing.
    if abs(found - total) > 0.005:
        raise AutograderError(
            f"expected the maximum grade {number(total)} in row {row.line} of {sheet.path}, got {row.max_grade!r}: "
            f"set it to {number(total)} in the assignment's settings, and download the worksheet again"
        )
