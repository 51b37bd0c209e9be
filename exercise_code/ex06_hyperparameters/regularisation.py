"""Exercise 6: two ways to keep weights small."""

from __future__ import annotations

import numpy as np

from exercise_code.ex05_neural_networks.optimizers import Adam


def is_weight(name: str) -> bool:
    """True for the name of a weight matrix, such as "3.weight"; False for that of a bias. Given: nothing to do here."""
    return name.rpartition(".")[2] == "weight"


def l2_penalty(params: dict[str, np.ndarray], strength: float) -> float:
    """What is added to the loss so that large weights cost something, a float:

        strength / 2 * (sum of the squares of all entries of all weights)

    Biases cost nothing: `is_weight` tells the two apart by their names.

    Args:
        params: dict from the names of the parameters to their arrays, such as `network.params`.
        strength: float, how much a weight costs; 0 for nothing.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 7: L2 regularisation")


def add_l2_gradients(
    grads: dict[str, np.ndarray], params: dict[str, np.ndarray], strength: float
) -> dict[str, np.ndarray]:
    """The gradients of loss + `l2_penalty`, a new dict with the names of `grads`.

    Args:
        grads: dict with the gradient of the loss for each parameter. Its arrays must not be changed.
        params, strength: as in `l2_penalty`.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 7: L2 regularisation")


class AdamW(Adam):
    """Adam with weight decay: in each step weights also shrink by a share of their own.

    Args:
        weight_decay: float; a weight shrinks by the share learning_rate * weight_decay of itself in each step.

    Source: Loshchilov and Hutter (2019).
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon)
        self.weight_decay = weight_decay

    def _update(self, name: str, param: np.ndarray, grad: np.ndarray) -> None:
        """Nothing; changes `param` in place:

            param = param - learning_rate * weight_decay * param        for weights alone, not for biases
            and then Adam's own step with `grad`

        The decay never meets Adam's running means: they see the gradient of the loss, and nothing else.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 8: AdamW")
