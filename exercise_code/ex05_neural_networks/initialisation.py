"""Exercise 5, notebook 2: how large weights are at the start."""

from __future__ import annotations

import numpy as np


def init_scale(num_in: int, num_out: int, kind: str) -> float:
    """The standard deviation of a layer's weights at the start, a float.

        "xavier": sqrt(2 / (num_in + num_out)), for sigmoid and tanh
        "he":     sqrt(2 / num_in), for ReLU

    Any other kind raises a ValueError.

    Args:
        num_in, num_out: int, how many inputs and outputs the layer has.
        kind: "xavier" or "he".

    Sources: Glorot and Bengio (2010); He, Zhang, Ren and Sun (2015).
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 10: the size of the weights")
