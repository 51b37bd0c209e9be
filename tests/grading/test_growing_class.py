"""A class only grows: what is graded later is added, and everybody else's marks, pages and rows stay as they were."""

import csv
import hashlib
import os
import re
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from demo_course import EXERCISE, LATER, POINTS, add_later_exercise
from hand_ins import zip_of

from autograder.base.errors import AutograderError
from autograder.base.settings import Settings
from autograder.classroom.class_file import Classroom
from autograder.classroom.roster import Roster, Student
from autograder.cli.grade import grade_command
from autograder.cli.options import GradeOptions
from autograder.cli.regrade import appeal_command
from autograder.grading import grade_class
from autograder.grading.register import REGISTER, read_register
from autograder.judging.result import CellResult, Result
from autograder.sources import variants
from autograder.sources.cells import graded_cells

pytestmark = pytest.mark.usefixtures("small_course")
DUE = datetime(2026, 11, 20, 22, 59, tzinfo=UTC)
CLASS_TOML = f"""
[[late]]
hours = 24
lose = 10
[exercises.{EXERCISE}]
due = 2026-11-20T22:59:00Z
"""


class _Fleet:
    """Judges who give points by the hand-in's bytes, and remember whom they graded."""

    asked: ClassVar[list[str]] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def grade(self, jobs):
        for job in jobs:
            self.asked.append(job.student)
            yield job, _result(job.student, job.hand_in, job.path)


def _result(student: str, file: str, path: Path) -> Result:
    digest = hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()
    points = int(digest, 16) % 11
    cells = [
        CellResult(grade_id=c.grade_id, points=c.points * points / 10, max_points=c.points, tests=[])
        for c in graded_cells(EXERCISE)
        if c.kind == "checks"
    ]
    score = sum(c.points for c in cells)
    return Result(
        student=student, exercise=EXERCISE, hand_in=file, digest=digest, cells=cells, score=score, max_score=POINTS
    )


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr(_Fleet, "asked", asked)
    monkeypatch.setattr(GradeOptions, "fleets", lambda *_: lambda _: _Fleet())
    return asked


def _zip(path: Path, tree: Path, said: str, came: datetime = DUE - timedelta(hours=5)) -> Path:
    return zip_of(tree, path, came, said)


@pytest.fixture(scope="module")
def tree(small_course, tmp_path_factory) -> Path:
    return variants.untouched(EXERCISE, tmp_path_factory.mktemp("tree") / "tree")


def _course(folder: Path, students: int, moodle: bool = False) -> Path:
    folder.mkdir()
    (folder / "class.toml").write_text(CLASS_TOML)
    (folder / "secret").write_text("5" * 32)
    lines = [f"u{i:04},Name {i},alias{i},{7000 + i if moodle else ''}" for i in range(students)]
    (folder / "roster.csv").write_text("\n".join(["id,name,alias,moodle", *lines]) + "\n")
    return folder


def _grade(course: Path, submissions: Path | None = None, **more: object) -> int:
    return grade_command(GradeOptions(EXERCISE, submissions, course=course, device="cpu", jobs=1, **more))


