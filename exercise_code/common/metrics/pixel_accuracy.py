"""The share of right pixels, all images pooled."""

from typing import Any

import numpy.typing as npt

from .checking import right_pixels, share
from .metric import Metric, State

__all__ = ["PixelAccuracy"]


class PixelAccuracy(Metric):
    """The share of right ones of all labelled pixels together; shapes as for segmentation_accuracy.

    >>> PixelAccuracy()([[[2, 0, 1]], [[1, 1, 1]]], [[[2, -1, -1]], [[1, 0, 1]]])
    0.75
    """

    name = "pixel_accuracy"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> State:
        correct, labelled = right_pixels(self.name, predictions, targets)
        return {"correct": correct.sum(), "labelled": labelled.sum()}

    def _reduce(self, state: State) -> float:
        return share(self.name, state["correct"], state["labelled"])
