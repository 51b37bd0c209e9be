"""One exercise: where all that belongs to it lies, and its tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exercise_code.common.exercise import Exercise, load_exercise

from ..base.errors import AutograderError
from .graded_tests import read_tests
from .layout import course_folder, solution_sources

__all__ = ["Sources", "TestName", "known_tests", "sources"]


@dataclass(frozen=True)
class Sources:
    """Where an exercise's parts lie: its private room, its public package and its generated notebooks."""

    exercise: Exercise
    course: Path
    notebooks: Path

    @property
    def id(self) -> str:
        return self.exercise.id

    @property
    def solution(self) -> Path:
        return self.course / "solution"

    @property
    def earlier_solutions(self) -> dict[str, Path]:
        """The solutions of the exercises that this one builds on."""
        return {name: self.course.parent / name / "solution" for name in self.exercise.earlier}

    @property
    def twins(self) -> tuple[str, ...]:
        """The students' modules: names of those with a solved twin."""
        return tuple(path.name for path in solution_sources(self.id, self.course.parent))


@dataclass(frozen=True)
class TestName:
    """A graded test as its file declares it."""

    __test__ = False  # for pytest, which would collect it

    name: str
    grade_id: str
    visible: bool


def sources(exercise: str | Exercise | Sources) -> Sources:
    """The folders of an exercise; `AUTOGRADER_COURSE` may name another copy of `autograder/course`."""
    if isinstance(exercise, Sources):
        return exercise
    found = exercise if isinstance(exercise, Exercise) else load_exercise(exercise)
    course = course_folder() / found.id
    if not course.is_dir():
        raise AutograderError(
            f"expected the private sources of {found.id} in {course}, found none: "
            "set AUTOGRADER_COURSE to the folder that holds them"
        )
    return Sources(found, course, found.folder.parents[1] / "exercises" / found.id)


def known_tests(exercise: str | Exercise | Sources) -> dict[str, TestName]:
    """The graded tests by name, visible ones first, read from the files without running them."""
    src = sources(exercise)
    found: dict[str, TestName] = {}
    for path, visible in ((src.exercise.visible_tests, True), (src.course / "test_hidden.py", False)):
        if not path.is_file():
            raise AutograderError(f"expected a file of tests at {path}, found none: write it")
        for name, grade_id, _ in read_tests(path):
            if name in found:
                raise AutograderError(f"{path}: expected test names that differ, got {name} twice: rename one")
            found[name] = TestName(name, grade_id, visible)
    return found
