"""The share of right pixels, averaged over images."""

from typing import Any

import numpy.typing as npt

from .checking import right_pixels, share
from .metric import Metric, State

__all__ = ["SegmentationAccuracy"]


class SegmentationAccuracy(Metric):
    """The mean over images of the share of labelled pixels whose class is right.

    Predictions are logits, floats (N, C, H, W), or labels, integers (N, H, W); targets are integers
    (N, H, W), where -1 (void) does not count. An image that is void all over does not count either.

    >>> SegmentationAccuracy()([[[2, 0]], [[1, 1]]], [[[2, -1]], [[1, 0]]])
    0.75
    """

    name = "segmentation_accuracy"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> State:
        correct, labelled = right_pixels(self.name, predictions, targets)
        known = labelled > 0
        return {"shares": (correct[known] / labelled[known]).sum(), "images": known.sum()}

    def _reduce(self, state: State) -> float:
        return share(self.name, state["shares"], state["images"])
