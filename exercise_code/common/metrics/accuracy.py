"""The share of samples whose class is right."""

from typing import Any

import numpy.typing as npt

from .checking import as_labels, predicted_labels
from .metric import Metric, State

__all__ = ["Accuracy"]


class Accuracy(Metric):
    """The share of samples whose class is right.

    Predictions are logits, floats (N, C), of which the largest counts, or labels, integers (N,); targets are
    labels, integers (N,).

    >>> Accuracy()([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], [1, 0, 0, 0])
    0.75
    """

    name = "accuracy"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> State:
        t = as_labels(self.name, targets, "targets", ndim=1)
        labels = predicted_labels(self.name, predictions, t)
        return {"correct": (labels == t).sum(), "count": len(t)}

    def _reduce(self, state: State) -> float:
        return float(state["correct"] / state["count"])
