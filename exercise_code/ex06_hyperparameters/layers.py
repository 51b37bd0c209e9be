"""Exercise 6: two more layers, one of which works in training alone."""

from __future__ import annotations

import numpy as np

from exercise_code.ex05_neural_networks.layers import Layer


class LeakyReLU(Layer):
    """Like ReLU, but negative numbers leak: x where x is positive, slope * x elsewhere.

    Args:
        slope: float, small; with 0 it is ReLU.
    """

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: np.ndarray) -> np.ndarray:
        """x where it is larger than 0, slope * x elsewhere: a new array of the shape and dtype of x."""
        # YOUR CODE HERE
        raise NotImplementedError("Task 4: LeakyReLU")

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """The gradient for x: dout where x was larger than 0, slope * dout elsewhere, also where x was 0."""
        # YOUR CODE HERE
        raise NotImplementedError("Task 4: LeakyReLU")


class Dropout(Layer):
    """In training it sets entries to 0 at random and enlarges the others; in evaluation it does nothing.

    Args:
        rate: float, the probability with which an entry becomes 0, from 0 up to but not including 1.
        rng: the generator that decides which ones.

    Attributes:
        training: bool, True at the start: whether entries are dropped.
    """

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.rate, self.rng = rate, rng
        self.training = True

    def forward(self, x: np.ndarray) -> np.ndarray:
        """x with entries dropped, of the shape and dtype of x; in evaluation, or with rate 0, x as it is.

        In training each entry by itself becomes 0 with the probability `self.rate`, and x / (1 - rate) otherwise. So
        its mean over many draws is x, and nothing has to be scaled in evaluation. Each call draws anew from
        `self.rng`. A float32 x gives float32: random numbers are float64, and what they meet becomes float64, too.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 5: dropout")

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """The gradient for the x of the last `forward`, in the shape and dtype of dout; no new draw is made.

        Entries that were dropped had no effect on the loss. The others counted 1 / (1 - rate) times, and where nothing
        was dropped, because it was evaluation or because the rate is 0, each counted once.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 5: dropout")
