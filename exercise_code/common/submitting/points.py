"""How many points the visible checks stand for, and which written questions are open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..checks.shares import share_of
from ..probing.cases import Outcome
from .notebooks import GradedCell

__all__ = ["Standing", "standing"]


@dataclass(frozen=True)
class Standing:
    """Points by grade id as (earned, most), as far as visible checks can tell; and the written questions."""

    cells: Mapping[str, tuple[float, float]]
    written: tuple[GradedCell, ...]
    pass_points: float

    @property
    def earned(self) -> float:
        """The points of all checks together."""
        return sum(earned for earned, _ in self.cells.values())

    @property
    def most(self) -> float:
        """The points that checks can give."""
        return sum(most for _, most in self.cells.values())

    @property
    def open(self) -> tuple[GradedCell, ...]:
        """The questions without an answer."""
        return tuple(cell for cell in self.written if not cell.answered)


def standing(
    cells: Iterable[GradedCell], outcomes: Iterable[Outcome], weights: Mapping[str, float], pass_points: float
) -> Standing:
    """What the outcomes earn of the cells' points, each divided over its visible tests by their weights."""
    found = list(outcomes)
    points: dict[str, tuple[float, float]] = {}
    written: list[GradedCell] = []
    for cell in cells:
        if cell.written:
            written.append(cell)
            continue
        tests = [outcome for outcome in found if outcome.grade_id == cell.grade_id]
        counted = [outcome for outcome in tests if weights.get(outcome.name, 1.0)]
        # Tests that only inform are all that can be seen of a cell whose points are given by hidden ones.
        of = {o.name: weights.get(o.name, 1.0) if counted else 1.0 for o in tests}
        share = share_of((of[outcome.name] for outcome in tests if outcome.passed), of.values())
        points[cell.grade_id] = (cell.points * share, cell.points)
    return Standing(points, tuple(written), pass_points)
