"""Exercise 8: what a classifier learns, and how fast, when its encoder has learned before."""

from __future__ import annotations

from typing import Any

from torch import nn


def freeze(module: nn.Module) -> None:
    """Stop all parameters of a module from learning.

    Hints:
        - Each parameter has an attribute `requires_grad`.
    """
    ### TASK transfer
    ### BEGIN SOLUTION
    for parameter in module.parameters():
        parameter.requires_grad = False
    ### END SOLUTION


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
    ### TASK transfer
    ### BEGIN SOLUTION
    encoder, others = [], []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (encoder if name.startswith("encoder.") else others).append(parameter)
    groups = [{"params": encoder, "lr": encoder_lr}, {"params": others, "lr": lr}]
    return [group for group in groups if group["params"]]
    ### END SOLUTION
