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
    ### TASK loss_examples
    ### BEGIN SOLUTION
    return [
        {"loss": "l1", "predictions": [[3.0], [1.0]], "targets": [[1.0], [4.0]], "value": 2.5},
        {"loss": "l1", "predictions": [[5.0]], "targets": [[5.0]], "value": 0.0},
        {"loss": "l1", "predictions": [[1.0, -2.0], [0.0, 4.0]], "targets": [[0.0, 2.0], [0.0, 1.0]], "value": 2.0},
        {"loss": "mse", "predictions": [[3.0], [1.0]], "targets": [[1.0], [4.0]], "value": 6.5},
        {"loss": "mse", "predictions": [[0.5]], "targets": [[0.0]], "value": 0.25},
        {"loss": "mse", "predictions": [[1.0, -2.0], [0.0, 4.0]], "targets": [[0.0, 2.0], [0.0, 1.0]], "value": 6.5},
    ]
    ### END SOLUTION
