"""Exercise 1: your first functions."""

from __future__ import annotations

import numpy as np


def to_fahrenheit(celsius: np.ndarray) -> np.ndarray:
    """The temperatures in degrees Fahrenheit, a new array of the same shape: 1.8 times the Celsius value, plus 32.

    Args:
        celsius: float array of any shape. It must not be changed.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 1: degrees")


def daily_means(temperatures: np.ndarray) -> np.ndarray:
    """The mean temperature of each day, a float array of shape (D,).

    Args:
        temperatures: float array of shape (D, H): a row for each day, a column for each hour.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 2: one mean a day")


def relative_to_mean(temperatures: np.ndarray) -> np.ndarray:
    """How far each temperature is above (or, negative, below) the mean of its day, a new array of shape (D, H).

    Args:
        temperatures: float array of shape (D, H). It must not be changed.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 3: warmer than the day's mean")


def distances(days: np.ndarray, day: np.ndarray) -> np.ndarray:
    """How much each of many days differs from one day, a float array of shape (D,).

    The difference of two days is the mean of the squared differences of their hours. It needs no loop.

    Args:
        days: float array of shape (D, H).
        day: float array of shape (H,).
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 4: the most similar day")


class AverageDay:
    """A model that predicts the average day, whatever is asked of it. Models of this course are classes like this one.

    Attributes:
        profile: float array of shape (H,), the mean over the training days of each hour, once `fit` has been called.
    """

    profile: np.ndarray

    def fit(self, days: np.ndarray) -> AverageDay:
        """The model itself, after it has set `self.profile` from days of shape (D, H)."""
        # YOUR CODE HERE
        raise NotImplementedError("Task 5: the average day")

    def forward(self, count: int) -> np.ndarray:
        """The prediction for `count` days, a new float array of shape (count, H): the profile in each row."""
        # YOUR CODE HERE
        raise NotImplementedError("Task 5: the average day")
