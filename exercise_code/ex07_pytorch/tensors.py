"""Exercise 7: pictures as tensors, and distances by broadcasting."""

from __future__ import annotations

import numpy as np
import torch


def images_to_tensor(images: np.ndarray) -> torch.Tensor:
    """The pictures as PyTorch's layers want them: float32 of shape (N, 3, height, width), values from 0 to 1.

    Channels come before height and width; 0 stays 0, and 255 becomes 1.

    Args:
        images: numpy array of uint8, shape (N, height, width, 3). It stays as it is.

    Hints:
        - `torch.from_numpy` turns an array into a tensor, `permute` puts axes in another order.
        - `reshape` keeps the order of the numbers in memory, so it cannot swap axes.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 1: pictures as tensors")


def squared_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The squared distance of each row of a to each row of b, a tensor of shape (N, M).

    The distance of the rows x and y is the sum of (x_k - y_k)^2 over all k. Broadcasting does it without a loop.

    Args:
        a: float tensor of shape (N, D).
        b: float tensor of shape (M, D); M may differ from N.

    Hints:
        - `a[:, None]` has the shape (N, 1, D). Broadcasting lines up shapes from the right: (N, 1, D) and (M, D) meet
          in (N, M, D).
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 3: all distances at once")
