"""One score: nbgrader with our preprocessor, `autograder grade`, the filled gradebook and nbgrader's own `Execute`."""

import shutil
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from nbgrader_course import grades, hand_in, nbgrader, released_course

from autograder.base.settings import settings_from_environment
from autograder.classroom.class_file import open_classroom
from autograder.grading import grade_class, local_fleets
from autograder.grading.standing import GradedClass
from autograder.nbgrader_bridge.gradebook.fill import fill_gradebook
from autograder.simulation.nbgrader_execute import execute_trusted
from autograder.sources import variants
from autograder.sources.cells import graded_cells
from autograder.sources.exercise import known_tests, sources
from autograder.sources.known_answers import apply, wrong_answers
from autograder.sources.layout import course_ids

ROSTER = "id,name\nu0001,Name One\nu0002,Name Two\nu0003,Name Three\nu0004,Name Four\n"

pytestmark = pytest.mark.slow


@dataclass
class _Graded:
    """The same hand-ins, graded in each way: points by grade id, by student."""

    trees: dict[str, Path]
    ours: GradedClass
    notebooks: list[dict[str, bytes]]
    nbgrader: dict[str, dict[str, float | None]] = field(default_factory=dict)
    filled: dict[str, dict[str, float | None]] = field(default_factory=dict)


@pytest.fixture(scope="module", params=course_ids())
def graded(request, tmp_path_factory) -> _Graded:
    exercise = request.param
    folder = tmp_path_factory.mktemp(exercise)
    course = released_course(folder / "course", exercise)
    (course / "roster.csv").write_text(ROSTER)
    trees = _trees(exercise, folder)
    for student, tree in trees.items():
        hand_in(course, student, tree, exercise)
    filled = shutil.copytree(course, folder / "filled")
    nbgrader(course, "autograde", exercise)
    classroom = open_classroom(filled)
    settings = settings_from_environment(folder=filled)
    # One judge: a second one costs more to start than four hand-ins to grade.
    one = local_fleets(exercise, settings, 1)
    ours = grade_class(exercise, filled / "submitted", filled / "results", settings, classroom=classroom, fleets=one)
    assert fill_gradebook(ours, classroom) == len(trees)
    return _Graded(
        trees,
        ours,
        [_notebooks(course), _notebooks(filled)],
        {student: _automatic(course, student, exercise) for student in trees},
        {student: _automatic(filled, student, exercise) for student in trees},
    )


def _trees(exercise: str, folder: Path) -> dict[str, Path]:
    """The reference, the untouched stubs, and two wrong answers of which each fails several cells in part."""
    source = sources(exercise)
    known = known_tests(source)
    wrong = [w for w in wrong_answers(source) if w.edit]
    # One that leaves some of a cell's points is where scores could differ.
    wrong.sort(key=lambda w: (-len({known[name].grade_id for name in w.fails}), w.name))
    return {
        "u0001": variants.reference(source, folder / "reference"),
        "u0002": variants.untouched(source, folder / "untouched"),
        "u0003": apply(wrong[0], folder / "wrong-0", source),
        "u0004": apply(wrong[len(wrong) // 2], folder / "wrong-1", source),
    }


def _notebooks(course: Path) -> dict[str, bytes]:
    found = (course / "autograded").glob("*/*/*.ipynb")
    return {str(path.relative_to(course)): path.read_bytes() for path in found}


def _automatic(course: Path, student: str, exercise: str) -> dict[str, float | None]:
    checks = {c.grade_id for c in graded_cells(exercise) if c.kind == "checks"}
    return {name: grade.auto for name, grade in grades(course, student, exercise).items() if name in checks}


def test_the_hand_ins_earn_everything_nothing_and_something(graded):
    scores = {s.student.id: s.marked.score for s in graded.ours.standings}
    assert scores["u0001"] == graded.ours.max_score and scores["u0002"] == 0
    assert 0 < scores["u0003"] < graded.ours.max_score and 0 < scores["u0004"] < graded.ours.max_score


def test_nbgrader_and_the_gradebook_have_our_points_cell_by_cell_to_the_last_digit(graded):
    ours = {s.student.id: s.marked.points for s in graded.ours.standings}
    assert graded.nbgrader == ours
    assert graded.filled == ours


def test_the_gradebook_has_the_notebooks_that_nbgrader_makes_byte_for_byte(graded):
    theirs, ours = graded.notebooks
    assert sorted(theirs) == sorted(ours) and len(ours) >= len(graded.trees)
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_nbgraders_own_execute_gives_the_same_points(graded, tmp_path):
    source = sources(graded.ours.exercise)
    for standing in graded.ours.standings:
        student = standing.student.id
        if student in ("u0002", "u0004"):
            # A kernel for each notebook: one hand-in that earns everything and one that earns a part are enough here.
            continue
        with warnings.catch_warnings():
            # nbclient's and zmq's own.
            warnings.simplefilter("ignore")
            executed = execute_trusted(source, graded.trees[student], tmp_path / student, checks_only=True)
        assert executed.points == standing.marked.points, student
