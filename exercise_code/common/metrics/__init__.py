"""The course's scores, one file each, in numpy alone: the judge imports them and never torch.

Each metric is one class. `update` adds a batch, `compute` gives the value so far, `reset` starts again, and
calling the metric gives the value of one batch:

>>> metric = get_metric("accuracy")
>>> metric([[0.1, 0.9], [0.8, 0.2]], [1, 1])
0.5
"""

from .accuracy import Accuracy
from .binary_accuracy import BinaryAccuracy
from .keypoint_score import MEAN_SQUARED_FLOOR, KeypointScore
from .known import get_metric, metric_names
from .mean_iou import MeanIoU
from .metric import Metric, State
from .mse import MeanSquaredError
from .pixel_accuracy import PixelAccuracy
from .r2 import R2Score
from .segmentation_accuracy import SegmentationAccuracy

__all__ = [
    "MEAN_SQUARED_FLOOR",
    "Accuracy",
    "BinaryAccuracy",
    "KeypointScore",
    "MeanIoU",
    "MeanSquaredError",
    "Metric",
    "PixelAccuracy",
    "R2Score",
    "SegmentationAccuracy",
    "State",
    "get_metric",
    "metric_names",
]
