"""The course's scores, in numpy alone: the judge imports this module and never torch.

Each metric is one class. `update` adds a batch, `compute` gives the value so far, `reset` starts again, and
calling the metric gives the value of one batch:

>>> metric = get_metric("accuracy")
>>> metric(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
0.5
"""

import difflib
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .errors import CourseError

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
    "get_metric",
    "metric_names",
]

VOID = -1
NUM_KEYPOINT_COORDINATES = 30
# A perfect prediction would score infinity, which no result file can hold: below this, errors count as this.
MEAN_SQUARED_FLOOR = 1e-9

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Metric(ABC):
    """A running score: predictions and targets come in batches, one number comes out.

    A subclass says how a batch becomes a state (`_measure`), how two states become one (`_merge`) and how a
    state becomes the value (`_reduce`). What is malformed raises a `CourseError`; it is never scored.
    """

    name: ClassVar[str]
    higher_is_better: ClassVar[bool] = True

    def __init__(self) -> None:
        self._state: Floats | None = None

    def update(self, predictions: npt.ArrayLike, targets: npt.ArrayLike) -> None:
        """Add a batch."""
        state = self._measure(np.asarray(predictions), np.asarray(targets))
        self._state = state if self._state is None else self._merge(self._state, state)

    def compute(self) -> float:
        """The value over everything added since the last `reset`."""
        if self._state is None:
            raise CourseError(f"expected predictions before {self.name} is computed, got none: call update()")
        return float(self._reduce(self._state))

    def reset(self) -> None:
        """Forget everything added."""
        self._state = None

    def __call__(self, predictions: npt.ArrayLike, targets: npt.ArrayLike) -> float:
        """The value of this batch alone; what was added before stays as it is."""
        return float(self._reduce(self._measure(np.asarray(predictions), np.asarray(targets))))

    def _merge(self, one: Floats, other: Floats) -> Floats:
        return one + other

    @abstractmethod
    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Floats:
        """The state of one batch, a small float64 array."""

    @abstractmethod
    def _reduce(self, state: Floats) -> float:
        """The value of a state."""


