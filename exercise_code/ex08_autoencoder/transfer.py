"""Exercise 8: what a classifier learns, and how fast, when its encoder has learned before."""

from __future__ import annotations

from typing import Any

from torch import nn


def freeze(module: nn.Module) -> None:
    """Stop all parameters of a module from learning.

    Hints:
        - Each parameter has an attribute `requires_grad`.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 6: frozen and slow")


def parameter_groups(model: nn.Module, lr: float, encoder_lr: float) -> list[dict[str, Any]]:
    """The model's parameters for an optimizer, in two groups with learning rates of their own.

    A group is a dict with the entries "params", a list of parameters, and "lr". The first group has those of
    `model.encoder`, with `encoder_lr`, the second one all others of the model, with `lr`. Frozen parameters are in
    neither, and a group without parameters is left out.

    Args:
        model: has an attribute `encoder`, a module, and other parameters besides.
        lr: the learning rate of what is not in the encoder.
        encoder_lr: that of the encoder.

    Hints:
        - `model.named_parameters()` gives names as well: those of the encoder start with `"encoder."`.
        - `torch.optim.AdamW(groups)` takes such a list in the place of parameters.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 6: frozen and slow")
