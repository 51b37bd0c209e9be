"""The metrics that can be asked for by name: a new one is a file beside this one, and a line here."""

import difflib
from collections.abc import Mapping
from importlib import import_module

from ..errors import CourseError
from .metric import Metric

__all__ = ["METRICS", "get_metric", "metric_names"]

# A metric's name, which its file has, too, and its class.
_CLASSES = {
    "accuracy": "Accuracy",
    "binary_accuracy": "BinaryAccuracy",
    "keypoint_score": "KeypointScore",
    "mean_iou": "MeanIoU",
    "mse": "MeanSquaredError",
    "pixel_accuracy": "PixelAccuracy",
    "r2": "R2Score",
    "segmentation_accuracy": "SegmentationAccuracy",
}
METRICS: Mapping[str, type[Metric]] = {
    name: getattr(import_module(f".{name}", __package__), kind) for name, kind in _CLASSES.items()
}


def metric_names() -> list[str]:
    """The names that `get_metric` knows."""
    return sorted(METRICS)


def get_metric(name: str) -> Metric:
    """A new metric of this name; a `CourseError` lists the known ones when there is none such."""
    if name not in METRICS:
        close = difflib.get_close_matches(str(name), metric_names(), n=1)
        advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(metric_names())}"
        raise CourseError(f"expected the name of a metric, got {name!r}: {advice}")
    return METRICS[name]()
