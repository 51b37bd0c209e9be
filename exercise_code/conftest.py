"""Fixtures for `pytest exercise_code/exNN_topic`: the visible tests on the code in this folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exercise_code.common.exercise import Exercise, load_exercise
from exercise_code.common.probing.cases import Grade, test_seed
from exercise_code.common.probing.in_process import Code, InProcess
from exercise_code.common.probing.running import numbers as numbers_of_student
from exercise_code.common.probing.scores import evaluate, inspect_handed_in

PACKAGE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with its task, so that `pytest exercise_code/exNN_topic -m grade_id` runs that task's alone."""
    for item in items:
        mark = getattr(getattr(item, "function", None), "__grade__", None)
        if isinstance(mark, Grade):
            config.addinivalue_line("markers", f"{mark.grade_id}: tests of a task")
            item.add_marker(mark.grade_id)


@pytest.fixture
def _exercise(request: pytest.FixtureRequest) -> Exercise:
    return load_exercise(request.path.parent.name)


@pytest.fixture
def _code(_exercise: Exercise) -> Code:
    return Code(_exercise.package, PACKAGE.parent / "exercises" / _exercise.id / "models")


@pytest.fixture
def observe(request: pytest.FixtureRequest, _exercise: Exercise, _code: Code) -> InProcess:
    """The probe's answer on the code in this folder, in this process."""
    mark: Grade = request.function.__grade__
    return InProcess(_code, _exercise.folder, test_seed(request.function.__name__), mark.writable)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded from the test's name."""
    return np.random.default_rng(test_seed(request.function.__name__))


@pytest.fixture
def numbers(_exercise: Exercise) -> np.random.Generator:
    """A generator of the numbers of the student whom `student_id.txt` names."""
    return numbers_of_student(_exercise)


@pytest.fixture
def evaluation(_exercise: Exercise, _code: Code, observe: InProcess) -> Callable[[], float]:
    """A function that gives the score of the saved model on the validation set."""
    return lambda: evaluate(_exercise, _code, observe)


@pytest.fixture
def model_info(_exercise: Exercise, _code: Code) -> Any:
    """What the saved model's file says of itself."""
    return inspect_handed_in(_exercise, _code)
