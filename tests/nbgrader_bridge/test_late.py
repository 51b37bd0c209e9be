"""Late penalties and marks through nbgrader's own commands: what lateness costs, and when it is computed again."""

import csv
import shutil
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nbgrader_course import EXERCISE, cell_of, edit_notebook, hand_in, mark, nbgrader, released_course

from autograder.base.settings import settings_from_environment
from autograder.classroom.class_file import Classroom, open_classroom
from autograder.grading import course_hash, grade_class, result_key, result_path, with_penalty
from autograder.grading.standing import GradedClass
from autograder.intake.digest import fingerprint
from autograder.judging.result import CellResult, Result, TestResult, write_result
from autograder.nbgrader_bridge.gradebook.fill import fill_gradebook
from autograder.nbgrader_bridge.gradebook.markings import written_points
from autograder.sources import variants
from autograder.sources.cells import graded_cells
from exercise_code.common.exercise import load_exercise

CELLS = graded_cells(EXERCISE)
WRITTEN = next(c for c in CELLS if c.kind == "written")
DUE = datetime(2026, 11, 20, 22, 59, tzinfo=UTC)
CLASS_TOML = f"""\
[[late]]
hours = 24
lose = 10
[[late]]
hours = 48
lose = 33.3
[exercises.{EXERCISE}]
due = {DUE.isoformat()}
"""
ROSTER = """\
id,name,email,extension
u0001,Ada One,ada@example.org,
u0002,"=HYPERLINK(""http://127.0.0.1/"",""x"")",+49@example.org,
u0003,"Three, Carl, C.",,2d
u0004,Dee Four,,
u0005,Not Here,,
"""
# Hours after the due date, and what they cost.
LATE = {"u0001": (-1.0, 0.0), "u0002": (30.0, 0.333), "u0003": (60.0, 0.1), "u0004": (49.0, 1.0)}
SHARE = 2 / 3


