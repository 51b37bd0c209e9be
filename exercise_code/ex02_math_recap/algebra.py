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
    # YOUR CODE HERE
    raise NotImplementedError("Task 1: vectors and matrices")


def length() -> Number:
    """The length of your vector u."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 1: vectors and matrices")


def matrix_product() -> Numbers:
    """The product A B of your matrices: shape (2, 2)."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 1: vectors and matrices")


def inverse() -> Numbers:
    """The inverse of your matrix S: shape (2, 2). S times it is the identity."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 1: vectors and matrices")
