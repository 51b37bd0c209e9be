"""A graded class in nbgrader's gradebook: what is written there, what people wrote stays, and nothing is done twice."""

import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from hand_ins import zip_of
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook
from nbgrader_course import cell_of, edit_notebook, grades, mark, nbgrader, read_notebook, released_course

from autograder.base.errors import AutograderError
from autograder.classroom.class_file import Classroom, open_classroom
from autograder.classroom.roster import Student
from autograder.cli.publish import with_written_points
from autograder.grading import result_path, with_penalty
from autograder.grading.standing import GradedClass, Standing, attempt_from
from autograder.intake.digest import fingerprint
from autograder.intake.search import find_hand_ins
from autograder.judging.result import CellResult, Result, TestResult, write_result
from autograder.nbgrader_bridge.gradebook import fill as gradebook
from autograder.nbgrader_bridge.gradebook.fill import fill_gradebook
from autograder.nbgrader_bridge.gradebook.markings import written_points
from autograder.nbgrader_bridge.notebooks.fixed import fix, read_template
from autograder.nbgrader_bridge.notebooks.handed_in import read_hand_in
from autograder.nbgrader_bridge.notebooks.safe_html import markdown_to_html
from autograder.pages.feedback import write_feedback
from autograder.sources import variants
from autograder.sources.cells import graded_cells
from autograder.sources.exercise import known_tests, sources
from exercise_code.common.exercise import load_exercise

EXERCISE = "ex03_dataloader"
SOURCE = sources(EXERCISE)
TESTS = known_tests(SOURCE)
CELLS = graded_cells(EXERCISE)
CHECKS = {c.grade_id: c.points for c in CELLS if c.kind == "checks"}
WRITTEN = [c.grade_id for c in CELLS if c.kind == "written"]
NOTEBOOK = {c.grade_id: c.notebook for c in CELLS}
DUE = datetime(2026, 11, 20, 22, 59, tzinfo=UTC)
CLASS_TOML = f"""\
course_id = "dl-2026"
[[late]]
hours = 24
lose = 10
[[late]]
hours = 48
lose = 50
[exercises.{EXERCISE}]
due = 2026-11-20T23:59:00+01:00
"""
ROSTER = """\
id,name,email,canvas,extension
u0001,Ada One,ada@example.org,901,
u0002,"Two, Bo",,,
u0003,Carl C. Three,,,48h
u0004,<script>alert(1)</script> 'Four',,,
"""


@dataclass
class Course:
    """A course folder, and hand-ins of it with results that nobody had to grade."""

    folder: Path
    standings: dict[str, Standing] = field(default_factory=dict)

    @property
    def classroom(self) -> Classroom:
        return open_classroom(self.folder)

    @property
    def graded(self) -> GradedClass:
        rest = [Standing(s) for s in self.classroom.roster.students if s.id not in self.standings]
        every = sorted([*self.standings.values(), *rest], key=lambda s: (not s.known, s.student.id))
        return GradedClass(load_exercise(EXERCISE), tuple(every), sum(CHECKS.values()), 10.0, due=DUE)

    def fill(self) -> int:
        return fill_gradebook(self.graded, self.classroom)

    def add(
        self,
        student: str,
        tree: Path | None,
        passed: Mapping[str, float] | float = 1.0,
        hours_late: float | None = -1.0,
        refused: str = "",
        failed: str = "",
        known: bool = True,
    ) -> Path:
        """One more hand-in: the zip of `tree`; `passed` is the share of each cell's tests that pass."""
        before = self.standings.get(student)
        number = len(before.attempts) if before else 0
        path = self.folder / "submissions" / f"{student}_{number}.zip"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no zip") if tree is None else zip_of(tree, path)
        about = self.classroom.roster.get(student) or Student(student)
        submitted = None if hours_late is None else DUE + timedelta(hours=hours_late)
        shares = passed if isinstance(passed, Mapping) else dict.fromkeys(CHECKS, passed)
        result = _result(student, path.name, shares, refused, failed)
        where = result_path(self.folder / "results", EXERCISE, student, fingerprint(path))
        write_result(result, where)
        attempt = attempt_from(
            result,
            file=path.name,
            path=path,
            fingerprint=fingerprint(path),
            where=where,
            submitted=submitted,
            late=self.classroom.seconds_late(EXERCISE, about, submitted),
        )
        standing = before or Standing(about, known=known, deadline=self.classroom.deadline(EXERCISE, about))
        self.standings[student] = replace(standing, attempts=(*standing.attempts, attempt))
        return path

    def regrade(self, student: str, passed: Mapping[str, float]) -> None:
        """The last hand-in again, with other scores."""
        standing = self.standings[student]
        last = standing.attempts[-1]
        result = _result(student, last.file, passed, "", "")
        write_result(result, last.result)
        # A file system's clock may be too coarse to tell two results of one test apart.
        os.utime(last.result, ns=(0, last.result.stat().st_mtime_ns + 1_000_000))
        scores = {"score": result.score, "points": {c.grade_id: c.points for c in result.cells}}
        self.standings[student] = replace(standing, attempts=(*standing.attempts[:-1], replace(last, **scores)))

    def points(self, student: str) -> float:
        """The student's points as the exports have them."""
        written = written_points(self.classroom, EXERCISE).get(student)
        return with_penalty(replace(self.standings[student], written=written), self.classroom).points

    def book(self, query: str, *values: object) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.folder / "gradebook.db")
        try:
            with connection:
                return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def total(self, student: str) -> float:
        """The student's points less the penalty, as nbgrader counts them."""
        from nbgrader.api import Gradebook

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as book:
                found = book.find_submission(EXERCISE, student)
                return max(0.0, found.score - found.late_submission_penalty)

    def autograded(self, student: str, notebook: str) -> Path:
        return self.folder / "autograded" / student / EXERCISE / f"{notebook}.ipynb"


