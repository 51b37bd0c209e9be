"""Given: pictures of faces moved, turned, resized and lit differently, with keypoints that follow."""

import math

import torch
from torch import nn

__all__ = ["change_light", "move_faces"]


def move_faces(
    images: torch.Tensor,
    keypoints: torch.Tensor,
    generator: torch.Generator,
    max_shift: float = 0.1,
    max_degrees: float = 15.0,
    max_resize: float = 0.15,
) -> tuple[torch.Tensor, torch.Tensor]:
    """New images and keypoints: each face is shifted, turned and resized at random.

    Args:
        images: float (batch_size, 1, height, width).
        keypoints: float (batch_size, 30) in the scale where the picture reaches from -1 to 1.
        max_shift: in halves of the picture's width, the unit of the keypoints.
    """
    n = len(images)
    angle = _between(-max_degrees, max_degrees, n, generator) * math.pi / 180
    size = 1 + _between(-max_resize, max_resize, n, generator)
    shift = torch.stack([_between(-max_shift, max_shift, n, generator) for _ in range(2)], dim=1)
    cos, sin = size * torch.cos(angle), size * torch.sin(angle)
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1).to(images)
    shift = shift.to(images)
    points = keypoints.reshape(n, -1, 2) @ turn.transpose(1, 2) + shift[:, None]
    # The grid asks where a new pixel comes from, so it needs the inverse of what happens to the points.
    inverse = torch.linalg.inv(turn)
    matrix = torch.cat([inverse, -(inverse @ shift[:, :, None])], dim=2)
    grid = nn.functional.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return moved, points.reshape(keypoints.shape)


def change_light(
    images: torch.Tensor, generator: torch.Generator, max_contrast: float = 0.3, max_brightness: float = 0.15
) -> torch.Tensor:
    """New images with another contrast and brightness, values again from 0 to 1."""
    n = len(images)
    contrast = 1 + _between(-max_contrast, max_contrast, n, generator).to(images)
    brightness = _between(-max_brightness, max_brightness, n, generator).to(images)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return ((images - mean) * contrast[:, None, None, None] + mean + brightness[:, None, None, None]).clamp(0, 1)


def _between(low: float, high: float, n: int, generator: torch.Generator) -> torch.Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)
