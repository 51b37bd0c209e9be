"""Exercise 7: one step of training."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def train_step(
    model: nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = nn.functional.cross_entropy,
) -> float:
    """The loss of the batch before the step, a Python float, after one step of gradient descent.

    In this order: forget the gradients of the step before, compute predictions and loss, compute the gradients, let
    the optimizer change the parameters. The model stays in the mode (training or evaluation) it came in.

    Args:
        model: gives predictions for inputs.
        inputs: a batch, as the model takes it.
        targets: what is true for each sample, as the loss takes it.
        optimizer: an optimizer of the model's parameters.
        loss: `loss(predictions, targets)`, a tensor with a single number.
    """
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    value = loss(model(inputs), targets)
    value.backward()
    optimizer.step()
    return value.item()
    ### END SOLUTION
