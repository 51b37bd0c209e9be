"""The share of samples on the right side of 0.5."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import CourseError
from .checking import as_floats, expect_columns
from .metric import Metric, State

__all__ = ["BinaryAccuracy"]


class BinaryAccuracy(Metric):
    """The share of samples on the right side of 0.5.

    Predictions are probabilities, floats (N,) or (N, 1); targets are 0 or 1, of the same shape.

    >>> BinaryAccuracy()([0.9, 0.5, 0.4, 0.2], [1, 1, 1, 0])
    0.75
    """

    name = "binary_accuracy"
    threshold: ClassVar[float] = 0.5

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> State:
        numbers = targets.astype(np.float64) if targets.dtype.kind in "iub" else targets
        p, t = as_floats(self.name, predictions, numbers)
        expect_columns(self.name, p)
        if not np.isin(t, (0.0, 1.0)).all():
            raise CourseError(f"{self.name} expected targets of 0 and 1, got {t.min():g} to {t.max():g}")
        return {"correct": ((p >= self.threshold) == (t == 1.0)).sum(), "count": p.size}

    def _reduce(self, state: State) -> float:
        return float(state["correct"] / state["count"])
