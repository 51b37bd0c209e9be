"""Exercise 10: how far a layer sees, and the blocks of a U-Net."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


def receptive_field(layers: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
    """How wide a part of the image one number behind the last layer sees, and how far apart two neighbours look.

    Both count pixels of the image along one axis. Without any layer both are 1. The notebook says what a layer does to
    them.

    Args:
        layers: (kernel, stride, dilation) of each layer, in their order; pooling is a layer like any other.

    Returns:
        field and step, two ints.
    """
    ### TASK layers_field
    ### BEGIN SOLUTION
    field, step = 1, 1
    for kernel, stride, dilation in layers:
        field += (kernel - 1) * dilation * step
        step *= stride
    return field, step
    ### END SOLUTION


class DoubleConv(nn.Module):
    """Two times: a 3×3 convolution, batch normalisation, ReLU. Height and width stay as they are.

    Args:
        in_channels: channels that come in.
        out_channels: channels of the first and of the second convolution.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        """Make the layers.

        Hints:
            - With a 3×3 kernel, `padding=1` keeps height and width.
            - `bias=False` saves parameters: batch normalisation subtracts a bias again.
        """
        super().__init__()
        ### TASK layers_blocks
        ### BEGIN SOLUTION
        self.first = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )
        self.second = nn.Sequential(
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Float32 (B, out_channels, H, W) for float32 (B, in_channels, H, W)."""
        ### TASK layers_blocks
        ### BEGIN SOLUTION
        y: torch.Tensor = self.second(self.first(x))
        return y
        ### END SOLUTION


class UpBlock(nn.Module):
    """A step of the way up: enlarge, join with the skip connection, and a `DoubleConv` of both.

    Args:
        in_channels: channels that come from below.
        skip_channels: channels of the skip connection.
        out_channels: channels that go on.
    """

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        """Make the layers; the two inputs are joined along the channels, so their channels add up."""
        super().__init__()
        ### TASK layers_blocks
        ### BEGIN SOLUTION
        self.conv = DoubleConv(in_channels + skip_channels, out_channels)
        ### END SOLUTION

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Float32 (B, out_channels, H, W), with height and width of `skip`.

        Args:
            x: float32 (B, in_channels, h, w), from below. It is enlarged to the height and width of `skip`, bilinear
                with `align_corners=False`. Mostly that is a factor of two, but not always: pooling makes 15 of 30, and
                15 of 31.
            skip: float32 (B, skip_channels, H, W), from the way down.

        Hints:
            - `nn.functional.interpolate(..., size=skip.shape[-2:])` takes any size.
            - `torch.cat([...], dim=...)` joins tensors along an axis.
        """
        ### TASK layers_blocks
        ### BEGIN SOLUTION
        x = nn.functional.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        y: torch.Tensor = self.conv(torch.cat([x, skip], dim=1))
        return y
        ### END SOLUTION


class LRASPPHead(nn.Module):
    """The light head of an encoder (LR-ASPP): coarse features that know what, fine ones that know where.

    Its layers are made already; you write `forward`. (The name is short for "lite reduced atrous spatial pyramid
    pooling". What is left of the pyramid is one mean over the whole image.)

    Args:
        low_channels: channels of the fine features.
        high_channels: channels of the coarse features.
        num_classes: how many logits each pixel gets.
        inter_channels: channels in between.
    """

    def __init__(self, low_channels: int, high_channels: int, num_classes: int, inter_channels: int = 128) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(
            nn.Conv2d(high_channels, inter_channels, 1, bias=False), nn.BatchNorm2d(inter_channels), nn.ReLU()
        )
        self.scale = nn.Conv2d(high_channels, inter_channels, 1, bias=False)
        self.low_classifier = nn.Conv2d(low_channels, num_classes, 1)
        self.high_classifier = nn.Conv2d(inter_channels, num_classes, 1)

    def forward(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """Logits, float32 (B, num_classes, H, W), with height and width of `low`.

        In this order:

        1. `squeeze` the coarse features.
        2. Take the mean of the coarse features `high`, as they came, over all places, (B, high_channels, 1, 1); `scale`
           it; a sigmoid makes numbers from 0 to 1 of it. Multiply what was squeezed by these: channels that do not fit
           the image as a whole are turned down.
        3. Enlarge the product to the size of `low` (bilinear, `align_corners=False`).
        4. Add the logits of `low_classifier` for the fine features and of `high_classifier` for the product.

        Args:
            low: float32 (B, low_channels, H, W), the fine features.
            high: float32 (B, high_channels, h, w), the coarse features.
        """
        ### TASK transfer_head
        ### BEGIN SOLUTION
        gate = torch.sigmoid(self.scale(high.mean(dim=(2, 3), keepdim=True)))
        product = nn.functional.interpolate(
            self.squeeze(high) * gate, size=low.shape[-2:], mode="bilinear", align_corners=False
        )
        logits: torch.Tensor = self.low_classifier(low) + self.high_classifier(product)
        return logits
        ### END SOLUTION
