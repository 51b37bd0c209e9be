"""Exercise 4, notebook 2: a logistic classifier, which predicts probabilities."""

from __future__ import annotations

import numpy as np


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)) for each entry, a new array of the shape of z with values from 0 to 1.

    Right for every float, without a warning: exp(1000) is too large for a float, so no exponential of a large positive
    number may be computed. For negative z use that the same value is exp(z) / (1 + exp(z)).

    Args:
        z: float array of any shape. It must not be changed.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 7: the sigmoid")


class Classifier:
    """The probability of class 1: sigmoid(X @ weight + bias).

    Args and attributes are those of `LinearModel`: `params` is a dict with "weight", shape (D, 1), and "bias", shape
    (1,).
    """

    def __init__(self, num_features: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.params = {"weight": 0.01 * rng.normal(size=(num_features, 1)), "bias": np.zeros(1)}

    def forward(self, X: np.ndarray) -> np.ndarray:
        """The probabilities of class 1 for X of shape (N, D), an array of shape (N, 1).

        Keeps in `self` what `backward` will need.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 8: the classifier")

    def backward(self, dout: np.ndarray) -> dict[str, np.ndarray]:
        """The gradients of a loss for the parameters, a new dict with the keys and the shapes of `self.params`.

        The sigmoid's slope at a probability p is p (1 - p). So first

            dz[i] = dout[i] * p[i] * (1 - p[i])

        with the probabilities of the last call of `forward`; the rest is as in `LinearModel`, with dz for dout.

        Args:
            dout: array of shape (N, 1), the gradient of the loss for the probabilities. It must not be changed.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 8: the classifier")
