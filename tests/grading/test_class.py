"""A class from zips to standings: late, double, missing and unknown hand-ins, and which of them counts."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hand_ins import zip_of

from autograder.base.errors import AutograderError
from autograder.base.settings import Settings
from autograder.classroom.class_file import Classroom
from autograder.classroom.lateness import LateRow
from autograder.classroom.roster import Roster, Student
from autograder.cli.options import GradeOptions
from autograder.cli.run import open_run
from autograder.grading import BEFORE, course_hash, grade_class, grade_folder, grade_found, local_fleets
from autograder.intake.search import Found
from autograder.judging.result import Result, unpack_samples
from autograder.pages.class_report import _groups
from autograder.sources import variants
from autograder.sources.exercise import sources
from exercise_code.common.exercise import PACKAGE, load_exercise

EXERCISE = "ex03_dataloader"
DUE = datetime(2026, 11, 20, 22, 59, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def class_(tmp_path_factory):
    """u0001 hands in well, then badly and late; u0002 the same zip twice; u0003 nothing; u0009 is not on the roster."""
    folder = tmp_path_factory.mktemp("class")
    good = variants.reference(EXERCISE, folder / "good")
    bad = variants.untouched(EXERCISE, folder / "bad")
    hand_ins = folder / "hand_ins"
    zip_of(good, hand_ins / "u0001" / "first.zip", DUE - timedelta(hours=5))
    zip_of(bad, hand_ins / "u0001" / "again.zip", DUE + timedelta(hours=5))
    zip_of(good, hand_ins / "u0002" / "a.zip", DUE - timedelta(hours=9))
    zip_of(good, hand_ins / "u0002" / "b.zip", DUE + timedelta(hours=30))
    zip_of(good, hand_ins / "u0009.zip", DUE)
    roster = Roster(tuple(Student(f"u000{i}", f"Name {i}", f"a{i}") for i in (1, 2, 3)))
    classroom = Classroom(
        roster=roster, late=(LateRow(hours=24, lose=10), LateRow(hours=48, lose=50)), due={EXERCISE: DUE}
    )
    return hand_ins, classroom, tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def graded(class_):
    hand_ins, classroom, out = class_
    fresh = []
    found = grade_class(
        EXERCISE, hand_ins, out, Settings(), classroom=classroom, step=lambda g: fresh.append((g.found.file, g.fresh))
    )
    assert all(f for _, f in fresh) and len(fresh) == 4
    return {s.student.id: s for s in found.standings}, found


def test_every_hand_in_is_graded_and_the_last_one_gives_the_mark(graded):
    standings, _ = graded
    first, second = standings["u0001"].attempts
    assert (first.score, second.score) == (90, 0)
    assert standings["u0001"].marked is second and standings["u0001"].points == 0
    assert first.seconds_late == 0 and second.seconds_late == 5 * 3600


def test_the_same_zip_twice_is_one_hand_in_that_came_when_it_came_first(graded):
    standings, _ = graded
    (only,) = standings["u0002"].attempts
    assert only.seconds_late == 0 and only.submitted == DUE - timedelta(hours=9)
    assert standings["u0002"].penalty == 0 and standings["u0002"].points == 90


def test_nobody_is_dropped(graded):
    standings, found = graded
    assert list(standings) == ["u0001", "u0002", "u0003", "u0009"]
    assert standings["u0003"].attempts == () and standings["u0003"].points == 0 and standings["u0003"].known
    assert not standings["u0009"].known and standings["u0009"].attempts[0].score == 90
    assert (found.max_score, found.max_written, found.due) == (90, 10, DUE)


def test_a_second_run_grades_nothing_and_says_the_same(class_, graded):
    hand_ins, classroom, out = class_
    fresh = []
    found = grade_class(EXERCISE, hand_ins, out, Settings(), classroom=classroom, step=lambda g: fresh.append(g.fresh))
    assert fresh == [False] * 4
    assert found.standings == graded[1].standings


def test_a_renamed_zip_is_not_graded_again(class_, graded, tmp_path):
    _, _, out = class_
    attempt = graded[0]["u0009"].attempts[0]
    moved = tmp_path / "other.zip"
    moved.write_bytes(attempt.path.read_bytes())
    steps = list(
        grade_found(
            load_exercise(EXERCISE), [Found("u0009", moved, "other.zip", None)], out, Settings(),
            local_fleets(EXERCISE, Settings(), 1),
        )
    )  # fmt: skip
    assert [s.fresh for s in steps] == [False]


class _Fleet:
    """Judges that give everybody 90 points, and remember for whom they were asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def grade(self, jobs):
        for job in jobs:
            self.asked.append(job.student)
            yield job, Result(student=job.student, exercise=EXERCISE, hand_in=job.hand_in, score=90, max_score=90)


