"""Pictures as rows of numbers. Given: nothing to fill in here."""

from __future__ import annotations

import numpy as np


def prepare(images: np.ndarray) -> np.ndarray:
    """uint8 pictures (N, 32, 32, 3) as rows of float32 (N, 3072), about from -2 to 2: (x / 255 - 0.5) / 0.25."""
    return (images.reshape(len(images), -1).astype(np.float32) / 255 - 0.5) / 0.25


def cosine(share: float) -> float:
    """A factor for the learning rate: 1 at the start, 0 at the end, half a wave between; `share` is what is done."""
    return float(0.5 * (1 + np.cos(np.pi * share)))