def _result(student: str, file: str, passed: Mapping[str, float], refused: str, failed: str) -> Result:
    cells = []
    for name, points in CHECKS.items():
        of = [test for test in TESTS.values() if test.grade_id == name]
        count = 0 if refused else round(passed.get(name, 0.0) * len(of))
        tests = [
            TestResult(name=t.name, title=t.name, visible=t.visible, passed=i < count, reason="it is <b>wrong</b>")
            for i, t in enumerate(of)
        ]
        cells.append(CellResult(grade_id=name, points=points * count / len(of), max_points=points, tests=tests))
    return Result(
        student=student,
        exercise=EXERCISE,
        hand_in=file,
        score=round(sum(c.points for c in cells), 6),
        max_score=sum(CHECKS.values()),
        cells=[] if failed else cells,
        refused=refused,
        failed=failed,
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Path:
    """A course folder whose gradebook has the exercise and no students: nbgrader takes seconds to make one."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "class.toml").write_text(CLASS_TOML)
    (folder / "roster.csv").write_text("id,name\n")
    assert Course(folder).fill() == 0
    (folder / "roster.csv").write_text(ROSTER)
    return folder


@pytest.fixture
def course(empty, tmp_path) -> Course:
    return Course(shutil.copytree(empty, tmp_path / "course"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """The reference with an answer to the first question, the second left open."""
    folder = variants.reference(SOURCE, tmp_path_factory.mktemp("tree") / "reference")
    edit_notebook(folder / f"{NOTEBOOK[WRITTEN[0]]}.ipynb", _answer(WRITTEN[0], "The training data <b>alone</b>."))
    return folder


def _answer(name: str, text: str):
    def edit(notebook):
        cell_of(notebook, name)["source"] = text

    return edit


def _with_answer(tree: Path, into: Path, text: str) -> Path:
    shutil.copytree(tree, into)
    edit_notebook(into / f"{NOTEBOOK[WRITTEN[0]]}.ipynb", _answer(WRITTEN[0], text))
    return into


def _files(course: Course) -> dict[str, bytes]:
    found = [p for name in ("autograded", "submitted") for p in (course.folder / name).rglob("*") if p.is_file()]
    return {str(p.relative_to(course.folder)): p.read_bytes() for p in found}


SOME = dict.fromkeys(CHECKS, 1.0) | dict.fromkeys(list(CHECKS)[:3], 0.5)


def test_scores_names_and_dates_reach_the_gradebook(course, tree):
    course.add("u0001", tree, SOME)
    course.add("u0003", tree, hours_late=50)
    assert course.fill() == 2

    found = grades(course.folder, "u0001")
    assert {name: found[name].auto for name in CHECKS} == course.standings["u0001"].marked.points
    assert {name: found[name].max for name in CHECKS} == CHECKS
    assert (found[WRITTEN[0]].auto, found[WRITTEN[0]].waits) == (None, True)
    assert (found[WRITTEN[1]].auto, found[WRITTEN[1]].waits) == (0.0, False)
    assert not any(found[name].waits for name in CHECKS)
    comments = dict(course.book(
        "SELECT b.name, c.auto_comment FROM comment c JOIN base_cell b ON b.id = c.cell_id JOIN submitted_notebook n"
        " ON n.id = c.notebook_id JOIN submitted_assignment s ON s.id = n.assignment_id WHERE s.student_id = 'u0001'"
    ))  # fmt: skip
    assert {name: comments[name] for name in WRITTEN} == {WRITTEN[0]: None, WRITTEN[1]: "No response."}

    assert course.book("SELECT name, course_id, duedate FROM assignment") == [
        (EXERCISE, "dl-2026", "2026-11-20 22:59:00.000000")
    ]
    assert course.book("SELECT student_id, timestamp, extension FROM submitted_assignment ORDER BY 1") == [
        ("u0001", "2026-11-20 21:59:00.000000", None),
        ("u0003", "2026-11-23 00:59:00.000000", "1970-01-03 00:00:00.000000"),
    ]
    students = course.book("SELECT id, first_name, last_name, email, lms_user_id FROM student ORDER BY id")
    assert students[:3] == [
        ("u0001", "Ada", "One", "ada@example.org", "901"),
        ("u0002", "Bo", "Two", None, None),
        ("u0003", "Carl C.", "Three", None, None),
    ]


def test_nbgraders_pages_show_names_as_they_are_so_none_is_markup(course, tree):
    course.fill()
    ((first, last),) = course.book("SELECT first_name, last_name FROM student WHERE id = 'u0004'")
    assert "script" in first and "Four" in last
    assert not set(first + last) & set("<>&\"'")


@given(st.text())
def test_no_name_holds_markup_control_characters_or_line_breaks(text):
    plain = gradebook._plain(text)
    assert not set(plain) & set("<>&\"'\n\r\t\x00\u202e\u2028") and len(plain) <= 128
    plain.encode()


def test_the_notebooks_can_be_marked_in_formgrader(course, tree):
    course.add("u0001", tree, SOME)
    course.fill()
    for name in load_exercise(EXERCISE).all_notebooks:
        path = course.autograded("u0001", name)
        nbformat.validate(nbformat.read(path, as_version=4))
        assert stat.S_IMODE(path.stat().st_mode) == 0o444
    notebook = read_notebook(course.autograded("u0001", NOTEBOOK[WRITTEN[0]]))
    assert cell_of(notebook, WRITTEN[0])["source"] == "The training data <b>alone</b>."
    name = next(iter(CHECKS))
    outputs = cell_of(notebook, name)["outputs"]
    assert outputs[-1]["output_type"] == "execute_result"
    assert "".join(outputs[-1]["data"]["text/plain"]) == repr(course.standings["u0001"].marked.points[name])
    assert "<b>wrong" not in "".join(outputs[0]["data"]["text/html"])


def test_formgrader_takes_the_hand_ins_for_autograded(course, tree):
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    course.add("u0001", tree, SOME, hours_late=1.234567)
    course.add("u0002", tree, hours_late=None)
    course.add("u0003", None, refused="no zip")
    course.fill()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api = NbGraderAPI(CourseDirectory(root=str(course.folder)))
        found = {s["student"]: (s["autograded"], s["needs_manual_grade"]) for s in api.get_submissions(EXERCISE)}
        assert found == {"u0001": (True, True), "u0002": (True, True), "u0003": (True, True)}
        assert api.get_submitted_students(EXERCISE) == {"u0001", "u0002"}


def test_nothing_is_done_twice(course, tree):
    course.add("u0001", tree, SOME)
    course.add("u0002", None, refused="it is not a zip")
    assert course.fill() == 2

    def state() -> dict[str, int]:
        files = [p for p in course.folder.rglob("*") if p.is_file() and p.name != ".lock"]
        return {str(p): p.stat().st_mtime_ns for p in files}

    before = state()
    assert course.fill() == 0
    assert state() == before


def test_what_was_changed_behind_our_back_is_put_right(course, tree):
    course.add("u0001", tree, SOME)
    course.fill()
    course.book("UPDATE grade SET auto_score = 1.5 WHERE auto_score > 2")
    course.autograded("u0001", "1_dataset").unlink()
    shutil.rmtree(course.folder / "submitted")
    assert course.fill() == 1
    found = grades(course.folder, "u0001")
    assert {name: found[name].auto for name in CHECKS} == course.standings["u0001"].marked.points
    assert course.autograded("u0001", "1_dataset").is_file()
    assert (course.folder / "submitted" / "u0001" / EXERCISE / "1_dataset.ipynb").is_file()


def test_what_people_entered_stays_and_waits_again_only_for_another_answer(course, tree, tmp_path):
    course.add("u0001", tree, SOME)
    course.fill()
    mark(course.folder, "u0001", WRITTEN[0], 3.5)
    mark(course.folder, "u0001", "dataset_len", 2.0)
    course.book("UPDATE grade SET extra_credit = 1.0 WHERE manual_score = 3.5")
    course.book("UPDATE comment SET manual_comment = 'well said'")
    entered = course.book("SELECT manual_score, extra_credit FROM grade ORDER BY id")

    course.regrade("u0001", SOME | {"dataset_getitem": 1.0})
    assert course.fill() == 1
    found = grades(course.folder, "u0001")
    assert found["dataset_getitem"].auto == CHECKS["dataset_getitem"]
    assert not found[WRITTEN[0]].waits and not found["dataset_len"].waits

    course.regrade("u0001", SOME | {"dataset_len": 0.0})
    course.fill()
    found = grades(course.folder, "u0001")
    assert found["dataset_len"].waits and found["dataset_len"].manual == 2.0 and not found[WRITTEN[0]].waits

    course.add("u0001", _with_answer(tree, tmp_path / "other", "All of it."), SOME, hours_late=-0.5)
    course.fill()
    found = grades(course.folder, "u0001")
    assert found[WRITTEN[0]].waits and found[WRITTEN[0]].manual == 3.5
    assert course.book("SELECT manual_score, extra_credit FROM grade ORDER BY id") == entered
    assert course.book("SELECT DISTINCT manual_comment FROM comment") == [("well said",)]


def test_marks_given_before_the_first_fill_are_not_asked_for_again(course, tree):
    """As after nbgrader's own `autograde`, which leaves no note of what it read."""
    course.add("u0001", tree, SOME)
    course.fill()
    mark(course.folder, "u0001", WRITTEN[0], 3.5)
    course.book("DELETE FROM autograder_noted")
    course.fill()
    assert not grades(course.folder, "u0001")[WRITTEN[0]].waits
    course.book("DELETE FROM autograder_noted")
    path = course.autograded("u0001", NOTEBOOK[WRITTEN[0]])
    path.chmod(0o644)
    edit_notebook(path, _answer(WRITTEN[0], "what was marked"))
    course.fill()
    assert grades(course.folder, "u0001")[WRITTEN[0]].waits


def test_comments_and_points_by_question_reach_the_students_page(course, tree, tmp_path):
    """With the next run, and an old one goes: nbgrader's gradebook is the only place where they stand."""
    course.add("u0001", tree, SOME)
    course.fill()
    first, second = WRITTEN
    mark(course.folder, "u0001", first, 4.0)
    course.book("UPDATE comment SET manual_comment = ?", "Which <b>images</b>?")
    headings = {c.grade_id: c.heading for c in CELLS}

    def page() -> str:
        graded = with_written_points(course.graded, course.classroom)
        write_feedback(graded, tmp_path / "pages", tmp_path / "cache")
        return (tmp_path / "pages" / "u0001.html").read_text()

    graded = with_written_points(course.graded, course.classroom)
    found = next(s for s in graded.standings if s.student.id == "u0001")
    # The second was left open, which decides it; a word of a person's is there all the same.
    assert [(m.grade_id, m.points, m.max_points) for m in found.markings] == [(first, 4.0, 5.0), (second, 0.0, 5.0)]
    assert found.written == 4.0
    assert page().count("Which &lt;b&gt;images&lt;/b&gt;?") == 2
    course.book("UPDATE comment SET manual_comment = NULL")
    assert "Which" not in page() and "No response." in page()
    # Marked again: what was said of the earlier answer is not said of this one.
    course.book("UPDATE comment SET manual_comment = ?", "Which?")
    course.book("UPDATE grade SET needs_manual_grade = 1 WHERE manual_score IS NOT NULL")
    assert page().count("Which?") == 1 and f"{headings[first]}" in page() and "not marked yet" in page()
    # A person who changes what tests gave, and adds something: both are named, with their signs.
    course.book("UPDATE grade SET needs_manual_grade = 0, extra_credit = 1.5 WHERE manual_score IS NOT NULL")
    name = next(iter(CHECKS))
    mark(course.folder, "u0001", name, 0.0)
    found = next(s for s in with_written_points(course.graded, course.classroom).standings if s.student.id == "u0001")
    lost = CHECKS[name] * SOME[name]
    assert found.written == written_points(course.classroom, EXERCISE)["u0001"]
    assert {m.grade_id: m.points for m in found.markings if m.points} == {first: 5.5, name: pytest.approx(-lost, abs=3)}


def test_points_given_by_hand_are_read_back(course, tree):
    assert written_points(Classroom(), EXERCISE) == {}
    course.add("u0001", tree, SOME)
    course.add("u0002", variants.untouched(SOURCE, course.folder / "untouched"), 0.0)
    course.fill()
    assert written_points(course.classroom, EXERCISE) == {"u0001": None, "u0002": 0.0}
    mark(course.folder, "u0001", WRITTEN[0], 3.5)
    assert written_points(course.classroom, EXERCISE)["u0001"] == 3.5
    # A person may also give more than the tests did, and extra credit.
    mark(course.folder, "u0001", "dataset_len", 4.0)
    course.book("UPDATE grade SET extra_credit = 0.25 WHERE manual_score = 3.5")
    before = course.standings["u0001"].marked.points["dataset_len"]
    assert written_points(course.classroom, EXERCISE)["u0001"] == pytest.approx(3.75 + 4.0 - before)
    assert course.total("u0001") == pytest.approx(course.points("u0001"), abs=1e-6)


@pytest.mark.parametrize(
    ("student", "hours", "share"),
    [("u0001", 0, 0.0), ("u0001", 24, 0.1), ("u0001", 24.01, 0.5), ("u0001", 48.5, 1.0),
     ("u0003", 47, 0.0), ("u0003", 49, 0.1), ("u0001", None, 0.0)],
)  # fmt: skip
def test_lateness_costs_what_the_table_says_of_all_points(course, tree, student, hours, share):
    course.add(student, tree, SOME, hours_late=hours)
    course.fill()
    score = course.standings[student].marked.score
    assert course.total(student) == pytest.approx((1 - share) * score)
    assert course.total(student) == pytest.approx(course.points(student), abs=1e-6)
    mark(course.folder, student, WRITTEN[0], 4.0)
    assert course.fill() == 0
    assert course.total(student) == pytest.approx((1 - share) * (score + 4))
    assert course.total(student) == pytest.approx(course.points(student), abs=1e-6)


def test_a_hand_in_that_is_only_said_to_be_late_loses_nothing_in_the_gradebook_either(course, tree):
    course.add("u0001", tree, SOME, hours_late=None)
    standing = course.standings["u0001"]
    late = replace(standing.attempts[0], late_mark=True)
    course.standings["u0001"] = replace(standing, attempts=(late,))
    course.fill()
    assert course.book("SELECT timestamp FROM submitted_assignment") == [(None,)]
    assert course.total("u0001") == pytest.approx(course.points("u0001")) == pytest.approx(late.score)


def test_another_due_date_is_taken_over(course, tree):
    course.add("u0001", tree, hours_late=1)
    course.fill()
    assert course.total("u0001") == pytest.approx(0.9 * course.standings["u0001"].marked.score)
    (course.folder / "class.toml").write_text(CLASS_TOML.replace("2026-11-20T", "2026-11-21T"))
    standing = course.standings["u0001"]
    attempt = replace(standing.attempts[0], seconds_late=0.0)
    course.standings["u0001"] = replace(standing, attempts=(attempt,), deadline=DUE + timedelta(days=1))
    course.fill()
    assert course.total("u0001") == course.standings["u0001"].marked.score


def test_a_due_date_that_formgrader_alone_knows_is_an_error_that_says_so(course, tree):
    """nbgrader would take points off for it, and our pages and exports would not."""
    (course.folder / "class.toml").write_text(CLASS_TOML[: CLASS_TOML.index("[exercises")])
    course.book("UPDATE assignment SET duedate = NULL")
    course.add("u0001", tree, hours_late=1)
    assert course.fill() == 1
    course.book("UPDATE assignment SET duedate = '2026-11-20 22:59:00.000000'")
    with pytest.raises(AutograderError, match=r"class\.toml, found 2026-11-20 22:59 UTC in the gradebook alone"):
        course.fill()
    # Where lateness costs nothing it does not matter.
    (course.folder / "class.toml").write_text("")
    assert course.fill() == 0


def test_a_refused_hand_in_is_zero_points_with_the_reason_in_the_notebook(course):
    course.add("u0001", None, refused='<img src=x onerror="a()"> ../[x](javascript:a()) is not a zip')
    course.fill()
    found = grades(course.folder, "u0001")
    assert {found[name].auto for name in CHECKS} == {0.0} and not any(found[name].waits for name in CHECKS)
    # Nobody has read the answers.
    assert {found[name].auto for name in WRITTEN} == {None} and all(found[name].waits for name in WRITTEN)
    first = read_notebook(course.autograded("u0001", "1_dataset"))["cells"][0]
    assert first["cell_type"] == "markdown" and "refused" in first["source"]
    page = markdown_to_html(first["source"])
    assert "&lt;img" in page and "<img" not in page and "href" not in page
    assert not (course.folder / "submitted" / "u0001").exists()


def test_strangers_failed_gradings_and_those_without_a_hand_in_stay_out(course, tree):
    course.add("stranger", tree, known=False)
    course.add("u0002", tree, failed="the judge died")
    course.add("u0001", tree)
    assert course.fill() == 1
    assert course.book("SELECT student_id FROM submitted_assignment") == [("u0001",)]
    assert [row[0] for row in course.book("SELECT id FROM student ORDER BY id")] == ["u0001", "u0002", "u0003", "u0004"]
    # Another day's run, over one hand-in alone, takes nothing from the others.
    del course.standings["u0001"]
    course.add("u0003", tree)
    assert course.fill() == 1
    assert course.total("u0001") == sum(CHECKS.values())


def test_the_last_hand_in_counts_and_lies_in_submitted(course, tree, tmp_path):
    def copy() -> Path:
        return course.folder / "submitted" / "u0001" / EXERCISE

    course.add("u0001", tree, 1.0, hours_late=-2)
    course.fill()
    assert (copy() / "timestamp.txt").read_text() == "2026-11-20 20:59:00.000000 UTC\n"
    course.add("u0001", _with_answer(tree, tmp_path / "later", "Later."), SOME, hours_late=1)
    assert course.fill() == 1
    assert (copy() / "timestamp.txt").read_text() == "2026-11-20 23:59:00.000000 UTC\n"
    assert "Later." in (copy() / f"{NOTEBOOK[WRITTEN[0]]}.ipynb").read_text()
    assert {name: grades(course.folder, "u0001")[name].auto for name in CHECKS} == (
        course.standings["u0001"].marked.points
    )
    # The last one is refused: what counts no longer must not be there for nbgrader to grade.
    course.add("u0001", None, hours_late=2, refused="no zip")
    course.fill()
    assert not copy().exists() and course.total("u0001") == 0


def test_what_nbgrader_collected_is_replaced_by_something_newer_only(course, tree):
    theirs = shutil.copytree(tree, course.folder / "submitted" / "u0001" / EXERCISE)
    (theirs / "mine.txt").write_text("theirs")
    course.add("u0001", tree, hours_late=-2)
    course.fill()
    assert (theirs / "mine.txt").is_file(), "of unknown date"
    (theirs / "timestamp.txt").write_text("2026-11-20 21:30:00 UTC")
    shutil.rmtree(course.folder / "autograded")
    course.fill()
    assert (theirs / "mine.txt").is_file(), "newer"
    course.add("u0001", tree, SOME, hours_late=0)
    course.fill()
    assert not (theirs / "mine.txt").exists()
    # And what is collected after our copy is nbgrader's again.
    (theirs / "mine.txt").write_text("theirs")
    (theirs / "timestamp.txt").write_text("2026-11-21 21:30:00 UTC")
    shutil.rmtree(course.folder / "autograded")
    course.fill()
    assert (theirs / "mine.txt").is_file()


def test_a_zip_that_lies_in_submitted_is_not_copied_there_and_stays_one_hand_in(course, tree):
    path = course.add("u0001", tree)
    inside = course.folder / "submitted" / "u0001.zip"
    inside.parent.mkdir(exist_ok=True)
    shutil.copy(path, inside)
    before = course.standings["u0001"]
    moved = tuple(replace(a, path=inside) for a in before.attempts)
    course.standings["u0001"] = replace(before, attempts=moved)
    assert course.fill() == 1
    assert course.fill() == 0
    assert [f.path for f in find_hand_ins(inside.parent, load_exercise(EXERCISE)).found] == [inside]
    assert {name: grades(course.folder, "u0001")[name].auto for name in CHECKS} == CHECKS


def test_a_hand_in_in_submitted_stays_as_it_is(course, tree):
    path = shutil.copytree(tree, course.folder / "submitted" / "u0001" / EXERCISE)
    course.add("u0001", tree, SOME)
    standing = course.standings["u0001"]
    course.standings["u0001"] = replace(standing, attempts=(replace(standing.attempts[0], path=path),))
    before = fingerprint(path)
    assert (course.fill(), course.fill()) == (1, 0)
    assert fingerprint(path) == before
    assert grades(course.folder, "u0001")[WRITTEN[0]].waits


def test_missing_and_broken_notebooks_cost_no_points_for_code(course, tree, tmp_path):
    broken = shutil.copytree(tree, tmp_path / "broken")
    (broken / "1_dataset.ipynb").unlink()
    (broken / "2_dataloader.ipynb").write_text('{"cells": 3')
    course.add("u0001", broken)
    assert course.fill() == 1
    found = grades(course.folder, "u0001")
    assert {name: found[name].auto for name in CHECKS} == CHECKS
    assert found[WRITTEN[0]].auto == 0
    for name, reason in (("1_dataset", "was not handed in"), ("2_dataloader", "not a readable notebook")):
        notebook = read_notebook(course.autograded("u0001", name))
        assert reason in notebook["cells"][0]["source"]
        nbformat.validate(nbformat.read(course.autograded("u0001", name), as_version=4))


FOUND_ELSEWHERE = ["{} (1).ipynb", "Copy of {}.ipynb", "{}-Copy1.ipynb", "{}.ipynb.json", "{}.ipynb.txt", "mine.ipynb"]


@pytest.mark.parametrize("form", FOUND_ELSEWHERE)
def test_a_notebook_under_another_name_is_read_and_put_right(course, tree, tmp_path, form):
    renamed = shutil.copytree(tree, tmp_path / "renamed")
    name = NOTEBOOK[WRITTEN[0]]
    answered = read_notebook(renamed / f"{name}.ipynb")
    cell_of(answered, WRITTEN[0])["source"] = "Mine."
    (renamed / f"{name}.ipynb").unlink()
    (renamed / form.format(name)).write_text(json.dumps(answered))
    course.add("u0001", renamed)
    assert course.fill() == 1
    assert cell_of(read_notebook(course.autograded("u0001", name)), WRITTEN[0])["source"] == "Mine."
    assert grades(course.folder, "u0001")[WRITTEN[0]].waits


@pytest.mark.parametrize("form", ["pdf", "html", "docx", "py", "beside", "in a zip"])
def test_an_answer_in_another_format_waits_for_a_person_in_the_copy_too(course, tree, tmp_path, form):
    """What nbgrader would read there: its own `autograde` must not give 0 for what ours lets a person find."""
    name = NOTEBOOK[WRITTEN[1]]
    beside = shutil.copytree(tree, tmp_path / "beside")
    if form == "in a zip":
        (beside / "answers.zip").write_bytes(b"no zip")
    elif form != "beside":
        (beside / f"{name}.{form}").write_text("Mine.")
    course.add("u0001", beside)
    if form == "beside":
        last = course.standings["u0001"].attempts[-1]
        standing = replace(course.standings["u0001"], attempts=(replace(last, beside=("answers.pdf",)),))
        course.standings["u0001"] = standing
    assert course.fill() == 1
    found = grades(course.folder, "u0001")[WRITTEN[1]]
    assert (found.auto, found.waits) == (None, True)
    assert written_points(course.classroom, EXERCISE) == {"u0001": None}
    copy = read_hand_in(course.folder / "submitted" / "u0001" / EXERCISE, load_exercise(EXERCISE))
    assert copy.unread == "not_read.txt"
    template = read_template(SOURCE.notebooks / f"{name}.ipynb")
    fixed = fix(copy.notebooks[name], template, copy.unread)
    assert cell_of(fixed, WRITTEN[1])["source"] != cell_of({"cells": template.cells}, WRITTEN[1])["source"]


def test_a_folder_in_the_place_of_a_file_of_ours_is_no_obstacle(course, tree):
    course.add("u0001", tree, hours_late=None)
    for name in ("timestamp.txt", "1_dataset.ipynb"):
        (course.folder / "autograded" / "u0001" / EXERCISE / name / "inside").mkdir(parents=True)
    assert course.fill() == 1
    assert course.autograded("u0001", "1_dataset").is_file()
    assert not (course.folder / "autograded" / "u0001" / EXERCISE / "timestamp.txt").exists()


def test_several_processes_make_the_same(course, tree, tmp_path, monkeypatch):
    for student in ("u0001", "u0002", "u0003"):
        course.add(student, tree, SOME)
    other = Course(shutil.copytree(course.folder, tmp_path / "other"), course.standings)
    course.fill()
    monkeypatch.setattr("autograder.nbgrader_bridge.prepare.SHARE", 1)
    monkeypatch.setattr("autograder.grading.default_jobs", lambda: 2)
    assert other.fill() == 3
    assert _files(other) == _files(course)


@pytest.mark.parametrize("name", ["../u0001", "a/b", ".hidden", "a*", 'x";alert(1)', "a\nb", ""])
def test_ids_that_could_be_a_path_or_markup_are_an_error_in_one_line(course, tree, name):
    course.standings["x"] = Standing(Student(name))
    with pytest.raises(AutograderError, match="fix the roster"):
        course.fill()


def test_a_gradebook_that_is_none_and_a_folder_without_class_are_errors_in_one_line(course):
    (course.folder / "gradebook.db").write_bytes(b"no database at all, but long enough for a header" * 30)
    with pytest.raises(AutograderError, match=r"gradebook\.db"):
        course.fill()
    with pytest.raises(AutograderError, match="expected nbgrader's gradebook"):
        written_points(course.classroom, EXERCISE)
    with pytest.raises(AutograderError, match="expected a course folder"):
        fill_gradebook(course.graded, Classroom())


def test_points_that_changed_in_the_course_are_taken_over(course, tree):
    course.book("UPDATE grade_cells SET max_score = 1.0")
    course.add("u0001", tree)
    course.fill()
    assert {name: g.max for name, g in grades(course.folder, "u0001").items() if name in CHECKS} == CHECKS


def test_graded_cells_that_changed_under_submissions_are_an_error_that_says_what_to_do(course, tree):
    course.add("u0001", tree)
    course.fill()
    course.book("UPDATE base_cell SET name = 'older_name' WHERE name = 'dataset_len'")
    with pytest.raises(AutograderError, match="nbgrader db assignment remove"):
        course.fill()


def test_what_an_error_about_a_renamed_cell_tells_to_run_works(tree, tmp_path, monkeypatch):
    """The release and the gradebook have the old id, and a submission: nbgrader alone would change nothing any more."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    folder = released_course(tmp_path / "dl")
    (folder / "roster.csv").write_text("id,name\nu0001,Ada\n")
    source = folder / "source" / EXERCISE / f"{NOTEBOOK['dataset_len']}.ipynb"
    edit_notebook(source, lambda nb: cell_of(nb, "dataset_len")["metadata"]["nbgrader"].update(grade_id="of_old"))
    nbgrader(folder, "generate_assignment", EXERCISE, "--force")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
            book.add_student("u0001")
            book.add_submission(EXERCISE, "u0001")
    course = Course(folder)
    course.add("u0001", tree)
    with pytest.raises(AutograderError, match=r"of_old is worth .* no such cell") as caught:
        course.fill()
    commands = re.findall(r"`([^`]+)`", str(caught.value))
    assert len(commands) == 3
    for command in commands:
        done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
    assert course.fill() == 1
    assert {name: g.auto for name, g in grades(folder, "u0001").items() if name in CHECKS} == CHECKS


_KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE grade SET auto_score = 0.5, manual_score = 0.5")
connection.execute("UPDATE comment SET auto_comment = ?", ("x" * 1000,))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_gradebook_that_somebody_was_killed_in_is_whole(course, tree):
    """Half of a change is in the file, and its undoing beside it: whoever opens the gradebook next has to do that."""
    for student in ("u0001", "u0002", "u0003"):
        course.add(student, tree, SOME)
    course.fill()
    mark(course.folder, "u0001", WRITTEN[0], 3.5)
    before = course.book("SELECT * FROM grade ORDER BY id")
    path = course.folder / "gradebook.db"
    for use in (lambda: written_points(course.classroom, EXERCISE)["u0001"] == 3.5, lambda: course.fill() == 0):
        subprocess.run([sys.executable, "-c", _KILLED, str(path)], check=False)
        assert path.with_name("gradebook.db-journal").stat().st_size > 512, "nothing was left: the test shows nothing"
        assert use()
        assert course.book("SELECT * FROM grade ORDER BY id") == before


_RUN = """
import pickle, sys
from autograder.nbgrader_bridge.gradebook.fill import fill_gradebook
fill_gradebook(*pickle.load(open(sys.argv[1], "rb")))
"""


@pytest.mark.slow
def test_a_run_that_is_killed_is_completed_by_the_next_one(course, tree, tmp_path):
    import pickle

    lines = ["id,name"]
    for i in range(60):
        lines.append(f"s{i:03},Student {i}")
    (course.folder / "roster.csv").write_text("\n".join(lines) + "\n")
    for i in range(60):
        course.add(f"s{i:03}", tree, i / 60, hours_late=i - 30)
    whole = Course(shutil.copytree(course.folder, tmp_path / "whole"), course.standings)
    assert whole.fill() == 60
    argument = tmp_path / "class.pickle"
    argument.write_bytes(pickle.dumps((course.graded, course.classroom)))
    (course.folder / "gradebook.db").unlink()
    # While the database is made, and when so many notebooks are there: before a batch is written, and after.
    for count in (0, 5, 100, 170):
        process = subprocess.Popen([sys.executable, "-c", _RUN, str(argument)], start_new_session=True)
        until = time.monotonic() + 100
        while len(list(course.folder.glob("autograded/*/*/*.ipynb"))) < count and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(0.0 if count else 1.0)
        assert process.poll() is None, "the run was over before it could be killed: the test shows nothing"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    course.fill()
    assert course.fill() == 0
    rows = """SELECT s.student_id, s.timestamp, b.name, g.auto_score, g.needs_manual_grade, n.late_submission_penalty
     FROM submitted_assignment s JOIN submitted_notebook n ON n.assignment_id = s.id JOIN grade g ON
     g.notebook_id = n.id JOIN base_cell b ON b.id = g.cell_id ORDER BY 1, 3"""
    assert len(course.book(rows)) == 60 * len(CELLS)
    assert course.book(rows) == whole.book(rows)
    assert _files(course) == _files(whole)
    assert not (course.folder / ".gradebook" / "staging").exists()