def _canvas(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"PK")
    return folder


def test_whom_canvas_calls_late_loses_nothing_before_a_person_knows_by_how_much(tmp_path):
    hand_ins = _canvas(tmp_path / "in", "byronada_LATE_901_5_a.zip", "hopperg_LATE_902_6_a.zip", "doejane_903_7_a.zip")
    roster = Roster((
        Student("u1", "Ada Byron", canvas="901"),
        Student("u2", "G Hopper", extension="2d", canvas="902"),
        Student("u3", "Jane Doe", canvas="903"),
    ))  # fmt: skip
    classroom = Classroom(roster=roster, late=(LateRow(hours=24, lose=10),), due={EXERCISE: DUE})
    found = grade_class(
        EXERCISE, hand_ins, tmp_path / "out", Settings(), classroom=classroom, fleets=lambda _: _Fleet()
    )
    assert {s.student.id: s.penalty for s in found.standings} == {"u1": 0, "u2": 0, "u3": 0}
    assert {s.student.id: s.late_unknown for s in found.standings} == {"u1": True, "u2": True, "u3": False}
    groups = {group.title: dict(group.rows) for group in _groups(found)}
    assert set(groups["late, nobody knows by how much"]) == {"Ada Byron (u1)", "G Hopper (u2)"}


def test_results_that_are_damaged_swapped_or_of_another_format_are_made_again(tmp_path):
    names = ["u1.zip", "u2.zip", "u3.zip", "u4.zip", "u5.zip"]
    hand_ins, out = _canvas(tmp_path / "in", *names), tmp_path / "out"

    def grade() -> list[str]:
        fleet = _Fleet()
        grade_class(EXERCISE, hand_ins, out, Settings(), fleets=lambda _: fleet)
        return fleet.asked

    assert len(grade()) == 5 and grade() == []
    one, two, three, four, _ = sorted((out / EXERCISE).glob("*.json"))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second), two.write_bytes(first)
    three.write_bytes(three.read_bytes()[:-20])
    four.write_text('{"student": "u4", "points": 3}')
    assert grade() == ["u1", "u2", "u3", "u4"] and grade() == []
    assert not (out / EXERCISE / BEFORE).exists()


def test_a_folder_with_nothing_for_anybody_says_why(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "notes.txt").write_text("x"), (folder / "zip").symlink_to(tmp_path)
    with pytest.raises(AutograderError, match=r"found none of ex03_dataloader: notes.txt: nobody's .* \(and 1 more\)"):
        grade_class(EXERCISE, folder, tmp_path / "out", Settings(), fleets=lambda _: _Fleet())


def test_a_course_folder_is_no_folder_of_hand_ins(tmp_path):
    (tmp_path / "class.toml").write_text("")
    with pytest.raises(AutograderError, match=r"got .*, a course folder: name .*submitted"):
        open_run(GradeOptions(EXERCISE, tmp_path, device="cpu"))


