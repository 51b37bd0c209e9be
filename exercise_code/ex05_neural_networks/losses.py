"""Exercise 5, notebook 2: the loss of a classifier with many classes."""

from __future__ import annotations

import numpy as np

from exercise_code.ex04_solver.losses import Loss


def require_labels(scores: np.ndarray, labels: np.ndarray) -> None:
    """Nothing; raises a ValueError unless there is one label for each row of scores. Given: nothing to do here.

    Without it numpy takes a column of labels, (N, 1), for N rows of places, and picks N times too many scores.
    """
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"expected scores of shape (N, C) and labels of shape (N,), got {scores.shape} and {labels.shape}"
        )


class SoftmaxCrossEntropy(Loss):
    """The cross-entropy of softmax probabilities, for scores (N, C) and the right class of each sample, int (N,)."""

    def forward(self, scores: np.ndarray, labels: np.ndarray) -> float:
        """The mean over the N samples of -log p, a float, where p is the softmax probability of the right class:

            p = exp(s[label]) / sum over all classes c of exp(s[c])

        exp(1000) is too large for a float, and the logarithm of a probability that has become 0 is minus infinity. So
        subtract the largest score of each row first, and write the logarithm of the fraction as a difference:

            -log p = log(sum over c of exp(s[c] - m)) - (s[label] - m)        with m = max over c of s[c]

        Right for scores of any size, without a warning. Labels of another shape raise a ValueError: `require_labels`
        does that.

        Args:
            scores: float array of shape (N, C). It must not be changed.
            labels: int array of shape (N,), each from 0 to C - 1.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 7: softmax and cross-entropy")

    def backward(self, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The gradient of `forward` for the scores, a new array of shape (N, C).

        For each sample it is its softmax probabilities, minus 1 at the right class, and all that divided by N: each
        sample is one of N in the mean. Scores of any size and labels of another shape are treated as in `forward`.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 7: softmax and cross-entropy")