def _rows(course: Path, name: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with (course / "results" / EXERCISE / "instructor" / "exports" / name).open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            found.setdefault(row.get("id") or row.get("SIS User ID") or row.get("Full name") or "", []).append(row)
    return found


def _book(course: Path) -> dict[str, list[tuple[object, ...]]]:
    query = """SELECT s.student_id, b.name, g.auto_score, g.manual_score, n.late_submission_penalty, s.timestamp
     FROM submitted_assignment s JOIN submitted_notebook n ON n.assignment_id = s.id
     JOIN grade g ON g.notebook_id = n.id JOIN grade_cells c ON c.id = g.cell_id JOIN base_cell b ON b.id = c.id
     ORDER BY 1, 2"""
    found: dict[str, list[tuple[object, ...]]] = {}
    connection = sqlite3.connect(course / "gradebook.db")
    for student, *row in connection.execute(query):
        found.setdefault(student, []).append(tuple(row))
    connection.close()
    return found


def _pages(course: Path) -> dict[str, str]:
    folder = course / "results" / EXERCISE / "students" / "feedback"
    # Apart from ranks and dates, which depend on the others.
    return {path.stem: re.sub(r"rank \d+ of \d+", "", path.read_text()) for path in folder.glob("*.html")}


def test_one_late_zip_in_a_class_of_twelve_changes_nobody_else(tree, tmp_path, asked):
    course = _course(tmp_path / "dl", 13, moodle=True)
    for i in range(12):
        _zip(tmp_path / "in" / f"u{i:04}.zip", tree, f"number {i}")
    assert _grade(course, tmp_path / "in") == 0
    exports = ("grades.csv", "hand_ins.csv", "cells.csv", "canvas.csv", "moodle.csv")
    rows, book, pages = {name: _rows(course, name) for name in exports}, _book(course), _pages(course)
    assert len(asked) == 12 and len(book) == 12 and len(pages) == 13
    late = _zip(tmp_path / "late" / "u0012.zip", tree, "late", DUE + timedelta(hours=3))
    assert _grade(course, late.parent) == 0
    assert asked[12:] == ["u0012"]
    for name in exports:
        after, own = _rows(course, name), "Name 12" if name == "moodle.csv" else "u0012"
        assert after.pop(own) != rows[name].pop(own, None) and after == rows[name], name
    after_book = _book(course)
    assert after_book.pop("u0012") and after_book == book
    after_pages = _pages(course)
    assert after_pages.pop("u0012") != pages.pop("u0012") and after_pages == pages
    (mine,) = _rows(course, "hand_ins.csv")["u0012"]
    assert float(mine["seconds_late"]) == 3 * 3600
    # Both folders are gone: nothing is lost, and nothing is graded again.
    shutil.rmtree(late.parent), shutil.rmtree(tmp_path / "in")
    known = {name: _rows(course, name) for name in exports}, _book(course), _pages(course)
    assert _grade(course) == 0 and len(asked) == 13
    assert ({name: _rows(course, name) for name in exports}, _book(course), _pages(course)) == known


def _class(tmp_path: Path, tree: Path, *names: str) -> tuple[Path, Path]:
    course = _course(tmp_path / "dl", 4)
    for i, name in enumerate(names):
        _zip(tmp_path / "in" / f"{name}.zip", tree, f"number {i}")
    assert _grade(course, tmp_path / "in", pages=False) == 0
    return course, tmp_path / "in"


def _standings(course: Path, submissions: Path | None = None, **more: object) -> dict[str, list[tuple[str, datetime]]]:
    students = tuple(Student(f"u{i:04}", f"Name {i}") for i in range(4))
    found = grade_class(
        EXERCISE, submissions, course / "results", Settings(b"5" * 32),
        classroom=Classroom(folder=course, roster=Roster(students), due={EXERCISE: DUE}),
        fleets=lambda _: _Fleet(), **more,
    )  # fmt: skip
    return {s.student.id: [(a.file, a.submitted) for a in s.attempts] for s in found.standings if s.attempts}


def test_the_same_bytes_in_another_folder_are_one_hand_in_that_came_when_it_came_first(tree, tmp_path, asked):
    course, first = _class(tmp_path, tree, "u0000", "u0001")
    again = tmp_path / "again" / "u0000 (1).zip"
    again.parent.mkdir()
    shutil.copyfile(first / "u0000.zip", again)
    assert _standings(course, again.parent)["u0000"] == [("u0000.zip", DUE - timedelta(hours=5))]
    assert asked == ["u0000", "u0001"]


def test_a_later_hand_in_counts_whichever_folder_was_named_first(tree, tmp_path, asked):
    course, _ = _class(tmp_path, tree, "u0000")
    found_later = _zip(tmp_path / "old" / "u0000.zip", tree, "older", DUE - timedelta(days=3))
    newer = _zip(tmp_path / "new" / "u0000.zip", tree, "newer", DUE)
    for folder in (newer.parent, found_later.parent):
        attempts = _standings(course, folder)["u0000"]
    assert [when for _, when in attempts] == [DUE - timedelta(days=3), DUE - timedelta(hours=5), DUE]


def test_a_file_that_was_replaced_stays_an_earlier_hand_in(tree, tmp_path, asked):
    course, folder = _class(tmp_path, tree, "u0000")
    _zip(folder / "u0000.zip", tree, "another one", DUE)
    assert [when for _, when in _standings(course)["u0000"]] == [DUE - timedelta(hours=5), DUE]


def test_a_file_that_got_its_owners_name_is_not_there_twice(tree, tmp_path, asked):
    course, folder = _class(tmp_path, tree, "zip of nobody", "u0001")
    assert set(_standings(course)) == {"zip of nobody", "u0001"}
    (folder / "zip of nobody.zip").rename(folder / "u0002.zip")
    assert set(_standings(course)) == {"u0001", "u0002"}


def test_replace_begins_anew_and_sets_the_others_aside(tree, tmp_path, asked, capsys):
    course, folder = _class(tmp_path, tree, "u0000", "u0001")
    other = _zip(tmp_path / "other" / "u0002.zip", tree, "number 9").parent
    shutil.copy2(folder / "u0001.zip", other / "u0001.zip")
    with pytest.raises(AutograderError, match="expected the hand-ins that --replace begins anew with"):
        _grade(course, replace=True)
    assert _grade(course, other, replace=True, pages=False) == 0
    results = course / "results" / EXERCISE
    assert f"what was there before is set aside in {results / 'replaced' / '1'}" in capsys.readouterr().out
    assert set(_standings(course)) == {"u0001", "u0002"} and asked == ["u0000", "u0001", "u0002"]
    aside = results / "replaced" / "1"
    assert [path.name[:5] for path in aside.glob("*.json")] == ["u0000"]
    assert (aside / REGISTER).is_file() and len(list((aside / "kept").rglob("*.zip"))) == 1


def test_results_elsewhere_touch_nothing_of_the_class(tree, tmp_path, asked):
    course, folder = _class(tmp_path, tree, "u0000", "u0001")
    assert _grade(course) == 0
    before = _files(course)
    more = _zip(tmp_path / "more" / "u0002.zip", tree, "number 9").parent
    assert _grade(course, more, out=tmp_path / "trial") == 0
    assert _files(course) == before
    # A trial has the whole class, and what was named.
    grades = (tmp_path / "trial" / EXERCISE / "instructor" / "exports" / "hand_ins.csv").read_text(encoding="utf-8-sig")
    assert [row["id"] for row in csv.DictReader(grades.splitlines())] == ["u0000", "u0001", "u0002"]
    assert read_register(course / "results" / EXERCISE).sources == (folder,)


def _files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_folder_of_another_exercise_is_noticed_before_anything_is_graded(small_course, tree, tmp_path, asked):
    add_later_exercise(small_course)
    course, _ = _class(tmp_path, tree, "u0000")
    before = _files(course / "results")
    other = tmp_path / "later"
    (other / "exercise_code" / LATER).mkdir(parents=True)
    (other / "exercise_code" / LATER / "doubling.py").write_text("def double(x):\n    return 2 * x\n")
    for i in (1, 2):
        _zip(tmp_path / "wrong" / f"u000{i}.zip", other, f"number {i}")
    with pytest.raises(AutograderError, match=r"got 2 of 2 that hold files of ex91_later .*autograder grade ex91"):
        _grade(course, tmp_path / "wrong")
    assert _files(course / "results") == before and asked == ["u0000"]
    for i in (0, 2, 3):
        _zip(tmp_path / "wrong" / f"u000{i}.zip", tree, f"new {i}")
    students = Classroom(folder=course, roster=Roster((Student("u0001"),)))
    found = grade_class(
        EXERCISE, tmp_path / "wrong", course / "results", Settings(), classroom=students, fleets=lambda _: _Fleet()
    )
    assert ("u0001.zip", f"holds files of {LATER} and none of {EXERCISE}") in found.problems


def test_a_damaged_register_is_no_empty_class(tree, tmp_path, asked):
    course, _ = _class(tmp_path, tree, "u0000")
    path = course / "results" / EXERCISE / REGISTER
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(AutograderError, match=r"could not read .*which says what was handed in: it is damaged"):
        _grade(course)


def test_an_appeal_reads_the_copy_of_a_hand_in_that_is_gone(tree, tmp_path, asked, monkeypatch, capsys):
    course, folder = _class(tmp_path, tree, "u0000")
    shutil.rmtree(folder)
    monkeypatch.setattr("autograder.cli.regrade.Fleet", lambda *_: _Fleet())
    assert appeal_command(GradeOptions(EXERCISE, course=course, device="cpu"), "u0000") == 0
    assert "the stored result is the same" in capsys.readouterr().out


def test_a_hand_in_without_a_copy_keeps_its_result_and_is_listed(tree, tmp_path, asked):
    course, folder = _class(tmp_path, tree, "u0000", "u0001")
    shutil.rmtree(folder), shutil.rmtree(course / "results" / EXERCISE / "kept")
    found = grade_class(
        EXERCISE, None, course / "results", Settings(b"5" * 32), fleets=lambda _: _Fleet(),
        classroom=Classroom(folder=course),
    )  # fmt: skip
    assert [s.student.id for s in found.standings] == ["u0000", "u0001"] and asked == ["u0000", "u0001"]
    assert ("u0000.zip", "is gone, and there is no copy of it: put it back") in found.problems


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,time\nu0000,2026-11-21T10:00\n", r"line 2: expected a time with its zone, .*got '2026-11-21T10:00'"),
        ("id,time\nu0003,2026-11-21T10:00Z\n", r"line 2: expected a student with a hand-in, .*got 'u0003'"),
        ("id,when\nu0000,2026-11-21T10:00Z\n", r"expected the columns id \(or file\) and time in .*got id, when"),
        ("", r"expected the columns id and time"),
    ],
)
def test_a_times_file_that_is_wrong_is_one_clear_error(text, says, tree, tmp_path, asked):
    course, _ = _class(tmp_path, tree, "u0000")
    (tmp_path / "times.csv").write_text(text)
    with pytest.raises(AutograderError, match=says):
        _standings(course, times=tmp_path / "times.csv")


