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
    ### TASK pytorch_step
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    value = loss(model(inputs), targets)
    value.backward()
    optimizer.step()
    return value.item()
    ### END SOLUTION


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
    ### TASK pytorch_evaluate
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    total, correct, count = 0.0, 0, 0
    with torch.no_grad():
        for inputs, labels in batches:
            logits = model(inputs)
            total += loss(logits, labels).item() * len(labels)
            correct += int((logits.argmax(dim=1) == labels).sum())
            count += len(labels)
    model.train(was_training)
    return total / count, correct / count
    ### END SOLUTION


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
    ### TASK pytorch_fit
    ### BEGIN SOLUTION
    history: dict[str, list[float]] = {"train_loss": [], "val_loss": [], "val_accuracy": []}
    best_accuracy, best_state = -1.0, model.state_dict()
    for _ in range(num_epochs):
        model.train()
        losses = [train_step(model, inputs, labels, optimizer, loss) for inputs, labels in train_batches]
        val_loss, accuracy = evaluate(model, val_batches, loss)
        history["train_loss"].append(sum(losses) / len(losses))
        history["val_loss"].append(val_loss)
        history["val_accuracy"].append(accuracy)
        if accuracy > best_accuracy:
            best_accuracy, best_state = accuracy, copy.deepcopy(model.state_dict())
    model.load_state_dict(best_state)
    return history
    ### END SOLUTION
