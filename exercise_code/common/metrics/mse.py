"""The mean squared error."""

from typing import Any

import numpy.typing as npt

from .checking import as_floats, expect_columns
from .metric import Metric, State

__all__ = ["MeanSquaredError"]


class MeanSquaredError(Metric):
    """The mean of (prediction - target)², floats (N,) or (N, 1); the lower, the better.

    >>> MeanSquaredError()([1.0, 2.0], [1.0, 5.0])
    4.5
    """

    name = "mse"
    higher_is_better = False

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> State:
        p, t = as_floats(self.name, predictions, targets)
        expect_columns(self.name, p)
        return {"squared_errors": ((p - t) ** 2).sum(), "count": p.size}

    def _reduce(self, state: State) -> float:
        return float(state["squared_errors"] / state["count"])
