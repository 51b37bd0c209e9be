"""Which share of a cell's points its tests have earned: one sum for `check`, the grader and nbgrader."""

import math
from collections.abc import Iterable

__all__ = ["share_of"]


def share_of(earned: Iterable[float], every: Iterable[float]) -> float:
    """What the weights `earned` are of `every` weight, from 0 to 1; 0 where nothing counts.

    Exactly 1 when all are earned, and the same in whatever order: points above a cell's maximum nbgrader refuses.
    """
    total = math.fsum(every)
    return math.fsum(earned) / total if total else 0.0
