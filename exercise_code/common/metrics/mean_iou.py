"""How well predicted areas cover the true ones."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CourseError
from .checking import VOID, as_labels, predicted_labels, share
from .metric import Metric, State

__all__ = ["MeanIoU"]


class MeanIoU(Metric):
    """The mean over classes of intersection / union of their pixels, all images pooled.

    Shapes as for segmentation_accuracy. Void pixels do not count; a class that neither the labelled targets
    nor the predictions on them hold is left out of the mean.

    >>> MeanIoU(num_classes=3)([[[0, 0, 1, 1]]], [[[0, 1, 1, 1]]]) == (1 / 2 + 2 / 3) / 2
    True
    """

    name = "mean_iou"

    def __init__(self, num_classes: int = 23) -> None:
        super().__init__()
        self.num_classes = num_classes

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> State:
        t = as_labels(self.name, targets, "targets", ndim=3, lowest=VOID)
        labels = predicted_labels(self.name, predictions, t)
        for what, found in (("targets", t), ("predictions", labels)):
            if found.max() >= self.num_classes:
                raise CourseError(f"{self.name} expected {what} below {self.num_classes}, got {found.max()}")
        known = t != VOID
        truth, guess = t[known], labels[known]
        kinds = {"true": truth, "predicted": guess, "right": truth[truth == guess]}
        return {name: np.bincount(values, minlength=self.num_classes) for name, values in kinds.items()}

    def _reduce(self, state: State) -> float:
        union = state["true"] + state["predicted"] - state["right"]
        occurring = union > 0
        return share(self.name, (state["right"][occurring] / union[occurring]).sum(), occurring.sum())
