"""The share of the targets' variance that predictions explain."""

from fractions import Fraction
from typing import Any

import numpy.typing as npt

from ..errors import CourseError
from .checking import as_floats, expect_columns
from .metric import Metric, State

__all__ = ["R2Score"]


class R2Score(Metric):
    """1 - (squared errors) / (squared deviations of the targets from their mean), floats (N,) or (N, 1).

    >>> R2Score()([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    0.5
    """

    name = "r2"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> State:
        p, t = as_floats(self.name, predictions, targets)
        expect_columns(self.name, p)
        mean = Fraction(float(t.mean()))
        return {
            "squared_errors": ((p - t) ** 2).sum(),
            "count": t.size,
            "within": ((t - t.mean()) ** 2).sum(),
            # Exact: squares of prices are so much larger than their deviations that floats would cancel badly.
            "sum": t.size * mean,
            "squares": t.size * mean**2,
        }

    def _reduce(self, state: State) -> float:
        between = state["squares"] - state["sum"] ** 2 / state["count"]
        deviations = float(state["within"]) + float(between)
        if deviations == 0:
            raise CourseError(f"{self.name} expected targets that differ from each other, got one value only")
        return float(1.0 - state["squared_errors"] / deviations)
