"""Exercise 10: what a pretrained encoder hands on, and which of its parameters go on learning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn


def features_at(layers: Iterable[nn.Module], images: torch.Tensor, places: Sequence[int]) -> list[torch.Tensor]:
    """What comes out of some layers on the way through: a tensor for each place, in the order of the layers.

    Args:
        layers: the layers of an encoder, one after the other, such as `mobilenet_v2().features`.
        images: what the first layer takes.
        places: which layers' outputs are wanted, counted from 0, in rising order. Layers behind the last place are not
            needed, and are not run.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 10: features on the way")


def freeze(module: nn.Module, frozen: bool = True) -> None:
    """Stop the gradients of all parameters of the module; with `frozen=False`, let them flow again.

    Hints:
        - A parameter `p` gets gradients where `p.requires_grad` is true.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 12: freeze, and two learning rates")


def quiet_norms(model: nn.Module) -> None:
    """Put each `nn.BatchNorm2d` in the model whose weight is frozen into eval mode.

    In training mode a batch normalisation forgets the means that it has learned, whether or not its parameters are
    frozen: the means are not parameters. All other layers keep their mode.

    Hints:
        - `model.modules()` gives all layers, also those inside of others. `isinstance(layer, nn.BatchNorm2d)` picks.
        - The weight of a batch normalisation is frozen where `layer.weight.requires_grad` is false.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 12: freeze, and two learning rates")


def parameter_groups(model: nn.Module, encoder: nn.Module, encoder_lr: float, lr: float) -> list[dict[str, Any]]:
    """What an optimizer takes: a list of dicts with "params", a list of parameters, and "lr", their learning rate.

    The parameters of the encoder have the learning rate `encoder_lr`, all others of the model have `lr`. Frozen ones
    are in no group, and there are no empty groups. The encoder's group comes first.

    Args:
        model: the whole model.
        encoder: a part of it.

    Hints:
        - Two parameters may hold the same numbers, so compare which object it is: `id(p)`, or `p is q`.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 12: freeze, and two learning rates")
