"""What metrics take: floats or class labels of the right shape. Anything else raises a `CourseError`."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CourseError

__all__ = [
    "VOID",
    "Floats",
    "Ints",
    "as_floats",
    "as_labels",
    "expect_columns",
    "predicted_labels",
    "right_pixels",
    "share",
]

# The label of pixels that do not count.
VOID = -1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer[Any]]


def as_floats(name: str, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> tuple[Floats, Floats]:
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


def as_labels(name: str, array: npt.NDArray[Any], what: str, ndim: int, lowest: int = 0) -> Ints:
    """Class labels as they are, after a check: integers, of this many dimensions, none below `lowest`."""
    if array.dtype.kind not in "iu":
        raise CourseError(f"{name} expected {what} of an integer type, got {array.dtype}")
    if array.ndim != ndim:
        raise CourseError(f"{name} expected {what} with ndim = {ndim}, got the shape {array.shape}")
    _expect_samples(name, array)
    if array.min() < lowest:
        raise CourseError(f"{name} expected {what} of at least {lowest}, got {array.min()}")
    return array


def predicted_labels(name: str, predictions: npt.NDArray[Any], targets: Ints) -> Ints:
    """Predicted classes of the targets' shape, from logits with classes on axis 1 or from labels."""
    if predictions.dtype.kind == "f":
        n, *rest = targets.shape
        same = predictions.ndim == targets.ndim + 1 and np.delete(predictions.shape, 1).tolist() == [n, *rest]
        if not same:
            shape = ", ".join(map(str, (n, "num_classes", *rest)))
            raise CourseError(f"{name} expected logits of shape ({shape}), got {predictions.shape}")
        _expect_finite(name, "predictions", predictions)
        return np.asarray(np.argmax(predictions, axis=1), dtype=np.int64)
    labels = as_labels(name, predictions, "predictions", ndim=targets.ndim)
    if labels.shape != targets.shape:
        raise CourseError(f"{name} expected predictions of shape {targets.shape}, got {labels.shape}")
    return labels


def right_pixels(name: str, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """For each image the number of right pixels and of labelled pixels."""
    t = as_labels(name, targets, "targets", ndim=3, lowest=VOID)
    labels = predicted_labels(name, predictions, t)
    correct = ((labels == t) & (t != VOID)).sum(axis=(1, 2))
    return correct.astype(np.float64), (t != VOID).sum(axis=(1, 2)).astype(np.float64)


def share(name: str, part: float, whole: float) -> float:
    """The part of the whole; a `CourseError` where no pixel was labelled."""
    if whole == 0:
        raise CourseError(f"{name} expected at least one labelled pixel, got void ({VOID}) only")
    return float(part / whole)


def _expect_samples(name: str, array: npt.NDArray[Any]) -> None:
    if array.ndim == 0 or array.size == 0:
        raise CourseError(f"{name} expected at least one sample, got the shape {array.shape}")


def expect_columns(name: str, array: npt.NDArray[Any]) -> None:
    """Nothing; a `CourseError` for anything but one number a sample."""
    if array.ndim != 1 and array.shape[1:] != (1,):
        raise CourseError(f"{name} expected the shape (N,) or (N, 1), got {array.shape}")


def _expect_finite(name: str, what: str, array: npt.NDArray[Any]) -> None:
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        where = f"{count:,} of {array.size:,} values"
        raise CourseError(f"{name} expected finite {what}, got NaN or infinity in {where}")
