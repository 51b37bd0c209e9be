"""Exercise 8: digits moved, turned, resized and slanted."""

from __future__ import annotations

import math

import torch
from torch import nn


def affine_matrices(
    angles: torch.Tensor, scales: torch.Tensor, shears: torch.Tensor, shifts: torch.Tensor
) -> torch.Tensor:
    r"""For each picture the matrix that says where each of its new pixels comes from, float32 (B, 2, 3).

    A new pixel at $p = (x, y)$ takes its value from the old picture at $A\,(p - d)$, with

    $$ A = \frac{1}{s} \begin{pmatrix} \cos\alpha & -\sin\alpha \\ \sin\alpha & \cos\alpha \end{pmatrix}
    \begin{pmatrix} 1 & k \\ 0 & 1 \end{pmatrix} $$

    The matrix is $(A \mid -A\,d)$: its first two columns are A, its last one is -A d. Coordinates count from the middle
    of the picture, in halves of its width: its corners are at -1 and 1.

    Args:
        angles: float32 (B,), α, in radians.
        scales: float32 (B,), s, how much larger each digit becomes; 1 keeps its size.
        shears: float32 (B,), k, how far it is slanted; 0 keeps it upright.
        shifts: float32 (B, 2), d, how far it moves to the right and downwards.

    Hints:
        - `torch.stack([a, b], dim=1)` turns two tensors (B,) into (B, 2). Stack rows of two, then the rows: (B, 2, 2).
        - `@` multiplies matrices picture by picture: (B, 2, 2) @ (B, 2, 1) is (B, 2, 1).
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 7: affine matrices")


def augment_digits(
    images: torch.Tensor,
    generator: torch.Generator,
    max_degrees: float = 15.0,
    max_scale: float = 0.15,
    max_shear: float = 0.2,
    max_shift: float = 0.15,
) -> torch.Tensor:
    """New pictures, float32 of the shape of `images`: each one moved, turned, resized and slanted by chance.

    Each picture has its own angle, scale, shear and its own two shifts, all drawn evenly: angles between -max_degrees
    and max_degrees, scales between 1 - max_scale and 1 + max_scale, shears and shifts between minus and plus their
    limits. Outside the picture everything is black. The matrices are those of `affine_matrices`.

    Args:
        images: float32 (B, 1, H, W), values from 0 to 1. They stay as they are.
        generator: where chance comes from: with a generator of the same seed, the same pictures come out. It lives on
            the CPU, while pictures may be elsewhere.
        max_degrees: in degrees; `affine_matrices` wants radians.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 8: augmented digits")
