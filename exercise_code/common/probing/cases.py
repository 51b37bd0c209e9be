"""A file's graded tests, and what became of one."""

import hashlib
import importlib
import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from ..errors import CourseError, expect_asserts
from ..exercise import Exercise, ModelSpec
from ..reasons import Reason
from .failures import Kind

__all__ = ["Case", "Grade", "Outcome", "discover", "grade", "load_cases", "test_seed"]

F = TypeVar("F", bound=Callable[..., None])


@dataclass(frozen=True)
class Grade:
    """What `@grade` says of a test."""

    grade_id: str
    own_process: bool = False
    cpu_seconds: float | None = None
    writable: bool = False
    weight: float = 1.0
    step: str = ""

    def of(self, model: ModelSpec | None) -> "Grade":
        """The same with what `exercise.toml` says of a step: the weight of a test that earns points, the CPU time."""
        if not self.step:
            return self
        if model is None:
            raise CourseError(f"expected [model] with the step {self.step!r} in exercise.toml, found none: add it")
        weight = self.weight and model.added_share(self.step)
        return replace(self, weight=weight, cpu_seconds=self.cpu_seconds or model.cpu_seconds)


def grade(
    grade_id: str,
    *,
    own_process: bool = False,
    cpu_seconds: float | None = None,
    writable: bool = False,
    weight: float = 1.0,
    step: str = "",
) -> Callable[[F], F]:
    """A decorator that makes a test count for the graded cell `grade_id`.

    `own_process` runs its probes in a child of their own, `cpu_seconds` replaces the exercise's limit for a
    test, `writable` gives the probe a small private folder as its working directory. A cell's points are divided
    over its tests by `weight`: 0 is for a test that informs, such as a score on data whose labels are public.
    `step` names a step of the model's score: the test's weight is then the share that `exercise.toml` gives to it,
    beyond the step before (or 0, where that is said).
    """
    if step and weight not in (0, 1):
        raise CourseError(f"expected no weight beside step={step!r}, got {weight}: exercise.toml states its share")

    def mark(function: F) -> F:
        # An attribute, not a pytest mark: `check` runs tests in notebooks without importing pytest.
        function.__grade__ = Grade(  # type: ignore[attr-defined]
            grade_id, own_process, cpu_seconds, writable, weight, step
        )
        return function

    return mark


@dataclass(frozen=True)
class Case:
    """One test function; `title` is its docstring, the sentence that a student reads."""

    name: str
    grade: Grade
    title: str
    function: Callable[..., None]
    visible: bool = True

    @property
    def fixtures(self) -> tuple[str, ...]:
        """Names of the fixtures the test asks for."""
        return tuple(inspect.signature(self.function).parameters)


@dataclass(frozen=True)
class Outcome:
    """What became of one test."""

    name: str
    grade_id: str
    title: str
    passed: bool
    reason: str = ""
    want: str = ""
    got: str = ""
    hint: str = ""
    kind: Kind = "value"
    exception_type: str = ""
    seconds: float = 0.0
    visible: bool = True
    code: Reason | None = None
    made_call: str = ""


def load_cases(path: Path, module_name: str, visible: bool = True, model: ModelSpec | None = None) -> list[Case]:
    """The graded tests of a file, in its order, from a fresh import under `module_name`.

    `model` is the exercise's, for tests of the steps of its score.
    """
    expect_asserts()
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise CourseError(f"expected a file of tests at {path}, found none: restore it from the course")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cases_of(module, path, visible, model)


def cases_of(module: ModuleType, path: Path, visible: bool, model: ModelSpec | None = None) -> list[Case]:
    """The graded tests of an imported module, in the order of their definition."""
    cases = []
    for name, function in vars(module).items():
        mark = getattr(function, "__grade__", None)
        if not name.startswith("test_") or not isinstance(mark, Grade):
            continue
        title = " ".join((function.__doc__ or "").split())
        if not title:
            raise CourseError(f"{path.name}: {name} has no docstring, the sentence a student reads: add one")
        cases.append(Case(name, mark.of(model), title, function, visible))
    return cases


def discover(exercise: Exercise) -> list[Case]:
    """The exercise's visible tests."""
    return load_cases(exercise.visible_tests, f"{exercise.package}.test_visible", model=exercise.model)


def test_seed(name: str, key: str = "visible") -> int:
    """A seed of 32 bits that depends on the test's name, the same everywhere."""
    return int.from_bytes(hashlib.sha256(f"{key}:{name}".encode()).digest()[:4], "little")


# pytest must not take the helper for a test where a test file imports it.
test_seed.__test__ = False  # type: ignore[attr-defined]
