"""Exercise 2: numbers that make good problems, and answers read however somebody typed them."""

from fractions import Fraction

import numpy as np
import pytest

from autograder.sources import variants
from autograder.sources.exercise import sources
from autograder.sources.known_answers import apply, wrong_answers
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.errors import CourseError
from exercise_code.common.hand_ins.student_id import numbers_of
from exercise_code.common.probing.cases import load_cases
from exercise_code.common.probing.running import run_case
from exercise_code.common.testing import Failure
from exercise_code.ex02_math_recap.parsing import as_number, as_numbers, is_close, plain
from exercise_code.ex02_math_recap.problems import EXERCISE, Problems, draw, own_problems

NAMES = (
    "algebra squares chain fork variable alarm sample entropy network convolution pooling".split()  # noqa: SIM905
)
STUDENTS = [f"u{number:04}" for number in range(150)]


def problems_of(student: str) -> Problems:
    return draw(numbers_of(EXERCISE, student))


@pytest.mark.parametrize("name", NAMES)
def test_everybody_gets_a_problem_and_hardly_two_the_same(name):
    drawn = [repr(getattr(problems_of(student), name)) for student in STUDENTS]
    # There are no more than a few hundred pairs of numbers for the fork, and few alarms that tell mistakes apart.
    assert len(set(drawn)) >= (20 if name in ("alarm", "fork") else 100), f"{len(set(drawn))} different ones"


def test_numbers_are_the_same_each_time_and_do_not_depend_on_what_is_asked_first():
    first, again = problems_of("u0007"), Problems(problems_of("u0007")._seed)
    for name in reversed(NAMES):
        assert repr(getattr(again, name)) == repr(getattr(first, name))


def test_answers_are_pleasant_numbers():
    for own in map(problems_of, STUDENTS):
        assert float(np.linalg.norm(own.algebra.u)).is_integer()
        assert (2 * np.linalg.inv(own.algebra.S)).round(9).tolist() == (
            2 * np.linalg.inv(own.algebra.S)
        ).round().tolist()
        assert sum(own.sample) % 5 == 0
        assert sum(own.variable.chances.values()) == 1
        size = own.network.size
        for layer in own.network.layers:
            size, rest = divmod(size + 2 * layer.padding - layer.kernel, layer.stride)
            size += 1
            assert rest == 0
        assert size >= 3


def test_nobody_changes_the_numbers_by_accident():
    u = problems_of("u0001").algebra.u
    with pytest.raises(ValueError, match="read-only"):
        u += 1


def test_without_an_id_there_are_no_numbers():
    with pytest.raises(CourseError, match=r'run student_id\("\.\.\."\) with your id'):
        own_problems()


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        (3, 3),
        (0.375, 0.375),
        (Fraction(3, 8), Fraction(3, 8)),
        ("3/8", Fraction(3, 8)),
        (" -3 / 8 ", Fraction(-3, 8)),
        ("−2", -2),
        ("0.375", Fraction(3, 8)),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.array([[2.5]]), 2.5),
    ],
)
def test_a_number_is_read_in_any_form(typed, number):
    assert as_number(plain(typed)) == number


@pytest.mark.parametrize(
    "typed", [None, True, "", "three", "0,5", "1/0", "1e9", "9" * 40, float("nan"), [3], {"a": 3}, np.ones(2), 2j]
)
def test_what_is_no_number_is_refused_in_words(typed):
    with pytest.raises(Failure, match="expected"):
        as_number(plain(typed))


def test_arrays_are_read_from_lists_tuples_and_arrays():
    want = [[0.5, 2.0], [3.0, -1.0]]
    for typed in ([["1/2", 2], [3, -1]], ((Fraction(1, 2), 2.0), [3, "-1"]), np.array(want, np.float32)):
        assert as_numbers(plain(typed), (2, 2)).tolist() == want
    assert as_numbers(plain(np.array([Fraction(1, 4), 1])), (2,)).tolist() == [0.25, 1.0]
    for typed in ([[1, 2]], [1, 2, 3, 4], [[1, 2], [3]], 5, [[1, 2], [3, "x"]], [[[1], [2]], [[3], [4]], []]):
        with pytest.raises(Failure):
            as_numbers(plain(typed), (2, 2))


def test_fractions_have_to_be_exact_and_floats_need_four_digits():
    assert is_close(Fraction(1, 3), Fraction(1, 3))
    assert not is_close(Fraction(333, 1000), Fraction(1, 3))
    assert is_close(0.3333, Fraction(1, 3))
    assert not is_close(0.33, Fraction(1, 3))


def test_the_solution_runs_as_any_student(tmp_path):
    src = sources(EXERCISE)
    for student in variants.STUDENTS:
        own = variants.as_student(src, tmp_path / student, student)
        with fresh_code(own.exercise, solution=src.solution) as code:
            problem = problems_of(student).algebra
            assert code.algebra.dot_product() == problem.u @ problem.v
    other = sources("ex03_dataloader")
    assert variants.as_student(other, tmp_path) is other


# Rounding hurts nobody whose answer has two digits, and copied answers may be right for somebody.
CHANCE = {"copied_numbers", "rounded_to_two_digits"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_mistakes_show_with_anybodys_numbers(tmp_path):
    src = sources(EXERCISE)
    cases = load_cases(src.exercise.visible_tests, "_visible_ex02") + load_cases(
        src.course / "test_hidden.py", "_hidden_ex02", visible=False
    )
    by_name = {case.name: case for case in cases}
    owns = [variants.as_student(src, tmp_path / student, student) for student in STUDENTS[3:11]]
    unseen = []
    for wrong in wrong_answers(src):
        apply(wrong, tmp_path / wrong.name, exercise=src)
        solution = tmp_path / wrong.name / "exercise_code" / EXERCISE
        for own in owns:
            with fresh_code(own.exercise, solution=solution) as code:
                failed = [name for name in wrong.fails if not run_case(by_name[name], code, own.exercise).passed]
            if {by_name[name].visible for name in failed} != {True, False} and wrong.name not in CHANCE:
                unseen.append(f"{wrong.name}, {own.exercise.folder.parent.name}: {failed}")
    assert unseen == []
