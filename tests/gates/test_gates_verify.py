"""Every exercise of the course grades as it should: its hand-ins are graded as students' are, in the sandbox.

Of mutants, and of answers under another secret, a sample is graded, the same each time: `make verify` takes all.
"""

import os
from functools import cache

import pytest

from autograder.base.settings import Settings
from autograder.grading import default_jobs
from autograder.proof.verify import VerifyReport, verify
from autograder.sources.cells import points_of
from autograder.sources.exercise import known_tests
from autograder.sources.known_answers import wrong_answers
from autograder.sources.layout import course_ids

EXERCISES = course_ids()
SOME_MUTANTS, SOME_ANSWERS = 24, 12
# Beside other processes with tests, a second judge costs its start and gains nothing.
JOBS = 1 if "PYTEST_XDIST_WORKER" in os.environ else default_jobs()

# A whole report is made by the first test that asks for it.
pytestmark = pytest.mark.timeout(1200)


@cache
def report(exercise: str) -> VerifyReport:
    """What `autograder verify` finds; once a session."""
    return verify(exercise, most_mutants=SOME_MUTANTS, jobs=JOBS)


def faults(exercise: str, *parts: str) -> list[str]:
    found = [each for each in report(exercise).findings if each.part in parts]
    assert found, f"nothing was verified of {exercise}: {parts}"
    return [f"{each.part} {each.name}: {each.detail}" for each in found if not each.ok]


def test_there_are_exercises_to_verify():
    assert {"ex03_dataloader", "ex09_keypoints"} <= set(EXERCISES)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_reference_earns_everything_and_untouched_nothing(exercise):
    assert faults(exercise, "reference", "untouched") == []


@pytest.mark.parametrize("exercise", EXERCISES)
def test_right_answers_in_other_words_earn_everything(exercise):
    assert faults(exercise, "right answer") == []


@pytest.mark.parametrize("exercise", EXERCISES)
def test_wrong_answers_fail_exactly_the_tests_they_name(exercise):
    assert faults(exercise, "wrong answer") == []


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_given_function_solves_a_task(exercise):
    assert faults(exercise, "given code") == []


@pytest.mark.parametrize("exercise", EXERCISES)
def test_each_checks_cell_is_lost_by_some_wrong_answer(exercise):
    tests = known_tests(exercise)
    lost = {tests[name].grade_id for answer in wrong_answers(exercise) for name in answer.fails}
    assert {test.grade_id for test in tests.values()} - lost == set()
    assert lost <= set(points_of(exercise))


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES)
def test_another_secret_changes_no_verdict(exercise):
    settings = Settings(secret=b"the secret of another cohort")
    other = verify(exercise, settings=settings, mutants=False, given=False, most_answers=SOME_ANSWERS, jobs=JOBS)
    assert [f"{each.part} {each.name}: {each.detail}" for each in other.findings if not each.ok] == []


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES)
def test_mutants_lose_points(exercise):
    found = faults(exercise, "mutants")
    mutation = report(exercise).mutation
    survivors = [] if mutation is None else [f"{mutant.id}\n{mutant.diff()}" for mutant in mutation.survivors]
    assert found == [], "\n\n".join(survivors)