class KeypointScore(Metric):
    r"""$1 / (2L)$, where $L$ is the mean over samples of the mean squared error over the 30 coordinates.

    Predictions and targets are floats of shape (N, 30) or (N, 15, 2), in the scale where the picture
    reaches from -1 to 1. 100 stands for $L = 0.005$.
    """

    name = "keypoint_score"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Floats:
        p, t = _floats(self.name, predictions, targets)
        if p.shape[1:] not in {(NUM_KEYPOINT_COORDINATES,), (NUM_KEYPOINT_COORDINATES // 2, 2)}:
            raise CourseError(f"{self.name} expected the shape (N, 30) or (N, 15, 2), got {p.shape}")
        per_sample = np.mean((p - t).reshape(len(p), -1) ** 2, axis=1)
        return np.array([per_sample.sum(), len(p)])

    def _reduce(self, state: Floats) -> float:
        total, count = state
        return 1.0 / (2.0 * max(float(total / count), MEAN_SQUARED_FLOOR))


class Accuracy(Metric):
    """The share of samples whose class is right.

    Predictions are logits, floats (N, C), of which the largest counts, or labels, integers (N,); targets are
    labels, integers (N,).
    """

    name = "accuracy"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Floats:
        t = _labels(self.name, targets, "targets", ndim=1)
        labels = _predicted_labels(self.name, predictions, t)
        return np.array([(labels == t).sum(), len(t)], dtype=np.float64)

    def _reduce(self, state: Floats) -> float:
        return float(state[0] / state[1])


class BinaryAccuracy(Metric):
    """The share of samples on the right side of 0.5.

    Predictions are probabilities, floats (N,) or (N, 1); targets are 0 or 1, of the same shape.
    """

    name = "binary_accuracy"
    threshold: ClassVar[float] = 0.5

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Floats:
        as_floats = targets.astype(np.float64) if targets.dtype.kind in "iub" else targets
        p, t = _floats(self.name, predictions, as_floats)
        _expect_columns(self.name, p)
        if not np.isin(t, (0.0, 1.0)).all():
            raise CourseError(f"{self.name} expected targets of 0 and 1, got {t.min():g} to {t.max():g}")
        return np.array([((p >= self.threshold) == (t == 1.0)).sum(), p.size], dtype=np.float64)

    def _reduce(self, state: Floats) -> float:
        return float(state[0] / state[1])


class SegmentationAccuracy(Metric):
    """The mean over images of the share of labelled pixels whose class is right.

    Predictions are logits, floats (N, C, H, W), or labels, integers (N, H, W); targets are integers
    (N, H, W), where -1 (void) does not count. An image that is void all over does not count either.
    """

    name = "segmentation_accuracy"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Floats:
        correct, labelled = _pixels(self.name, predictions, targets)
        known = labelled > 0
        return np.array([(correct[known] / labelled[known]).sum(), known.sum()])

    def _reduce(self, state: Floats) -> float:
        return _share(self.name, state[0], state[1])


class PixelAccuracy(Metric):
    """The share of right ones of all labelled pixels together; shapes as for segmentation_accuracy."""

    name = "pixel_accuracy"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Floats:
        correct, labelled = _pixels(self.name, predictions, targets)
        return np.array([correct.sum(), labelled.sum()])

    def _reduce(self, state: Floats) -> float:
        return _share(self.name, state[0], state[1])


class MeanIoU(Metric):
    """The mean over classes of intersection / union of their pixels, all images pooled.

    Shapes as for segmentation_accuracy. Void pixels do not count; a class that neither the labelled targets
    nor the predictions on them hold is left out of the mean.
    """

    name = "mean_iou"

    def __init__(self, num_classes: int = 23) -> None:
        super().__init__()
        self.num_classes = num_classes

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Floats:
        t = _labels(self.name, targets, "targets", ndim=3, lowest=VOID)
        labels = _predicted_labels(self.name, predictions, t)
        for what, found in (("targets", t), ("predictions", labels)):
            if found.max() >= self.num_classes:
                raise CourseError(f"{self.name} expected {what} below {self.num_classes}, got {found.max()}")
        known = t != VOID
        pairs = t[known] * self.num_classes + labels[known]
        confusion = np.bincount(pairs, minlength=self.num_classes**2)
        return confusion.reshape(self.num_classes, self.num_classes).astype(np.float64)

    def _reduce(self, state: Floats) -> float:
        both = np.diag(state)
        union = state.sum(axis=0) + state.sum(axis=1) - both
        occurring = union > 0
        return _share(self.name, (both[occurring] / union[occurring]).sum(), occurring.sum())


class MeanSquaredError(Metric):
    """The mean of (prediction - target)², floats (N,) or (N, 1); the lower, the better."""

    name = "mse"
    higher_is_better = False

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Floats:
        p, t = _floats(self.name, predictions, targets)
        _expect_columns(self.name, p)
        return np.array([((p - t) ** 2).sum(), p.size])

    def _reduce(self, state: Floats) -> float:
        return float(state[0] / state[1])


class R2Score(Metric):
    """1 - (squared errors) / (squared deviations of the targets from their mean), floats (N,) or (N, 1)."""

    name = "r2"

    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Floats:
        p, t = _floats(self.name, predictions, targets)
        _expect_columns(self.name, p)
        return np.array([((p - t) ** 2).sum(), t.size, t.mean(), ((t - t.mean()) ** 2).sum()])

    def _merge(self, one: Floats, other: Floats) -> Floats:
        # Means and deviations are merged (Chan et al., 1983): sums of squares of prices cancel badly.
        (e1, n1, m1, d1), (e2, n2, m2, d2) = one, other
        n = n1 + n2
        return np.array([e1 + e2, n, (n1 * m1 + n2 * m2) / n, d1 + d2 + (m1 - m2) ** 2 * n1 * n2 / n])

    def _reduce(self, state: Floats) -> float:
        errors, _, _, deviations = state
        if deviations == 0:
            raise CourseError(f"{self.name} expected targets that differ from each other, got one value only")
        return float(1.0 - errors / deviations)


_METRICS: dict[str, type[Metric]] = {
    metric.name: metric
    for metric in (
        Accuracy,
        BinaryAccuracy,
        KeypointScore,
        MeanIoU,
        MeanSquaredError,
        PixelAccuracy,
        R2Score,
        SegmentationAccuracy,
    )
}


def metric_names() -> list[str]:
    """The names that `get_metric` knows."""
    return sorted(_METRICS)


def get_metric(name: str) -> Metric:
    """A new metric of this name; a `CourseError` lists the known ones when there is none such."""
    if name not in _METRICS:
        close = difflib.get_close_matches(str(name), metric_names(), n=1)
        advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(metric_names())}"
        raise CourseError(f"expected the name of a metric, got {name!r}: {advice}")
    return _METRICS[name]()


def _floats(name: str, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Both as float64, after a check: floats, finite, one shape, at least one sample."""
    for what, array in (("predictions", predictions), ("targets", targets)):
        if array.dtype.kind != "f":
            raise CourseError(f"{name} expected {what} of a float type, got {array.dtype}")
    if predictions.shape != targets.shape:
        raise CourseError(
            f"{name} expected predictions of the targets' shape {targets.shape}, got {predictions.shape}: "
            "nothing is broadcast"
        )
    _expect_samples(name, targets)
    for what, array in (("predictions", predictions), ("targets", targets)):
        _expect_finite(name, what, array)
    return predictions.astype(np.float64), targets.astype(np.float64)


def _labels(name: str, array: npt.NDArray[Any], what: str, ndim: int, lowest: int = 0) -> Ints:
    """Class labels as int64, after a check: integers, of this many dimensions, none below `lowest`."""
    if array.dtype.kind not in "iu":
        raise CourseError(f"{name} expected {what} of an integer type, got {array.dtype}")
    if array.ndim != ndim:
        raise CourseError(f"{name} expected {what} with ndim = {ndim}, got the shape {array.shape}")
    _expect_samples(name, array)
    if array.min() < lowest:
        raise CourseError(f"{name} expected {what} of at least {lowest}, got {array.min()}")
    return array.astype(np.int64)


def _predicted_labels(name: str, predictions: npt.NDArray[Any], targets: Ints) -> Ints:
    """Predicted classes of the targets' shape, from logits with classes on axis 1 or from labels."""
    if predictions.dtype.kind == "f":
        n, *rest = targets.shape
        same = predictions.ndim == targets.ndim + 1 and np.delete(predictions.shape, 1).tolist() == [n, *rest]
        if not same:
            shape = ", ".join(map(str, (n, "num_classes", *rest)))
            raise CourseError(f"{name} expected logits of shape ({shape}), got {predictions.shape}")
        _expect_finite(name, "predictions", predictions)
        return np.asarray(np.argmax(predictions, axis=1), dtype=np.int64)
    labels = _labels(name, predictions, "predictions", ndim=targets.ndim)
    if labels.shape != targets.shape:
        raise CourseError(f"{name} expected predictions of shape {targets.shape}, got {labels.shape}")
    return labels


def _pixels(name: str, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """For each image the number of right pixels and of labelled pixels."""
    t = _labels(name, targets, "targets", ndim=3, lowest=VOID)
    labels = _predicted_labels(name, predictions, t)
    correct = ((labels == t) & (t != VOID)).sum(axis=(1, 2))
    return correct.astype(np.float64), (t != VOID).sum(axis=(1, 2)).astype(np.float64)


def _share(name: str, part: float, whole: float) -> float:
    if whole == 0:
        raise CourseError(f"{name} expected at least one labelled pixel, got void ({VOID}) only")
    return float(part / whole)


def _expect_samples(name: str, array: npt.NDArray[Any]) -> None:
    if array.ndim == 0 or array.size == 0:
        raise CourseError(f"{name} expected at least one sample, got the shape {array.shape}")


def _expect_columns(name: str, array: npt.NDArray[Any]) -> None:
    if array.ndim != 1 and array.shape[1:] != (1,):
        raise CourseError(f"{name} expected the shape (N,) or (N, 1), got {array.shape}")


def _expect_finite(name: str, what: str, array: npt.NDArray[Any]) -> None:
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        where = f"{count:,} of {array.size:,} values"
        raise CourseError(f"{name} expected finite {what}, got NaN or infinity in {where}")
