"""How hard each task is, and whether it tells strong hand-ins from weak ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..grading.standing import Attempt, GradedClass
from ..judging.result import Result
from ..sources.cells import graded_cells
from ..sources.exercise import known_tests, sources

__all__ = ["FEW", "Flag", "Item", "discrimination", "graded_attempts", "item_analysis"]

Flag = Literal["", "nobody", "everybody", "negative"]
# Below it a correlation says nothing that would be worth acting on.
FEW = 20


@dataclass(frozen=True)
class Item:
    """A graded cell, or one of its tests.

    `difficulty` is the share of the points that were earned, of a test the share of hand-ins that passed: 1 is easy.
    `discrimination` is None where it is not defined.
    """

    name: str
    title: str
    cell: str
    visible: bool
    count: int
    difficulty: float
    discrimination: float | None
    flag: Flag


def graded_attempts(graded: GradedClass) -> list[Attempt]:
    """The marked hand-ins that were graded: refused ones failed before the first test."""
    marked = [standing.marked for standing in graded.standings]
    return [a for a in marked if a is not None and not a.refused and not a.failed]


def item_analysis(graded: GradedClass) -> tuple[list[Item], list[Item]]:
    """The graded cells and the tests, each list with the hardest first."""
    attempts = graded_attempts(graded)
    src = sources(graded.exercise)
    tests = known_tests(src)
    points = {c.grade_id: c.points for c in graded_cells(src.id, src.course.parent) if c.kind == "checks"}
    count = len(attempts)
    earned = np.array([[a.points.get(cell, 0.0) for cell in points] for a in attempts]).reshape(count, len(points))
    passed = np.array([[name not in a.failed_tests for name in tests] for a in attempts], float)
    passed = passed.reshape(count, len(tests))
    titles = _titles(attempts)
    cells = [
        _item(name, name, name, True, earned[:, i], earned.sum(axis=1), full)
        for i, (name, full) in enumerate(points.items())
    ]
    singles = [
        _item(test.name, titles.get(test.name, ""), test.grade_id, test.visible, passed[:, i], passed.sum(axis=1), 1.0)
        for i, test in enumerate(tests.values())
    ]
    return sorted(cells, key=_hardest), sorted(singles, key=_hardest)


def discrimination(item: npt.NDArray[Any], total: npt.NDArray[Any]) -> float | None:
    """The corrected item-total correlation: Pearson's r of an item with the rest of the score.

    r = cov(x, t - x) / (sd(x) sd(t - x)) for item scores x that are part of the totals t; for an item that is passed
    or failed this is the point-biserial correlation. Without the correction an item correlates with itself
    (S. Henrysson, "Correction of item-total correlations in item analysis", Psychometrika 28, 1963). None where all
    have the same item score or the same rest, and for fewer than two.
    """
    rest = total - item
    if len(item) < 2 or np.ptp(item) < 1e-9 or np.ptp(rest) < 1e-9:
        return None
    x, y = item - item.mean(), rest - rest.mean()
    return float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))


def _item(
    name: str, title: str, cell: str, visible: bool, item: npt.NDArray[Any], total: npt.NDArray[Any], full: float
) -> Item:
    count = len(item)
    difficulty = float(item.mean() / full) if count and full else 0.0
    found = discrimination(item, total)
    flag: Flag = ""
    if count and difficulty < 1e-9:
        flag = "nobody"
    elif count and difficulty > 1 - 1e-9:
        flag = "everybody"
    elif found is not None and count >= FEW and found < -1 / np.sqrt(count):
        # A correlation of 0 strays that far by chance.
        flag = "negative"
    return Item(name, title, cell, visible, count, difficulty, found, flag)


def _hardest(item: Item) -> tuple[float, str]:
    return item.difficulty, item.name


def _titles(attempts: Sequence[Attempt]) -> dict[str, str]:
    """The tests' docstrings: every complete result has them."""
    for attempt in attempts[:1]:
        result: Result = attempt.read()
        return {test.name: test.title for cell in result.cells for test in cell.tests}
    return {}
