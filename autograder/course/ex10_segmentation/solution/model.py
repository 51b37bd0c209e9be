"""Exercise 10: the U-Net, and the model that is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from .encoder import EncoderNet
from .layers import DoubleConv, UpBlock
from .transfer import quiet_norms

NUM_CLASSES = 23
# What your model is built from: a place to start. Change, add and remove entries as you like. They are saved with
# the model, and the model must be built from them alone.
HPARAMS: dict[str, Any] = {"kind": "unet", "stem": [16, 24], "channels": [24, 48, 64, 80]}
# The same for a pretrained encoder: `EncoderNet` says what its entries mean.
MOBILENET_HPARAMS: dict[str, Any] = {"kind": "mobilenet", "places": [3, 6, 13, 18], "decoder": []}


class UNet(nn.Module):
    """A way down, a way up, and skip connections between the two.

    The way down: a `DoubleConv` to `channels[0]`, then for each further number 2×2 max pooling and a `DoubleConv` to
    that many channels. The way up: an `UpBlock` for each step back, whose skip connection is what the `DoubleConv` of
    the same size gave, and which goes on with as many channels as that had. At the end a 1×1 convolution makes logits.

    Args:
        in_channels: channels of the images.
        num_classes: how many logits each pixel gets.
        channels: channels from the top of the U to its bottom, at least one number.
    """

    def __init__(self, in_channels: int, num_classes: int, channels: Sequence[int]) -> None:
        """Make the layers.

        Hints:
            - For channels 16, 32, 64 there are three `DoubleConv` and two `UpBlock`: (64, 32, 32) and (32, 16, 16).
            - Lists of layers belong in an `nn.ModuleList`.
        """
        super().__init__()
        ### TASK unet_model
        ### BEGIN SOLUTION
        self.down = nn.ModuleList(
            DoubleConv(before, after) for before, after in zip([in_channels, *channels], channels, strict=False)
        )
        steps = list(zip(channels[1:], channels, strict=False))
        self.up = nn.ModuleList(UpBlock(below, here, here) for below, here in reversed(steps))
        self.head = nn.Conv2d(channels[0], num_classes, 1)
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits, float32 (B, num_classes, H, W).

        Args:
            images: float32 (B, in_channels, H, W) of any height and width that can be halved often enough.

        Hints:
            - `nn.functional.max_pool2d(x, 2)` halves, and rounds down.
            - The way down collects what it passes in a list; the way up takes it from the list's end.
        """
        ### TASK unet_model
        ### BEGIN SOLUTION
        passed: list[torch.Tensor] = []
        x = images
        for conv in self.down:
            x = conv(nn.functional.max_pool2d(x, 2) if passed else x)
            passed.append(x)
        for up, skip in zip(self.up, reversed(passed[:-1]), strict=True):
            x = up(x, skip)
        logits: torch.Tensor = self.head(x)
        return logits
        ### END SOLUTION


class SegmentationModel(nn.Module):
    """A network from images to logits of 23 classes at each pixel.

    With "kind": "unet" it is a stem and a `UNet` with "channels". The stem has a block for each number in "stem": a
    convolution of stride 2 to that many channels, batch normalisation and ReLU. With "kind": "mobilenet" it is an
    `EncoderNet(hparams, NUM_CLASSES)`, which is given in encoder.py.

    Args:
        hparams: dict of plain values (numbers, texts, lists), such as `HPARAMS`. The saved weights must fit the model
            that `SegmentationModel(hparams)` builds from the saved hyperparameters: nothing is downloaded here.
    """

    def __init__(self, hparams: dict[str, Any]) -> None:
        """Make the layers.

        Hints:
            - Call the network `self.net`: for an encoder, the notebook fills `model.net.encoder`.
            - A layer of the stem: `nn.Conv2d(..., 3, stride=2, padding=1)`, batch normalisation, ReLU. Behind two of
              them the U-Net works with a sixteenth of the pixels.
            - At most 5 million parameters are allowed.
        """
        super().__init__()
        self.hparams = hparams
        ### TASK unet_model
        ### BEGIN SOLUTION
        self.stem = nn.Sequential()
        if hparams["kind"] == "mobilenet":
            self.net: nn.Module = EncoderNet(hparams, NUM_CLASSES)
            return
        widths = [3, *hparams["stem"]]
        for before, after in pairwise(widths):
            self.stem.append(
                nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU())
            )
        self.net = UNet(widths[-1], NUM_CLASSES, hparams["channels"])
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits, float32 (B, 23, H, W).

        Args:
            images: float32 (B, 3, H, W), normalised, of any height and width from 32 upwards.

        Hints:
            - Stem and encoder make the image smaller. At the end `interpolate` the logits to its size, bilinear.
        """
        ### TASK unet_model
        ### BEGIN SOLUTION
        logits = self.net(self.stem(images))
        return nn.functional.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)
        ### END SOLUTION

    def train(self, mode: bool = True) -> SegmentationModel:
        """The model in training mode, or in eval mode; frozen normalisations stay in eval mode. Given."""
        super().train(mode)
        if mode and not all(parameter.requires_grad for parameter in self.parameters()):
            quiet_norms(self)
        return self
