"""Exercise 5, notebook 2: optimizers with a memory."""

from __future__ import annotations

import numpy as np

from exercise_code.ex04_solver.optimizer import Optimizer


class SGDMomentum(Optimizer):
    """Gradient descent like a heavy ball: the steps before push it on.

    Attributes:
        velocity: dict with an array for each parameter, under the parameter's name; empty at the start.
    """

    def __init__(self, learning_rate: float, momentum: float = 0.9) -> None:
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.velocity: dict[str, np.ndarray] = {}

    def _update(self, name: str, param: np.ndarray, grad: np.ndarray) -> None:
        """Nothing; changes `param` in place:

            v = momentum * v + grad
            param = param - learning_rate * v

        Each parameter has its own v, in `self.velocity` under its name; before the first step it is 0 everywhere.
        `grad` stays as it is.
        """
        ### TASK momentum
        ### BEGIN SOLUTION
        velocity = self.momentum * self.velocity.get(name, np.zeros_like(param)) + grad
        self.velocity[name] = velocity
        param -= self.learning_rate * velocity
        ### END SOLUTION


class Adam(Optimizer):
    """Momentum, with a step size for each entry that depends on how large its gradients have been.

    Attributes, each a dict with an entry for each parameter under the parameter's name, empty at the start:
        first: the running mean m of the gradients, an array.
        second: the running mean v of their squares, an array.
        steps: t, how many steps the parameter has taken, an int.

    Source: Kingma and Ba (2015).
    """

    def __init__(
        self, learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.learning_rate = learning_rate
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.first: dict[str, np.ndarray] = {}
        self.second: dict[str, np.ndarray] = {}
        self.steps: dict[str, int] = {}

    def _update(self, name: str, param: np.ndarray, grad: np.ndarray) -> None:
        """Nothing; changes `param` in place:

            t = t + 1
            m = beta1 * m + (1 - beta1) * grad
            v = beta2 * v + (1 - beta2) * grad^2
            param = param - learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

        Each parameter has its own m, v and t, in `self.first`, `self.second` and `self.steps`; all are 0 before its
        first step. The divisors correct a bias: m and v start at 0, and without them the first steps would be too
        small or too large. They change no m and no v that is kept. `grad` stays as it is.
        """
        ### TASK adam
        ### BEGIN SOLUTION
        t = self.steps.get(name, 0) + 1
        m = self.beta1 * self.first.get(name, np.zeros_like(param)) + (1 - self.beta1) * grad
        v = self.beta2 * self.second.get(name, np.zeros_like(param)) + (1 - self.beta2) * grad**2
        self.steps[name], self.first[name], self.second[name] = t, m, v
        mean, square = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        param -= self.learning_rate * mean / (np.sqrt(square) + self.epsilon)
        ### END SOLUTION
