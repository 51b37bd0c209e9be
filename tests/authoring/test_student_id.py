"""Exercises whose numbers differ from student to student."""

import json
from pathlib import Path

import pytest
from demo_course import EXERCISE, DemoCourse, make_demo_course
from hypothesis import given
from hypothesis import strategies as st

from autograder.authoring.build import build, write
from autograder.classroom.roster import Student
from autograder.grading.standing import attempt_from
from autograder.judging.result import Result
from exercise_code.common import exercise as exercises
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import Exercise, load_exercise
from exercise_code.common.hand_ins.hand_in import open_handin
from exercise_code.common.hand_ins.student_id import ID_FILE, numbers_of, parse_id, student_id

ANSWER = '''\
"""Answers."""


def add(a, b):
    """The sum of this student's two numbers."""
    return {}
'''
TEST = '''\


@grade("demo_add")
def test_the_sum_of_own_numbers(observe, numbers):
    """add() is the sum of your own two numbers."""
    a, b = (int(number) for number in numbers.integers(1000, 9999, 2))
    assert_same(observe(add_two, 0, 0), a + b)
'''


@given(st.binary(max_size=300))
def test_an_id_is_plain_or_none(data: bytes) -> None:
    found = parse_id(data)
    assert found is None or (found == found.strip().lower() and found.isascii() and 1 <= len(found) <= 64)


@pytest.mark.parametrize("data", [b"u0042", b" U0042\r\n", b"\xef\xbb\xbfu0042\n"])
def test_an_id_is_read_however_it_was_typed(data: bytes) -> None:
    assert parse_id(data) == "u0042"


@pytest.mark.parametrize("data", [b"", b"\n", b"two ids", b"u0042\nu0043", b"../u0042", b"u" * 65, b"\xff", b"<b>"])
def test_what_is_no_id_is_none(data: bytes) -> None:
    assert parse_id(data) is None


def test_numbers_are_a_students_own() -> None:
    assert numbers_of("ex02_math", "u0042").random() == numbers_of("ex02_math", "U0042").random()
    others = {numbers_of(exercise, name).random() for exercise in ("ex02_math", "ex03") for name in ("u0042", "u0043")}
    assert len(others) == 4
    # Whatever machine draws them.
    assert numbers_of("ex02_math", "u0042").integers(1000, 9999, 3).tolist() == NUMBERS


NUMBERS = [1043, 3135, 8481]


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DemoCourse:
    demo = make_demo_course(tmp_path / "project")
    toml = demo.package / "exercise.toml"
    toml.write_text(toml.read_text() + "personal = true\n")
    visible = demo.package / "test_visible.py"
    visible.write_text(visible.read_text() + TEST)
    write(build(demo.course, demo.root), demo.root)
    monkeypatch.setattr(exercises, "PACKAGE", demo.root / "exercise_code")
    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    return demo


def test_an_id_is_typed_once(demo: DemoCourse) -> None:
    with pytest.raises(CourseError, match="expected your id"):
        student_id(exercise=EXERCISE)
    with pytest.raises(CourseError, match=r"such as u0042, got 'two ids'"):
        student_id("two ids", EXERCISE)
    assert student_id("U0042", EXERCISE) == "u0042"
    assert student_id(exercise=EXERCISE) == student_id("u0042", EXERCISE) == "u0042"
    with pytest.raises(CourseError, match="expected 'u0042', whose numbers"):
        student_id("u0043", EXERCISE)
    assert (demo.package / ID_FILE).read_text() == "u0042\n"


def test_a_hub_knows_it(demo: DemoCourse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "u0007")
    assert student_id(exercise=EXERCISE) == "u0007"


def _exercise(demo: DemoCourse) -> Exercise:
    return load_exercise(EXERCISE, demo.root / "exercise_code")


def _hand_in(folder: Path, student: str, named: str | None, answer: int) -> Path:
    package = folder / student / "exercise_code" / EXERCISE
    package.mkdir(parents=True)
    (package / "adding.py").write_text(ANSWER.format(answer))
    if named is not None:
        (package / ID_FILE).write_text(named)
    return folder / student


def test_a_hand_in_holds_the_id_or_says_that_it_lacks_it(demo: DemoCourse, tmp_path: Path) -> None:
    name = f"exercise_code/{EXERCISE}/{ID_FILE}"
    named = open_handin(_hand_in(tmp_path, "u0001", "u0001\n", 1), _exercise(demo), tmp_path / "one")
    assert named.student_id == "u0001"
    assert name not in named.missing
    none = open_handin(_hand_in(tmp_path, "u0002", None, 1), _exercise(demo), tmp_path / "two")
    assert none.student_id is None
    assert name in none.missing
    odd = open_handin(_hand_in(tmp_path, "u0003", "two ids", 1), _exercise(demo), tmp_path / "three")
    assert odd.student_id is None
    assert any("expected one id" in note.reason for note in odd.notes)


def _sum(student: str) -> int:
    return int(numbers_of(EXERCISE, student).integers(1000, 9999, 2).sum())


def test_copied_numbers_earn_nothing_and_a_copied_id_is_listed(demo: DemoCourse, tmp_path: Path) -> None:
    folder = tmp_path / "hand-ins"
    _hand_in(folder, "u0001", "u0001", _sum("u0001"))
    _hand_in(folder, "u0002", "u0002", _sum("u0001"))
    _hand_in(folder, "u0003", "u0001", _sum("u0001"))
    _hand_in(folder, "u0004", None, _sum("u0004"))
    done = demo.autograder("grade", EXERCISE, folder, "--no-pages", "--demo-secret")
    assert done.returncode == 0, done.stdout + done.stderr
    passed, results = {}, {}
    for path in (demo.root / "results" / EXERCISE).glob("*.json"):
        table = json.loads(path.read_text())
        tests = {test["name"]: test for cell in table["cells"] for test in cell["tests"]}
        results[table["student"]] = Result.model_validate(table)
        passed[table["student"]] = tests["test_the_sum_of_own_numbers"]["passed"]
        if table["student"] == "u0004":
            assert "nobody is named in student_id.txt" in tests["test_the_sum_of_own_numbers"]["reason"]
    assert passed == {"u0001": True, "u0002": False, "u0003": True, "u0004": False}
    known = {"file": "x", "path": folder, "fingerprint": "x", "where": folder, "submitted": None, "late": 0.0}

    def look_at(owner: Student, result: Result) -> tuple[str, ...]:
        return tuple(line for line in attempt_from(result, owner=owner, **known).look_at if "numbers" in line)

    assert look_at(Student("u0001"), results["u0001"]) == ()
    assert look_at(Student("other", email="U0001@example.org"), results["u0001"]) == ()
    assert look_at(Student("u0003"), results["u0003"]) == ("has the numbers of u0001: it was scored with these",)
