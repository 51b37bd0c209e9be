"""A file's graded tests, and what became of one."""

import hashlib
import importlib
import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ..errors import CourseError, expect_asserts
from ..exercise import Exercise, ModelSpec
from ..reasons import Reason
from .failures import Kind
from .grades import Grade

__all__ = ["Case", "Outcome", "discover", "load_cases", "test_seed"]


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
