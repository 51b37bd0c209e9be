"""What a regrade changed: tests, points, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..base.text import line, number
from ..judging.result import Result, TestResult, read_result
from . import BEFORE

if TYPE_CHECKING:
    pass

__all__ = ["LARGEST_TABLE", "Change", "TestChange", "changes", "compare", "tests_by_name"]

LARGEST_TABLE = 60


@dataclass(frozen=True)
class TestChange:
    """What became of one test of a hand-in; `reason` says why it fails now."""

    __test__ = False

    name: str
    what: Literal["now passes", "now fails", "is new and passes", "is new and fails", "is gone", "is gone, it failed"]
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.what}{f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True)
class Change:
    """One hand-in whose result is another one now."""

    before: Result
    after: Result
    tests: tuple[TestChange, ...]
    other: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """Points won, or lost if negative."""
        return round(self.after.score - self.before.score, 6)

    @property
    def why(self) -> str:
        """All reasons in one line."""
        return "; ".join([*self.other, *map(str, self.tests)]) or "the points are divided in another way"


def compare(before: Result, after: Result) -> Change | None:
    """What changed between two results of one hand-in; None when the score and every test are as they were."""
    old, new = tests_by_name(before), tests_by_name(after)
    tests = []
    for name, test in {**old, **new}.items():
        if name not in new:
            tests.append(TestChange(name, "is gone" if test.passed else "is gone, it failed"))
        elif name not in old:
            tests.append(TestChange(name, "is new and passes" if test.passed else "is new and fails", _reason(test)))
        elif test.passed != old[name].passed:
            tests.append(TestChange(name, "now passes" if test.passed else "now fails", _reason(test)))
    other = []
    if before.refused != after.refused:
        other.append(f"refused: {after.refused}" if after.refused else f"no longer refused ({before.refused})")
    if after.failed:
        other.append(f"grading failed: {after.failed}")
    points = {cell.grade_id: cell.max_points for cell in before.cells}
    for cell in after.cells:
        if points.get(cell.grade_id, cell.max_points) != cell.max_points:
            other.append(f"{cell.grade_id} counts {number(cell.max_points)}, not {number(points[cell.grade_id])}")
    for name, value in after.metrics.items():
        if name in before.metrics and abs(before.metrics[name] - value) > 1e-3 * abs(value):
            other.append(f"{name} {before.metrics[name]:.4g} is now {value:.4g}")
    if not tests and not other and before.score == after.score:
        return None
    return Change(before, after, tuple(tests), tuple(other))


def tests_by_name(result: Result) -> dict[str, TestResult]:
    return {test.name: test for cell in result.cells for test in cell.tests}


def _reason(test: TestResult) -> str:
    return "" if test.passed else line(test.reason)[:200]


def changes(folder: Path) -> Iterator[Change | None]:
    """For each result in `before/`, what changed; None where nothing did. `folder` holds an exercise's results."""
    for path in sorted((folder / BEFORE).glob("*.json")):
        before, after = read_result(path), read_result(folder / path.name)
        # Equal: the run was stopped right there, and the hand-in has gone since.
        if before is not None and after is not None and before != after:
            yield compare(before, after)
