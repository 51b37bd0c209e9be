"""Given: pictures that are mirrored and moved a little, differently in each epoch."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["flip_and_shift"]


def flip_and_shift(
    images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator, most_pixels: int = 3
) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch with every second picture mirrored, on average, and each moved by up to `most_pixels` in any direction.

    What comes in at an edge is the mirror image of what is there. `images` is (N, 3, height, width), on the CPU or not.
    """
    n, channels, height, width = images.shape
    device = images.device
    mirrored = (torch.rand(n, generator=generator) < 0.5).to(device)
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    padded = nn.functional.pad(images, (most_pixels,) * 4, mode="reflect")
    down, right = torch.randint(2 * most_pixels + 1, (2, n), generator=generator).to(device)
    rows = (down[:, None] + torch.arange(height, device=device))[:, None, :, None]
    columns = (right[:, None] + torch.arange(width, device=device))[:, None, None, :]
    sample, channel = torch.arange(n, device=device)[:, None, None, None], torch.arange(channels, device=device)
    return padded[sample, channel[None, :, None, None], rows, columns], labels
