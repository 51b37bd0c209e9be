"""Exercise 2, Tasks 2 and 4: matrix calculus and the chain rule.

Functions without arguments return your answer for your numbers, typed in any form: 3, 0.375, "3/8", [1, 2], an array.
"""

from __future__ import annotations

import numpy as np

from .parsing import Numbers
from .problems import own_problems


def gradient_of_squares() -> Numbers:
    """The gradient of ‖Xw - y‖² with respect to w, at your w: shape (2,)."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 2: gradients with matrices")


def hessian_of_squares() -> Numbers:
    """The second derivatives of ‖Xw - y‖² with respect to w: shape (2, 2), row i and column j for w_i and w_j."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 2: gradients with matrices")


def gradient_of_quadratic_form(M: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The gradient of xᵀMx with respect to x, for any square matrix M of shape (n, n) and any x of shape (n,).

    Returns an array of shape (n,). M need not be symmetric. Write the sum over all M_ij x_i x_j: x_k appears in it
    twice, once as x_i and once as x_j.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 2: gradients with matrices")


def chain_gradients() -> Numbers:
    """The derivatives of your L with respect to w1, w2, b and x, four numbers in this order.

    The forward pass is h = w1 x, a = h², o = w2 a + b, L = (o - t)².
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 4: the chain rule")


def fork_gradients() -> Numbers:
    """The derivatives of your f with respect to p and q, two numbers in this order.

    The forward pass is s = p + q, m = p q, f = s m: p and q reach f in two ways.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 4: the chain rule")