@dataclass(frozen=True)
class Course:
    """A course folder that nbgrader has autograded, and the same class graded by us."""

    folder: Path
    graded: GradedClass

    @property
    def classroom(self) -> Classroom:
        return open_classroom(self.folder)

    def points(self) -> dict[str, float]:
        """Each student's points as our exports have them."""
        found = written_points(self.classroom, EXERCISE)
        standings = [replace(s, written=found.get(s.student.id)) for s in self.graded.standings]
        return {s.student.id: with_penalty(s, self.classroom).points for s in standings}

    def penalties(self) -> dict[str, float]:
        """Each submission's penalty as nbgrader has it."""
        from nbgrader.api import Gradebook

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as book:
                return {s.student.id: s.late_submission_penalty for s in book.assignment_submissions(EXERCISE)}

    def export(self) -> list[dict[str, str]]:
        nbgrader(self.folder, "export", "--to=marks.csv")
        with (self.folder / "marks.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def autograded(tmp_path_factory) -> Course:
    """nbgrader's own `autograde` on four hand-ins; nobody had to run their code."""
    folder = released_course(tmp_path_factory.mktemp("late") / "dl-2026")
    (folder / "class.toml").write_text(CLASS_TOML)
    (folder / "roster.csv").write_text(ROSTER)
    tree = variants.untouched(EXERCISE, tmp_path_factory.mktemp("tree") / "untouched")
    edit_notebook(
        tree / f"{WRITTEN.notebook}.ipynb", lambda n: cell_of(n, WRITTEN.grade_id).update(source="An answer.")
    )
    settings = settings_from_environment(folder=folder)
    course = course_hash(load_exercise(EXERCISE))
    for student, (hours, _) in LATE.items():
        path = hand_in(folder, student, tree)
        (path / "timestamp.txt").write_text(f"{DUE + timedelta(hours=hours):%Y-%m-%d %H:%M:%S} UTC")
        print_ = fingerprint(path)
        result = _result(student, path.name, result_key(student, print_, course, settings))
        write_result(result, result_path(folder / "results", EXERCISE, student, print_))
    nbgrader(folder, "autograde", EXERCISE)
    graded = grade_class(EXERCISE, folder / "submitted", folder / "results", settings, classroom=open_classroom(folder))
    return Course(folder, graded)


def _result(student: str, file: str, key: str) -> Result:
    cells = []
    for cell in CELLS:
        if cell.kind == "checks":
            test = TestResult(name="test_a", title="It works.", visible=True, passed=False, reason="it does not")
            points = cell.points * SHARE
            cells.append(CellResult(grade_id=cell.grade_id, points=points, max_points=cell.points, tests=[test]))
    score = round(sum(c.points for c in cells), 6)
    return Result(student=student, exercise=EXERCISE, hand_in=file, key=key, score=score, cells=cells)


@pytest.fixture
def course(autograded, tmp_path) -> Course:
    return replace(autograded, folder=shutil.copytree(autograded.folder, tmp_path / "dl-2026", symlinks=True))


def test_nbgraders_autograde_asks_our_table(course):
    score = course.graded.max_score * SHARE
    assert course.penalties() == pytest.approx({student: share * score for student, (_, share) in LATE.items()})


def test_a_hand_in_without_a_date_does_not_keep_the_date_of_the_one_before(course):
    """In its place lies another one, put there by hand: `autograder grade` takes it for one in time."""
    (course.folder / "submitted" / "u0002" / EXERCISE / "timestamp.txt").unlink()
    nbgrader(course.folder, "autograde", EXERCISE, "--student=u0002", "--force")
    assert course.penalties()["u0002"] == 0


def test_a_filled_gradebook_has_nbgraders_penalties(course):
    before = course.penalties()
    fill_gradebook(course.graded, course.classroom)
    assert course.penalties() == pytest.approx(before)


def test_points_given_later_are_late_as_well_in_feedback_and_export(course):
    for student in LATE:
        mark(course.folder, student, WRITTEN.grade_id, 4.0)
    total = course.graded.max_score * SHARE + 4
    expected = {student: share * total for student, (_, share) in LATE.items()}
    nbgrader(course.folder, "generate_feedback", EXERCISE, "--student=u0002")
    assert course.penalties()["u0002"] == pytest.approx(expected["u0002"])
    page = (course.folder / "feedback" / "u0002" / EXERCISE / f"{WRITTEN.notebook}.html").read_text()
    assert "Late submission penalty" in page
    rows = {row["student_id"]: row for row in course.export()}
    assert course.penalties() == pytest.approx(expected)
    for student, penalty in expected.items():
        assert float(rows[student]["late_submission_penalty"]) == pytest.approx(penalty)
        assert float(rows[student]["score"]) == pytest.approx(total - penalty)


@pytest.mark.parametrize("marked", [False, True])
def test_nbgraders_export_has_our_totals(course, marked):
    for student in LATE if marked else ():
        mark(course.folder, student, WRITTEN.grade_id, 2.5)
    fill_gradebook(course.graded, course.classroom)
    rows = course.export()
    assert {r["student_id"]: float(r["score"]) for r in rows} == pytest.approx(course.points(), abs=1e-6)
    assert {float(r["max_score"]) for r in rows} == {100.0}
    assert {r["duedate"] for r in rows} == {"2026-11-20 22:59:00"}
    missing = next(r for r in rows if r["student_id"] == "u0005")
    assert missing["timestamp"] == "" and float(missing["raw_score"]) == 0


def test_the_export_has_nbgraders_columns_and_no_formulas(course):
    fill_gradebook(course.graded, course.classroom)
    rows = {row["student_id"]: row for row in course.export()}
    assert all(None not in row and None not in row.values() for row in rows.values())
    nbgrader(course.folder, "export", "--to=theirs.csv", "--exporter=nbgrader.plugins.CsvExportPlugin")
    assert (course.folder / "theirs.csv").read_text().splitlines()[0].split(",") == list(rows["u0001"])
    assert (rows["u0001"]["first_name"], rows["u0001"]["last_name"]) == ("Ada", "One")
    assert rows["u0003"]["last_name"] == "Three" and rows["u0003"]["first_name"] == "Carl, C."
    texts = [value for row in rows.values() for name, value in row.items() if not name.endswith("score")]
    assert not [text for text in texts if text[:1] in ("=", "+", "-", "@")]


def test_one_student_and_one_assignment_can_be_exported(course):
    fill_gradebook(course.graded, course.classroom)
    nbgrader(course.folder, "export", "--to=one.csv", '--student=["u0001"]', f'--assignment=["{EXERCISE}"]')
    assert len((course.folder / "one.csv").read_text().splitlines()) == 2
    nbgrader(course.folder, "export", "--to=none.csv", '--assignment=["ex99_other"]')
    assert len((course.folder / "none.csv").read_text().splitlines()) == 1


def test_without_a_table_and_without_a_class_lateness_costs_nothing(course):
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import AssignLatePenalties

    from autograder.nbgrader_bridge.gradebook.late import LatePenalty

    def penalty() -> float | None:
        step = AssignLatePenalties()
        step.coursedir = CourseDirectory(root=str(course.folder))
        return LatePenalty(parent=step).late_submission_penalty("u0001", 40.0, 3600.0)

    assert penalty() == 4.0
    (course.folder / "class.toml").write_text(CLASS_TOML[CLASS_TOML.index("[exercises") :])
    assert penalty() is None
    (course.folder / "class.toml").unlink()
    assert penalty() is None
