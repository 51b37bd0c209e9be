"""Exercise 6: new pictures from old ones."""

from __future__ import annotations

import numpy as np


def flip_images(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The pictures, each of them turned into its mirror image with probability 1/2: left becomes right.

    Each picture has its own draw from `rng`. A new array of the shape and dtype of `images`, which stay as they are.

    Args:
        images: array of shape (N, height, width, 3), of any dtype.
    """
    ### TASK augmentation
    ### BEGIN SOLUTION
    mirrored = rng.random(len(images)) < 0.5
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    ### END SOLUTION


def shift_images(images: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """The pictures, each moved by a whole number of pixels from -most to most, down and to the right.

    Each picture draws both numbers by itself, and all 2 * most + 1 numbers are equally likely. What moves out of the
    picture is lost, and where nothing moves in, the pixels of the border are repeated. A new array of the shape and
    dtype of `images`, which stay as they are.

    Args:
        images: array of shape (N, height, width, 3), of any dtype.
        most: int, 0 or more.
    """
    ### TASK augmentation
    ### BEGIN SOLUTION
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    moved = np.empty_like(images)
    for place, (top, left) in enumerate(rng.integers(0, 2 * most + 1, (len(images), 2))):
        moved[place] = padded[place, top : top + height, left : left + width]
    return moved
    ### END SOLUTION
