"""Exercise 4, notebook 1: examples of what losses should be, written before their code."""

from __future__ import annotations

from typing import Any


def loss_examples() -> list[dict[str, Any]]:
    """Examples of losses, a list of dicts, worked out by hand. Each dict has four entries.

        "loss":        "l1" or "mse"
        "predictions": a list of rows of numbers, such as [[1.0], [4.0]]
        "targets":     the same with as many rows and columns
        "value":       the loss, a number, off by less than 0.001

    Give at least four examples, two or more for each loss, and at most 20; each has at most 50 numbers in predictions
    and targets together.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 2: examples first")
