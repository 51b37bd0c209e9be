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
        ### TASK leaky_relu
        ### BEGIN SOLUTION
        self._positive = x > 0
        return np.where(self._positive, x, self.slope * x)
        ### END SOLUTION

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """The gradient for x: dout where x was larger than 0, slope * dout elsewhere, also where x was 0."""
        ### TASK leaky_relu
        ### BEGIN SOLUTION
        return np.where(self._positive, dout, self.slope * dout)
        ### END SOLUTION


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
        ### TASK dropout
        ### BEGIN SOLUTION
        self._mask = None
        if not self.training:
            return x
        self._mask = (self.rng.random(x.shape) >= self.rate).astype(x.dtype) / (1 - self.rate)
        return x * self._mask
        ### END SOLUTION

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """The gradient for the x of the last `forward`, in the shape and dtype of dout; no new draw is made.

        Entries that were dropped had no effect on the loss. The others counted 1 / (1 - rate) times, and where nothing
        was dropped, because it was evaluation or because the rate is 0, each counted once.
        """
        ### TASK dropout
        ### BEGIN SOLUTION
        return dout if self._mask is None else dout * self._mask
        ### END SOLUTION
