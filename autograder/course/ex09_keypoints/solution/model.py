"""Exercise 9: the network that finds the keypoints of a face."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .faces import IMAGE_SIZE, NUM_COORDINATES

# What your model is built from: a place to start. Change, add and remove entries as you like. They are saved with
# the model, and the model must be built from them alone.
HPARAMS: dict[str, Any] = {"channels": [16, 32, 64, 64], "hidden_size": 128, "dropout": 0.0}


class KeypointModel(nn.Module):
    """A convolutional network from grey pictures of faces to the coordinates of their 15 keypoints.

    Args:
        hparams: dict of plain values (numbers, texts, lists), such as `HPARAMS`. Which entries there are is up
            to you. The saved weights must fit the model that `KeypointModel(hparams)` builds from the saved
            hyperparameters, so every size has to come from `hparams` or be written in this file.
    """

    def __init__(self, hparams: dict[str, Any]) -> None:
        """Make the layers.

        Hints:
            - A block is a convolution, batch normalisation, ReLU and pooling. Each makes the picture smaller and
              the number of channels larger. Start with four blocks, one for each entry of "channels".
            - A convolution with kernel size 3 and padding 1 keeps height and width, pooling with 2 halves them.
              After four such blocks a picture of 96x96 is 6x6.
            - Linear layers at the end look at all places at once. The last one has 30 outputs and no ReLU behind
              it, since coordinates can be negative.
            - Layers are found by an optimizer when they are attributes, or inside an `nn.Sequential` or an
              `nn.ModuleList` that is one. A plain list hides them.
            - At most 5 million parameters are allowed; a tenth of that is plenty.
        """
        super().__init__()
        self.hparams = hparams
        ### TASK keypoints_model
        ### BEGIN SOLUTION
        layers: list[nn.Module] = []
        in_channels = 1
        for out_channels in hparams["channels"]:
            layers += [
                nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(),
            ]
            in_channels = out_channels
        side = IMAGE_SIZE // 2 ** len(hparams["channels"])
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(hparams["dropout"]),
            nn.Linear(in_channels * side * side, hparams["hidden_size"]),
            nn.ReLU(),
            nn.Linear(hparams["hidden_size"], NUM_COORDINATES),
        )
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The predicted coordinates, float32 of shape (batch_size, 30).

        Coordinates come in pairs, x before y, in the scale where the picture reaches from -1 to 1.

        Args:
            images: float32 of shape (batch_size, 1, 96, 96), values from 0 to 1. The batch size may be any,
                from 1 upwards, and what comes out for one picture must not depend on the others in its batch.
        """
        ### TASK keypoints_model
        ### BEGIN SOLUTION
        return self.head(self.features(images))
        ### END SOLUTION
