"""How close predicted keypoints are to the true ones."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CourseError
from .checking import as_floats
from .metric import Metric, State

__all__ = ["MEAN_SQUARED_FLOOR", "KeypointScore"]

NUM_COORDINATES = 30
# A perfect prediction would score infinity, which no result file can hold: below this, errors count as this.
MEAN_SQUARED_FLOOR = 1e-9


class KeypointScore(Metric):
    r"""$1 / (2L)$, where $L$ is the mean over samples of the mean squared error over the 30 coordinates.

    Predictions and targets are floats of shape (N, 30) or (N, 15, 2), in the scale where the picture
    reaches from -1 to 1. 100 stands for $L = 0.005$.

    >>> round(KeypointScore()(np.full((2, 30), 0.1), np.zeros((2, 30))), 6)
    50.0
    """

    name = "keypoint_score"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> State:
        p, t = as_floats(self.name, predictions, targets)
        if p.shape[1:] not in {(NUM_COORDINATES,), (NUM_COORDINATES // 2, 2)}:
            raise CourseError(f"{self.name} expected the shape (N, 30) or (N, 15, 2), got {p.shape}")
        per_sample = np.mean((p - t).reshape(len(p), -1) ** 2, axis=1)
        return {"squared_errors": per_sample.sum(), "count": len(p)}

    def _reduce(self, state: State) -> float:
        return 1.0 / (2.0 * max(float(state["squared_errors"] / state["count"]), MEAN_SQUARED_FLOOR))
