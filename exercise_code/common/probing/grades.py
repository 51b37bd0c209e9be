"""`@grade`: what a test says of itself."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from ..errors import CourseError
from ..exercise import ModelSpec

__all__ = ["Grade", "grade"]

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
