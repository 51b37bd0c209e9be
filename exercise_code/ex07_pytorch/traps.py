"""Exercise 7: four small pieces of code. Each has one bug, about which PyTorch says nothing. Find and fix them."""

from __future__ import annotations

import torch
from torch import nn


def dimmed(images: torch.Tensor, factor: float) -> torch.Tensor:
    """New pictures whose values are `factor` times as large, of the shape of `images`.

    Args:
        images: float tensor of any shape. It stays as it is.
        factor: what each value is multiplied by.
    """
    images *= factor
    return images


def mean_squared_error(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean of the squared differences over all samples, a tensor with a single number.

    Args:
        predictions: float tensor of shape (N, 1), what a network with one output gives.
        targets: float tensor of shape (N,), one number for each sample.
    """
    errors = predictions - targets
    return errors.square().mean()


def label_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of logits and labels, its mean over the batch, a tensor with a single number.

    Args:
        logits: float tensor of shape (N, num_classes), what the last layer gives: any numbers.
        labels: int64 tensor of shape (N,).
    """
    return nn.functional.cross_entropy(logits.softmax(dim=1), labels)


class Committee(nn.Module):
    """Several linear layers beside each other; their answer is the mean of all of theirs.

    Args:
        num_members: how many layers there are.
        num_in, num_out: the sizes of each.
    """

    def __init__(self, num_members: int, num_in: int, num_out: int) -> None:
        """Make the layers; all of them are trained and saved with the committee."""
        super().__init__()
        members = [nn.Linear(num_in, num_out) for _ in range(num_members)]
        self.members = members

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The mean of the members' answers, float32 of shape (batch_size, num_out).

        Args:
            x: float32 of shape (batch_size, num_in).
        """
        return torch.stack([member(x) for member in self.members]).mean(dim=0)
