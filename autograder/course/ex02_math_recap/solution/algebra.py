"""Exercise 2, Task 1: vectors and matrices.

Each function takes nothing and returns your answer for your numbers, which the notebook shows. A number may be an int,
a float, a `Fraction` or a text such as "3/8"; a matrix is a list of rows, [[1, 2], [3, 4]], or an array.
"""

from __future__ import annotations

import numpy as np

from .parsing import Number, Numbers
from .problems import own_problems


def dot_product() -> Number:
    """The dot product of your vectors u and v."""
    ### TASK matrices
    ### BEGIN SOLUTION
    own = own_problems().algebra
    return own.u @ own.v
    ### END SOLUTION


def length() -> Number:
    """The length of your vector u."""
    ### TASK matrices
    ### BEGIN SOLUTION
    own = own_problems().algebra
    return np.sqrt(np.sum(own.u**2))
    ### END SOLUTION


def matrix_product() -> Numbers:
    """The product A B of your matrices: shape (2, 2)."""
    ### TASK matrices
    ### BEGIN SOLUTION
    own = own_problems().algebra
    return own.A @ own.B
    ### END SOLUTION


def inverse() -> Numbers:
    """The inverse of your matrix S: shape (2, 2). S times it is the identity."""
    ### TASK matrices
    ### BEGIN SOLUTION
    (a, b), (c, d) = own_problems().algebra.S
    det = a * d - b * c
    return [[d / det, -b / det], [-c / det, a / det]]
    ### END SOLUTION
