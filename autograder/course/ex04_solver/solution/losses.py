"""Exercise 4: losses, numbers that say how wrong predictions are, and their gradients."""

from __future__ import annotations

import numpy as np

# How close to 0 or 1 a probability may come before its logarithm is taken.
EPSILON = 1e-12


def require_same_shape(predictions: np.ndarray, targets: np.ndarray) -> None:
    """Nothing; raises a ValueError unless both arrays have the same shape. Given: nothing to do here."""
    # numpy would stretch shapes that nearly fit: (N, 1) minus (N,) is (N, N), every prediction minus every target.
    if predictions.shape != targets.shape:
        raise ValueError(
            f"expected predictions and targets of one shape, got {predictions.shape} and {targets.shape}: "
            "reshape(-1, 1) makes a column of an array"
        )


class Loss:
    """What each loss can do. Given: nothing to do here.

    Predictions and targets are arrays of one shape, such as (N, 1), and must not be changed. Shapes that differ raise a
    ValueError, in `forward` and in `backward`: `require_same_shape` does that.
    """

    def forward(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The loss, a float: the mean over all entries of the arrays."""
        raise NotImplementedError

    def backward(self, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The gradient of `forward` for the predictions, an array of their shape."""
        raise NotImplementedError


class L1Loss(Loss):
    """The mean absolute error."""

    def forward(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The mean of |p - t| over all n entries, a float."""
        ### TASK losses_regression
        ### BEGIN SOLUTION
        require_same_shape(predictions, targets)
        return float(np.abs(predictions - targets).mean())
        ### END SOLUTION

    def backward(self, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The gradient, a new array of the predictions' shape.

        The slope of |p - t| is 1 where p is larger and -1 where p is smaller. At the kink, p = t, there is no slope;
        take 0. Each entry is one of n in the mean, so its share of the slope is 1/n.
        """
        ### TASK losses_regression
        ### BEGIN SOLUTION
        require_same_shape(predictions, targets)
        return np.sign(predictions - targets) / predictions.size
        ### END SOLUTION


class MSELoss(Loss):
    """The mean squared error."""

    def forward(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The mean of (p - t)^2 over all n entries, a float."""
        ### TASK losses_regression
        ### BEGIN SOLUTION
        require_same_shape(predictions, targets)
        return float(np.square(predictions - targets).mean())
        ### END SOLUTION

    def backward(self, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The gradient, a new array of the predictions' shape: the derivative of (p - t)^2 / n for each p."""
        ### TASK losses_regression
        ### BEGIN SOLUTION
        require_same_shape(predictions, targets)
        return 2 * (predictions - targets) / predictions.size
        ### END SOLUTION


class BCELoss(Loss):
    """The binary cross-entropy, for predictions that are probabilities and targets that are 0 or 1."""

    def forward(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The mean of -(t ln p + (1 - t) ln(1 - p)) over all n entries, a float.

        ln is the natural logarithm, and ln(0) is minus infinity: first move the predictions into the range from
        EPSILON to 1 - EPSILON.
        """
        ### TASK loss_bce
        ### BEGIN SOLUTION
        require_same_shape(predictions, targets)
        p = np.clip(predictions, EPSILON, 1 - EPSILON)
        return float(-(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean())
        ### END SOLUTION

    def backward(self, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The gradient, a new array of the predictions' shape: (p - t) / (p (1 - p)) / n for each prediction p.

        It is finite for predictions of 0 and 1, too, if p has been moved into the range of `forward`.
        """
        ### TASK loss_bce
        ### BEGIN SOLUTION
        require_same_shape(predictions, targets)
        p = np.clip(predictions, EPSILON, 1 - EPSILON)
        return (p - targets) / (p * (1 - p)) / predictions.size
        ### END SOLUTION
