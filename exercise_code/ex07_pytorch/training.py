"""Exercise 7: one step of training, validation, and the loop around both."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import nn

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


def train_step(
    model: nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    loss: Loss = nn.functional.cross_entropy,
) -> float:
    """The loss of the batch before the step, a Python float, after one step of gradient descent.

    In this order: forget the gradients of the step before, compute predictions and loss, compute the gradients, let
    the optimizer change the parameters. The model stays in the mode it is in, training or evaluation.

    Args:
        model: gives predictions for inputs.
        inputs: a batch, as the model takes it.
        targets: what is true for each sample, as the loss takes it.
        optimizer: an optimizer of the model's parameters.
        loss: a function; `loss(predictions, targets)` is a tensor with a single number.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 10: one step of training")


def evaluate(model: nn.Module, batches: Batches, loss: Loss = nn.functional.cross_entropy) -> tuple[float, float]:
    """The mean loss and the accuracy over all samples, two Python floats.

    The model predicts in evaluation mode, without gradients. Afterwards it is in the mode it was in before.

    Args:
        model: gives logits (batch_size, num_classes) for inputs.
        batches: gives pairs (inputs, labels). Batches may differ in size, so the mean of their means is not the mean
            over all samples.
        loss: a function; `loss(logits, labels)` is the mean over a batch, a tensor with a single number.

    Hints:
        - `model.training` says which mode it is in; `model.train(True)` and `model.train(False)` set it.
        - The mean loss of a batch times its size is the sum of its losses.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 11: validation")


def fit(
    model: nn.Module,
    train_batches: Batches,
    val_batches: Batches,
    optimizer: torch.optim.Optimizer,
    num_epochs: int,
    loss: Loss = nn.functional.cross_entropy,
) -> dict[str, list[float]]:
    """What happened in each epoch. In the end the model has the parameters of its best epoch.

    An epoch is one `train_step` for each training batch, in training mode, and then one `evaluate` on the validation
    batches. The best epoch is the one with the highest validation accuracy; of several, the first.

    Args:
        model, optimizer, loss: as in `train_step`; `loss` is a function here, too.
        train_batches, val_batches: give pairs (inputs, labels), anew each time they are looped over.
        num_epochs: how many epochs to train, at least 1.

    Returns:
        A dict with the lists "train_loss" (the mean of what `train_step` returned), "val_loss" and "val_accuracy", one
        number for each epoch.

    Hints:
        - `model.state_dict()` refers to the model's own tensors, which the optimizer goes on changing. Keep copies:
          `copy.deepcopy`.
        - `model.load_state_dict(state)` fills parameters and buffers with what was kept.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 12: the loop")
