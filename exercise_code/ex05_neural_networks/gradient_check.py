"""Exercise 5, notebook 1: gradients from differences, which check those from formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def numeric_gradient(
    f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, dout: np.ndarray, h: float = 1e-5
) -> np.ndarray:
    """The gradient of sum(dout * f(x)) for x, a new array of the shape of x, from central differences:

        gradient[i] = sum(dout * (f(x with x[i] + h) - f(x with x[i] - h))) / (2 h)

    for each entry i. Move the entry in x itself, call f(x), and put the old value back in the end, exactly. No copies:
    x may be the weights of a layer, and f the layer's forward, which computes with them.

    Args:
        f: function of an array, returns a new array of any shape.
        x: float array of any shape. After the call it has the values that it had before.
        dout: array of the shape of f(x), the gradient that arrives for each of its entries.
        h: float, how far an entry is moved.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 2: gradient check")


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """How far two arrays are apart, a float from 0 (equal) to 1: the largest over all entries of

        |a - b| / (|a| + |b|)

    Where both entries are 0 there is nothing to divide by, and the error is 0: divide by 1e-12 at least.

    Args:
        a, b: float arrays of the same shape. They must not be changed.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 2: gradient check")
