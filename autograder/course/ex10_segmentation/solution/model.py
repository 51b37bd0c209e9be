"""Exercise 10: the U-Net, and the model that is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from .layers import DoubleConv, LRASPPHead, UpBlock
from .transfer import features_at, quiet_norms

NUM_CLASSES = 23
# What your model is built from: a place to start. Change, add and remove entries as you like. They are saved with
# the model, and the model must be built from them alone.
HPARAMS: dict[str, Any] = {"kind": "unet", "stem": [16, 24], "channels": [24, 48, 64, 80]}
# The same for a pretrained encoder. Its layers 1, 3, 6, 13 and 18 are the last ones at a half, a quarter, ... of the
# image's size, and have so many channels.
MOBILENET_HPARAMS: dict[str, Any] = {"kind": "mobilenet", "places": [3, 6, 13, 18]}
MOBILENET_CHANNELS = {1: 16, 3: 24, 6: 32, 13: 96, 18: 1280}


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
            - Lists of layers belong into an `nn.ModuleList`.
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

    Args:
        hparams: dict of plain values (numbers, texts, lists), such as `HPARAMS`. The saved weights must fit the model
            that `SegmentationModel(hparams)` builds from the saved hyperparameters: nothing is downloaded here.
    """

    def __init__(self, hparams: dict[str, Any]) -> None:
        """Make the layers.

        Hints:
            - A U-Net is one line. Try it first.
            - `torchvision.models.mobilenet_v2(weights=None).features` is an encoder without its weights. Call it
              `self.encoder`, so that the notebook can fill it.
            - At most 5 million parameters are allowed.
        """
        super().__init__()
        self.hparams = hparams
        ### TASK unet_model
        ### BEGIN SOLUTION
        if hparams["kind"] == "unet":
            # Each stride of 2 makes a quarter of the pixels, and all that follows four times as fast.
            widths = [3, *hparams["stem"]]
            self.stem = nn.Sequential(
                *(
                    nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU())
                    for before, after in pairwise(widths)
                )
            )
            self.net = UNet(widths[-1], NUM_CLASSES, hparams["channels"])
            return
        from torchvision.models import mobilenet_v2

        self.places = hparams["places"]
        self.encoder = mobilenet_v2(weights=None).features
        sizes = [MOBILENET_CHANNELS[place] for place in self.places]
        if "decoder" not in hparams:
            self.head = LRASPPHead(sizes[0], sizes[-1], NUM_CLASSES)
            return
        widths = hparams["decoder"]
        self.neck = nn.Sequential(nn.Conv2d(sizes[-1], widths[0], 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        steps = zip(widths[:-1], reversed(sizes[:-1]), widths[1:], strict=True)
        self.up = nn.ModuleList(UpBlock(before, skip, after) for before, skip, after in steps)
        self.dropout = nn.Dropout2d(hparams.get("dropout", 0.0))
        self.classifier = nn.Conv2d(widths[-1], NUM_CLASSES, 1)
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits, float32 (B, 23, H, W).

        Args:
            images: float32 (B, 3, H, W), normalised, of any height and width from 32 upwards.

        Hints:
            - With two convolutions of stride 2 in front, `nn.Conv2d(..., 3, stride=2, padding=1)`, the U-Net works with
              a sixteenth of the pixels. At the end `interpolate` the logits to the images' size.
        """
        ### TASK unet_model
        ### BEGIN SOLUTION
        logits = self.net(self.stem(images)) if self.hparams["kind"] == "unet" else self._decoded(images)
        return nn.functional.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)

    def _decoded(self, images: torch.Tensor) -> torch.Tensor:
        *skips, x = features_at(self.encoder, images, self.places)
        logits: torch.Tensor
        if "decoder" not in self.hparams:
            logits = self.head(skips[0], x)
            return logits
        x = self.neck(x)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            x = up(x, skip)
        logits = self.classifier(self.dropout(x))
        return logits
        ### END SOLUTION

    def train(self, mode: bool = True) -> SegmentationModel:
        """The model in training mode, or in eval mode; what is frozen stays in eval mode."""
        super().train(mode)
        if mode and not all(parameter.requires_grad for parameter in self.parameters()):
            quiet_norms(self)
        return self
