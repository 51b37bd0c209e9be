"""Exercise 8: losses and labels where most pictures have no label."""

from __future__ import annotations

import torch
from torch import nn

NO_LABEL = -1


def labelled_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean cross-entropy over those pictures that have a label, a tensor with a single number.

    Rows whose label is `NO_LABEL` count neither in the sum nor in the number that it is divided by, and no gradient
    reaches them. If no picture of the batch has a label, the loss is 0, and `backward` can still be called on it.

    Args:
        logits: float32 (B, 10).
        labels: int64 (B,), 0 to 9, or -1.
    """
    ### TASK labels_loss
    ### BEGIN SOLUTION
    total = nn.functional.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction="sum")
    return total / (labels != NO_LABEL).sum().clamp(min=1)
    ### END SOLUTION


def pseudo_labels(logits: torch.Tensor, threshold: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Of which pictures the model is sure, and what it takes them for: their indices and their labels, both int64 (K,).

    The confidence of a picture is the probability (softmax) of its most likely digit. Those with a confidence of at
    least `threshold` are chosen, in their order. K may be 0.

    Args:
        logits: float32 (B, 10).
        threshold: from 0 to 1.

    Hints:
        - `values, places = tensor.max(dim=1)` has the largest number of each row and where it stands.
        - `mask.nonzero()` lists where a mask is True, one row for each: (K, 1).
    """
    ### TASK labels_pseudo
    ### BEGIN SOLUTION
    confidence, labels = logits.softmax(dim=1).max(dim=1)
    indices = (confidence >= threshold).nonzero()[:, 0]
    return indices, labels[indices]
    ### END SOLUTION


def consistency_loss(weak_logits: torch.Tensor, strong_logits: torch.Tensor, threshold: float) -> torch.Tensor:
    """How little a model says of a changed picture what it says of the picture itself, a tensor with a single number.

    Row i of both belongs to the same picture. Where the model is sure of the picture itself (`weak_logits`, a
    confidence of at least `threshold`), its most likely digit is the label of the changed one: cross-entropy of
    `strong_logits`. All other pictures count 0. The mean is over all B pictures, also those that count 0.

    No gradient reaches `weak_logits`: they are the teacher, and the teacher must not learn to please.

    Args:
        weak_logits, strong_logits: float32 (B, 10).
        threshold: from 0 to 1.

    Hints:
        - `tensor.detach()` has the same numbers and no way back.
        - `reduction="none"` gives the cross-entropy of each row.
    """
    ### TASK labels_consistency
    ### BEGIN SOLUTION
    confidence, labels = weak_logits.detach().softmax(dim=1).max(dim=1)
    losses = nn.functional.cross_entropy(strong_logits, labels, reduction="none")
    return (losses * (confidence >= threshold)).mean()
    ### END SOLUTION
