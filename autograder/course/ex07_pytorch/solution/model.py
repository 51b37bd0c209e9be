"""Exercise 7: the network that says what is on a picture, with fully connected layers only."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

NUM_PIXELS, NUM_CLASSES = 3 * 32 * 32, 10

# What your model is built from: a place to start. Change, add and remove entries as you like. They are saved with
# the model, and the model must be built from them alone.
HPARAMS: dict[str, Any] = {"hidden_sizes": [128, 64], "dropout": 0.2}


class CifarModel(nn.Module):
    """A network of fully connected layers, from colour pictures to the logits of ten classes.

    Args:
        hparams: dict of plain values (numbers, texts, lists), such as `HPARAMS`. Which entries there are is up to you.
            The saved weights must fit the model that `CifarModel(hparams)` builds from the saved hyperparameters, so
            every size has to come from `hparams` or be written in this file. Read the argument, not `HPARAMS`: if
            `HPARAMS` has an entry `hidden_sizes`, then other `hidden_sizes` have to make another model.
    """

    def __init__(self, hparams: dict[str, Any]) -> None:
        """Make the layers.

        Hints:
            - Your `MLP` is one line: `from .network import MLP` at the top of this file, and `MLP([...])` here.
            - Values from 0 to 1 have a mean near 0.5. Networks learn faster from numbers around 0: your `Standardize`
              does that, and so does subtracting 0.5 in `forward`.
            - Batch normalisation, `nn.BatchNorm1d(size)` between a linear layer and its ReLU, makes training faster.
            - No convolutions: no weight may have more than two axes. At most 5 million parameters are allowed.
        """
        super().__init__()
        self.hparams = hparams
        ### TASK cifar_model
        ### BEGIN SOLUTION
        size: int = NUM_PIXELS
        layers: list[nn.Module] = []
        # A linear layer without an activation turns the pixels into fewer numbers: the recipe fills it.
        if components := hparams.get("components", 0):
            layers += [nn.Linear(size, components), nn.Dropout(hparams["input_dropout"])]
            size = components
        for hidden_size in hparams["hidden_sizes"]:
            layers += [
                nn.Linear(size, hidden_size),
                nn.BatchNorm1d(hidden_size),
                nn.ReLU(),
                nn.Dropout(hparams["dropout"]),
            ]
            size = hidden_size
        self.layers = nn.Sequential(*layers, nn.Linear(size, NUM_CLASSES))
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The logits of ten classes, float32 of shape (batch_size, 10).

        Args:
            images: float32 of shape (batch_size, 3, 32, 32), values from 0 to 1. The batch size may be any, from 1
                upwards, and in evaluation mode what comes out for one picture must not depend on the others. The
                pictures stay as they are.
        """
        ### TASK cifar_model
        ### BEGIN SOLUTION
        pixels = (images - 0.5) / 0.25
        logits = self.layers(pixels.flatten(1))
        if self.training:
            return logits
        # A picture and its mirror image show the same thing.
        return (logits + self.layers(pixels.flip(3).flatten(1))) / 2
        ### END SOLUTION
