"""Exercise 5, notebook 1: examples of an affine layer's gradients, written before its code."""

from __future__ import annotations

from typing import Any


def affine_examples() -> list[dict[str, Any]]:
    """Examples of gradients, a list of dicts, worked out by hand. Each dict has five entries.

        "of":       "x", "weight" or "bias": what the gradient is for
        "x":        a list of rows, one for each sample, such as [[1.0, 2.0], [0.0, 3.0]]
        "weight":   a list of rows, one for each input number
        "dout":     a list of rows, one for each sample: the gradient that arrives for the output x @ weight + bias
        "gradient": the gradient that backward should find, in the shape of what it is for

    The bias needs no entry of its own: no gradient depends on it. Give at least three examples, one or more for each
    of "x", "weight" and "bias", and at most 20; no list has more than 50 numbers.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 1: examples")
