"""Exercise 10: what a model predicts, and how good that is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .scenes import VOID

Labels = npt.NDArray[np.integer]


def predict_labels(model: nn.Module, images: torch.Tensor, batch_size: int = 8) -> npt.NDArray[np.uint8]:
    """The class that the model finds most likely for each pixel, uint8 (N, H, W).

    It predicts in eval mode and without gradients, batch by batch: the logits of all images together would fill the
    memory. Afterwards the model has the mode again that it came in.

    Args:
        model: gives logits (B, K, H, W) for images (B, 3, H, W).
        images: float32 (N, 3, H, W), at least one.
        batch_size: how many images the model gets at once; the last batch may be smaller.

    Hints:
        - `images.split(batch_size)` cuts into batches.
        - Take the labels of a batch from its logits at once, and keep only these.
        - `model.training` says which mode it is in; `model.train(mode)` sets it.
    """
    ### TASK measures_predict
    ### BEGIN SOLUTION
    training = model.training
    model.eval()
    with torch.no_grad():
        found = [model(batch).argmax(dim=1).to(torch.uint8) for batch in images.split(batch_size)]
    model.train(training)
    return torch.cat(found).numpy()
    ### END SOLUTION


def image_accuracies(predictions: Labels, labels: Labels) -> npt.NDArray[np.float64]:
    """The share of right ones among the labelled pixels of each image, float64 (N,).

    Args:
        predictions: integers (N, H, W), 0 to K - 1.
        labels: integers (N, H, W), 0 to K - 1, or `VOID`. Each image has at least one labelled pixel.
    """
    ### TASK measures_scores
    ### BEGIN SOLUTION
    known = labels != VOID
    right = (predictions == labels) & known
    shares: npt.NDArray[np.float64] = right.sum(axis=(1, 2)) / known.sum(axis=(1, 2))
    return shares
    ### END SOLUTION


def confusion_matrix(predictions: Labels, labels: Labels, num_classes: int) -> npt.NDArray[np.int64]:
    """How many pixels of each class were taken for which class, int64 (num_classes, num_classes).

    Row i, column j counts the pixels whose label is i and whose prediction is j. Void pixels do not count.

    Args:
        predictions: integers (N, H, W), 0 to num_classes - 1.
        labels: integers (N, H, W), 0 to num_classes - 1, or `VOID`.
        num_classes: how many classes there are.

    Hints:
        - Give each pair (i, j) a number of its own, `i * num_classes + j`: then `np.bincount` counts all pairs at once.
        - int8 holds numbers up to 127. Which dtype is large enough for these?
    """
    ### TASK measures_scores
    ### BEGIN SOLUTION
    known = labels != VOID
    pairs = labels[known].astype(np.int64) * num_classes + predictions[known]
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    ### END SOLUTION


def class_iou(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The intersection over union (IoU) of each class, float64 (K,).

    The intersection is the pixels that have the class and are predicted as it. The union is those that have it, or are
    predicted as it, or both. A class whose union is empty gets NaN: nothing can be said of it.

    Args:
        confusion: int64 (K, K), as `confusion_matrix` gives it.

    Hints:
        - Rows sum up to the pixels that have a class, columns to those predicted as it. The diagonal is in both sums.
        - 0 / 0 is NaN in numpy, and warns. `with np.errstate(invalid="ignore"):` keeps it quiet; `np.divide(...,
          out=..., where=...)` divides only where you say.
    """
    ### TASK measures_scores
    ### BEGIN SOLUTION
    both = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)
    ### END SOLUTION