def test_times_that_a_person_tells_stay_told(tree, tmp_path, asked):
    course, folder = _class(tmp_path, tree, "u0000", "u0001")
    times = tmp_path / "times.csv"
    times.write_text("\ufeffid;time\nname 0;2026-11-21T10:00+01:00\nu0001.zip;2026-11-19T10:00Z\n", encoding="utf-8")
    times.write_text(times.read_text(encoding="utf-8").replace("name 0", "u0000"), encoding="utf-8")
    told = datetime(2026, 11, 21, 9, tzinfo=UTC), datetime(2026, 11, 19, 10, tzinfo=UTC)
    assert [when for of in _standings(course, times=times).values() for _, when in of] == [*told]
    times.unlink()
    os.utime(folder / "u0000.zip", (0, 0))
    assert [when for of in _standings(course).values() for _, when in of] == [*told]
    # Of two hand-ins the file says which.
    _zip(folder / "u0000_2.zip", tree, "second")
    times.write_text("id,time\nu0000,2026-11-21T10:00Z\n")
    with pytest.raises(AutograderError, match=r"got 'u0000', which has 2 \(u0000.zip, u0000_2.zip\)"):
        _standings(course, times=times)


SHEET = "Identifier,Full name,Grade,Maximum grade,Last modified (grade),Feedback comments\n"


