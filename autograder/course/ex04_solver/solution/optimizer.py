"""Exercise 4, notebook 1: optimizers, which turn gradients into better parameters."""

from __future__ import annotations

import numpy as np


class Optimizer:
    """A rule that improves parameters. A subclass says in `_update` how it changes one of them."""

    def step(self, params: dict[str, np.ndarray], grads: dict[str, np.ndarray]) -> None:
        """Nothing; calls `self._update(name, param, grad)` once for each parameter in `params`.

        Args:
            params: dict from the names of the parameters to their arrays. `_update` changes these arrays themselves;
                the dict keeps the same ones.
            grads: dict with the gradient of each parameter under the same name. The order of its keys may differ.
        """
        ### TASK optimizer
        ### BEGIN SOLUTION
        for name, param in params.items():
            self._update(name, param, grads[name])
        ### END SOLUTION

    def _update(self, name: str, param: np.ndarray, grad: np.ndarray) -> None:
        """Nothing; changes `param` in place. The name tells parameters apart where a rule remembers something."""
        raise NotImplementedError


class SGD(Optimizer):
    """Gradient descent: a step against the gradient; the learning rate sets how long it is."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate

    def _update(self, name: str, param: np.ndarray, grad: np.ndarray) -> None:
        """Nothing; subtracts learning_rate * grad from `param`, in place.

        In place, because others hold the same array: the model computes with it. `param = param - ...` makes a new
        array that nobody else sees. `grad` stays as it is.
        """
        ### TASK optimizer
        ### BEGIN SOLUTION
        param -= self.learning_rate * grad
        ### END SOLUTION
