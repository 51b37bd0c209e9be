"""Exercise 4, notebook 1: a linear model and the gradients of its parameters."""

from __future__ import annotations

import numpy as np


class LinearModel:
    """Predictions that are a weighted sum of the features, plus a bias: X @ weight + bias.

    Args:
        num_features: int, D, the number of columns of X.
        seed: int; two models with one seed start with the same weights.

    Attributes:
        params: dict of the arrays that training changes, "weight" of shape (D, 1) and "bias" of shape (1,).
    """

    def __init__(self, num_features: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.params = {"weight": 0.01 * rng.normal(size=(num_features, 1)), "bias": np.zeros(1)}

    def forward(self, X: np.ndarray) -> np.ndarray:
        """The predictions for X of shape (N, D), an array of shape (N, 1).

        Keeps in `self` what `backward` will need.
        """
        ### TASK linear_model
        ### BEGIN SOLUTION
        self._X = X
        return X @ self.params["weight"] + self.params["bias"]
        ### END SOLUTION

    def backward(self, dout: np.ndarray) -> dict[str, np.ndarray]:
        """The gradients of a loss for the parameters, a new dict with the keys and the shapes of `self.params`.

        With the X of the last call of `forward`:

            d loss / d weight[j] = sum over all samples i of dout[i] * X[i, j]
            d loss / d bias      = sum over all samples i of dout[i]

        Args:
            dout: array of shape (N, 1), the gradient of the loss for the predictions. It has the 1/N of the mean in it
                already.

        Leaves `self.params` and `dout` as they are: changing the parameters is the optimizer's business.
        """
        ### TASK linear_model
        ### BEGIN SOLUTION
        return {"weight": self._X.T @ dout, "bias": dout.sum(axis=0)}
        ### END SOLUTION