def test_a_worksheet_that_moodle_would_refuse_is_told_before_anything_is_graded(tree, tmp_path, asked):
    course = _course(tmp_path / "dl", 1)
    _zip(tmp_path / "in" / "Name 0_7_assignsubmission_file_work.zip", tree, "a")
    (tmp_path / "Grades.csv").write_text(SHEET + "Participant 7,Name 0,,50.00,-,\n")
    with pytest.raises(AutograderError, match=r"expected the maximum grade 100 in row 2"):
        _grade(course, tmp_path / "in", worksheet=tmp_path / "Grades.csv")
    assert asked == []


def test_a_worksheet_of_an_earlier_run_is_not_said_to_be_missing(tree, tmp_path, asked, capsys):
    course = _course(tmp_path / "dl", 1)
    _zip(tmp_path / "in" / "Name 0_7_assignsubmission_file_work.zip", tree, "a")
    assert _grade(course, tmp_path / "in") == 0
    assert "there is no moodle.csv" in capsys.readouterr().out
    (tmp_path / "Grades.csv").write_text(SHEET + "Participant 7,Name 0,,100.00,-,\n")
    assert _grade(course, worksheet=tmp_path / "Grades.csv") == 0
    assert "moodle.csv" not in capsys.readouterr().out
    assert _grade(course) == 0
    assert "moodle.csv" not in capsys.readouterr().out
    assert (course / "results" / EXERCISE / "instructor" / "exports" / "moodle.csv").is_file()