def test_a_course_that_was_moved_is_the_same(tmp_path, monkeypatch):
    exercise = load_exercise(EXERCISE)
    hashes = {course_hash(exercise)}
    for place in ("0", "z"):
        shutil.copytree(sources(EXERCISE).course.parent, tmp_path / place)
        monkeypatch.setenv("AUTOGRADER_COURSE", str(tmp_path / place))
        hashes.add(course_hash(exercise))
    assert len(hashes) == 1


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project's code, and a function that says what a course's hash is there."""
    root = tmp_path_factory.mktemp("project")
    for name in ("autograder", "exercise_code", "exercises"):
        shutil.copytree(PACKAGE.parent / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "from exercise_code.common.exercise import load_exercise; from autograder.grading.keys import course_hash; "
        f"print(course_hash(load_exercise('{EXERCISE}')))"
    )

    def hash_there():
        environment = {k: v for k, v in os.environ.items() if k != "AUTOGRADER_COURSE"}
        return subprocess.run(
            [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=True
        ).stdout

    return root, hash_there, hash_there()


@pytest.mark.parametrize(
    ("file", "more", "counts"),
    [
        ("autograder/course/ex03_dataloader/1_dataset.py", "\n# %% [markdown]\n# A remark.\n", False),
        ("autograder/course/ex03_dataloader/wrong.toml", '\n[[wrong]]\nname = "new"\n', False),
        ("autograder/course/ex03_dataloader/right.toml", "\n# new\n", False),
        ("autograder/authoring/build.py", "\nX = 1\n", False),
        ("autograder/pages/feedback.py", "\nX = 1\n", False),
        ("exercise_code/common/plotting.py", "\nX = 1\n", False),
        ("autograder/course/ex09_keypoints/test_hidden.py", "\nX = 1\n", False),
        ("autograder/course/ex03_dataloader/test_hidden.py", "\nX = 1\n", True),
        ("autograder/course/ex03_dataloader/solution/dataloader.py", "\nX = 1\n", True),
        ("exercise_code/ex03_dataloader/test_visible.py", "\nX = 1\n", True),
        ("exercise_code/ex03_dataloader/image_files.py", "\nX = 1\n", True),
        ("exercise_code/ex03_dataloader/exercise.toml", "\n# new\n", True),
        ("exercise_code/common/probing/comparing.py", "\nX = 1\n", True),
        ("autograder/sandbox/walls.py", "\nX = 1\n", True),
        ("autograder/sandbox/worker.py", "\nX = 1\n", True),
        ("autograder/judging/judge.py", "\nX = 1\n", True),
    ],
)
def test_a_change_regrades_only_what_it_concerns(project, file, more, counts):
    root, hash_there, before = project
    path = root / file
    text = path.read_text()
    path.write_text(text + more)
    try:
        assert (hash_there() != before) is counts
    finally:
        path.write_text(text)


def test_another_number_of_points_counts(project):
    root, hash_there, before = project
    path = root / "autograder/course/ex03_dataloader/1_dataset.py"
    text = path.read_text()
    points = re.search(r"points=(\d+)", text)
    path.write_text(text.replace(points[0], f"points={int(points[1]) + 1}", 1))
    try:
        assert hash_there() != before
    finally:
        path.write_text(text)


def test_a_model_is_scored_on_two_halves_of_the_hidden_set_and_keeps_samples_of_the_public_one(tmp_path):
    from exercise_code.ex09_keypoints.scoring import evaluation_set

    variants.reference("ex09_keypoints", tmp_path / "in" / "u0042")
    (grading,) = grade_folder("ex09_keypoints", tmp_path / "in", tmp_path / "out", Settings(), jobs=1)
    result = grading.result
    (whole,), (public,), (private,) = (
        m.values() for m in (result.metrics, result.public_metrics, result.private_metrics)
    )
    # The score is 1 / (2 MSE), and the mean over all faces is the mean of the means over two equal halves.
    assert 1 / whole == pytest.approx((1 / public + 1 / private) / 2, rel=1e-5)
    assert public != private
    samples = unpack_samples(result.samples)
    _, targets = evaluation_set("embedded", "val")
    assert samples is not None and samples.shape == (6, 30)
    assert 1 / (2 * np.mean((samples - targets[:6]) ** 2)) > 100
    told = result.for_student()
    assert told.metrics == {} and told.private_metrics == {}
    assert told.public_metrics == {"keypoint_score": float(f"{public:.3g}")}
