"""Exercise 2, Task 9: cross-entropies and the softmax.

Functions without arguments return your answer for your numbers. Logarithms are natural ones; four significant digits
are enough.
"""

from __future__ import annotations

import numpy as np

from .parsing import Number
from .problems import own_problems


def binary_cross_entropy() -> Number:
    """The mean binary cross-entropy of your three predictions, probabilities of class 1, and their targets."""
    ### TASK cross_entropy
    ### BEGIN SOLUTION
    own = own_problems().entropy
    costs = [-np.log(float(p if t == 1 else 1 - p)) for p, t in own.pairs]
    return sum(costs) / len(costs)
    ### END SOLUTION


def cross_entropy() -> Number:
    """The cross-entropy of your three logits, after a softmax, and your label. Labels count from 0."""
    ### TASK cross_entropy
    ### BEGIN SOLUTION
    own = own_problems().entropy
    return np.log(sum(own.exponentials)) - np.log(own.exponentials[own.label])
    ### END SOLUTION


def softmax(z: np.ndarray) -> np.ndarray:
    """The probabilities exp(z_i) / (exp(z_1) + ... + exp(z_n)), for logits z of shape (n,): a new array of that shape.

    Logits may be large, such as 1000, where exp(z) is infinity. Subtracting the same number from all of them does not
    change the probabilities: subtract the largest first.
    """
    ### TASK cross_entropy
    ### BEGIN SOLUTION
    powers = np.exp(z - z.max())
    return powers / powers.sum()
    ### END SOLUTION


def softmax_jacobian(z: np.ndarray) -> np.ndarray:
    """The derivatives of the softmax, for logits z of shape (n,): an array of shape (n, n).

    Row i and column j hold the derivative of the probability p_i with respect to the logit z_j: how p_i changes when
    z_j grows.
    """
    ### TASK cross_entropy
    ### BEGIN SOLUTION
    p = softmax(z)
    return np.diag(p) - np.outer(p, p)
    ### END SOLUTION
