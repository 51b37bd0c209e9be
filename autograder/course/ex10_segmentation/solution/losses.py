"""Exercise 10: the loss of a segmentation, and weights for classes that are rare."""

from __future__ import annotations

import torch
from torch import nn

from .scenes import VOID


def segmentation_loss(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """The cross-entropy of all labelled pixels, a tensor with a single number; void pixels do not count.

    Let l be the cross-entropy of a pixel and w the weight of its true class. The loss is

        sum of w · l over all labelled pixels / sum of w over all labelled pixels

    Without weights each w is 1, so the loss is the mean over the labelled pixels. A batch without any labelled pixel
    has the loss 0, and gradients that are 0.

    Args:
        logits: float32 (B, K, H, W), a number for each class at each pixel.
        labels: integers of any dtype (B, H, W), 0 to K - 1, or `VOID`.
        weights: float32 (K,), a weight for each class; None weighs all the same.

    Hints:
        - `nn.functional.cross_entropy(..., ignore_index=..., reduction=...)` does most of it. It wants int64 labels.
        - The mean of no pixels is NaN. A sum of no pixels is 0: which of the two is safe?
    """
    ### TASK loss_pixels
    ### BEGIN SOLUTION
    labels = labels.long()
    total = nn.functional.cross_entropy(logits, labels, weight=weights, ignore_index=VOID, reduction="sum")
    known = labels[labels != VOID]
    if len(known) == 0:
        return total
    return total / (len(known) if weights is None else weights[known].sum())
    ### END SOLUTION


def class_weights(labels: torch.Tensor, num_classes: int, power: float = 0.5) -> torch.Tensor:
    """A weight for each class, float32 (num_classes,): the rarer the class, the larger.

    Let f be a class's share of all labelled pixels. Its weight is

        w = f^(-power) / (sum of f^(1 - power) over the classes that occur)

    A class that does not occur gets the weight 0. The divisor makes the mean weight of a labelled pixel 1, so the loss
    keeps its size. A power of 0 gives all classes that occur the weight 1. With a power of 1, all classes together
    count the same, however few pixels one has.

    Args:
        labels: integers (N, H, W), 0 to num_classes - 1, or `VOID`; at least one pixel is labelled.
        num_classes: how many classes there are.
        power: from 0 to 1.

    Hints:
        - `torch.bincount(numbers, minlength=...)` counts how often each number occurs. It takes no negative ones.
        - 0 to a negative power is infinite. `torch.where` chooses, or compute only where the share is above 0.
    """
    ### TASK loss_weights
    ### BEGIN SOLUTION
    counts = torch.bincount(labels[labels != VOID], minlength=num_classes)
    occurs = counts > 0
    shares = counts[occurs] / counts.sum()
    weights = torch.zeros(num_classes)
    weights[occurs] = shares**-power / (shares ** (1 - power)).sum()
    return weights
    ### END SOLUTION
