"""Exercise 4: houses become good input for a model."""

from __future__ import annotations

import numpy as np


class Standardizer:
    """A map that gives each column mean 0 and standard deviation 1. It learns from the training data alone.

    Attributes, after `fit`:
        mean: float array of shape (D,), the mean of each column.
        std: float array of shape (D,), the standard deviation of each column; 1 where it is 0.
    """

    mean: np.ndarray
    std: np.ndarray

    def fit(self, X: np.ndarray) -> Standardizer:
        """The standardizer itself, after it has set `self.mean` and `self.std` from the columns of X.

        Entries that are NaN (nothing is known) do not count: numpy has functions that skip them. A column whose values
        are all the same has the standard deviation 0; set 1, so that nothing is divided by 0.

        Args:
            X: float array of shape (N, D). It must not be changed.
        """
        ### TASK standardize
        ### BEGIN SOLUTION
        self.mean = np.nanmean(X, axis=0)
        std = np.nanstd(X, axis=0)
        self.std = np.where(std == 0, 1, std)
        return self
        ### END SOLUTION

    def transform(self, X: np.ndarray) -> np.ndarray:
        """The standardised X, a new float array of the same shape without any NaN.

        Each entry becomes (x - mean) / std with the mean and the std that `fit` has found, whatever is in this X. An
        entry that is NaN becomes 0, as if it were the mean.

        Args:
            X: float array of shape (M, D), training data or other. It must not be changed.
        """
        ### TASK standardize
        ### BEGIN SOLUTION
        return np.nan_to_num((X - self.mean) / self.std)
        ### END SOLUTION
