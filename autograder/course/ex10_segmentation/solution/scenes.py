"""Exercise 10: scenes as tensors, and changes that an image and its labels go through together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

# The label of pixels that have no class.
VOID = -1
# Red, green and blue of the photographs that the pretrained encoder has learned from, scaled to 0 to 1.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalize_images(images: npt.NDArray[np.uint8]) -> torch.Tensor:
    """The images as a network takes them: float32 (N, 3, H, W), channels first.

    Pixels are scaled from 0 to 255 to 0 to 1. Then `MEAN` is subtracted and the result divided by `STD`, each channel
    by its own numbers.

    Args:
        images: uint8 (N, H, W, 3). They stay as they are.

    Hints:
        - `torch.from_numpy(...)` makes a tensor of an array, `permute` puts its axes into another order.
        - `torch.tensor(MEAN)` has the shape (3,). Where must its axis be, so that it fits the channels?
    """
    ### TASK scenes_tensors
    ### BEGIN SOLUTION
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return (pixels - mean) / std
    ### END SOLUTION


def flip_scenes(images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The images and their labels, mirrored left to right.

    Args:
        images: float32 (B, 3, H, W).
        labels: integers (B, H, W).
    """
    ### TASK scenes_augment
    ### BEGIN SOLUTION
    return images.flip(-1), labels.flip(-1)
    ### END SOLUTION


def resize_scenes(
    images: torch.Tensor, labels: torch.Tensor, height: int, width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The images and their labels in another size: float32 (B, 3, height, width) and integers (B, height, width).

    New pixels of the images lie between their neighbours (bilinear, `align_corners=False`). A label cannot: between
    grass (1) and cow (3) there is no tree (2). Each new label is that of the nearest pixel ("nearest-exact").

    Args:
        images: float32 (B, 3, H, W).
        labels: integers (B, H, W). The new ones have the same dtype.

    Hints:
        - `nn.functional.interpolate(x, size=(height, width), mode=...)` resizes the last two axes of (B, C, H, W).
        - It takes floats with a channel axis: give labels both, and take both away again.
    """
    ### TASK scenes_augment
    ### BEGIN SOLUTION
    size = (height, width)
    resized = nn.functional.interpolate(images, size=size, mode="bilinear", align_corners=False)
    chosen = nn.functional.interpolate(labels[:, None].float(), size=size, mode="nearest-exact")
    return resized, chosen[:, 0].to(labels.dtype)
    ### END SOLUTION


def crop_scenes(
    images: torch.Tensor, labels: torch.Tensor, top: int, left: int, height: int, width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """A window of the images and of their labels: float32 (B, 3, height, width) and integers (B, height, width).

    The window's upper left pixel is pixel (top, left) of the image. It may reach beyond the image on any side: there
    the image is filled up with 0 and the labels with `VOID`, so that no loss counts these pixels. The window may miss
    the image altogether.

    Args:
        images: float32 (B, 3, H, W).
        labels: integers (B, H, W). The new ones have the same dtype.
        top, left: where the window begins; negative numbers begin above or to the left of the image.
        height, width: the size of the window.

    Hints:
        - Begin with a window that is full of 0, or of VOID: `images.new_zeros(...)`, `labels.new_full(...)`.
        - Which rows of the image are inside of the window? From `max(top, 0)` to `min(top + height, H)`. In the window
          the same rows have numbers that are smaller by `top`.
    """
    ### TASK scenes_augment
    ### BEGIN SOLUTION
    new_images = images.new_zeros(*images.shape[:2], height, width)
    new_labels = labels.new_full((len(labels), height, width), VOID)
    first_row, last_row = max(top, 0), min(top + height, images.shape[2])
    first_column, last_column = max(left, 0), min(left + width, images.shape[3])
    if first_row < last_row and first_column < last_column:
        rows, columns = slice(first_row, last_row), slice(first_column, last_column)
        inside = slice(first_row - top, last_row - top), slice(first_column - left, last_column - left)
        new_images[..., inside[0], inside[1]] = images[..., rows, columns]
        new_labels[..., inside[0], inside[1]] = labels[..., rows, columns]
    return new_images, new_labels
    ### END SOLUTION
