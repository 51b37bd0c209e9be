"""Exercise 5, notebook 1: layers, each with a way forward and a way back."""

from __future__ import annotations

import numpy as np

from exercise_code.ex04_solver.classifier import sigmoid

from .initialisation import init_scale


class Layer:
    """What each layer can do. Given: nothing to do here.

    Attributes:
        params: dict of the arrays that training changes; empty for a layer that has none.
        grads: dict with the gradient of each parameter under the same name, once `backward` has been called.
    """

    def __init__(self) -> None:
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The output for x, a new array. Keeps in `self` what `backward` will need; x stays as it is."""
        raise NotImplementedError

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """The gradient of the loss for the x of the last call of `forward`, a new array of its shape.

        Args:
            dout: the gradient of the loss for the layer's output, in the output's shape. It must not be changed.
        """
        raise NotImplementedError


class Affine(Layer):
    """Weighted sums of the inputs, plus a bias: x @ weight + bias.

    Args:
        num_in: int, D, how many numbers a sample has.
        num_out: int, K, how many sums are made of them.
        rng: the generator that draws the weights at the start.
        init: how large they are: a standard deviation such as 0.01, or a name that `init_scale` knows. You write that
            function in notebook 2; until then give a number.

    Attributes:
        params: dict with "weight", shape (D, K), and "bias", shape (K,).
    """

    def __init__(self, num_in: int, num_out: int, rng: np.random.Generator, init: str | float = "he") -> None:
        super().__init__()
        scale = init_scale(num_in, num_out, init) if isinstance(init, str) else init
        self.params = {"weight": scale * rng.normal(size=(num_in, num_out)), "bias": np.zeros(num_out)}

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The output for x of shape (N, D), an array of shape (N, K)."""
        ### TASK affine
        ### BEGIN SOLUTION
        self._x = x
        return x @ self.params["weight"] + self.params["bias"]
        ### END SOLUTION

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """The gradient for x, an array of shape (N, D); those of the parameters are in `self.grads` afterwards.

        Every output is a sum, so every gradient is one, too:

            dx[n, d]      = sum over k of dout[n, k] * weight[d, k]
            dweight[d, k] = sum over n of x[n, d] * dout[n, k]
            dbias[k]      = sum over n of dout[n, k]

        Each is a product of matrices or a sum over an axis. `self.grads` gets "weight" and "bias", in the shapes of
        the parameters; gradients of an earlier call are replaced, not added to. Parameters stay as they are.

        Args:
            dout: array of shape (N, K). It must not be changed.
        """
        ### TASK affine
        ### BEGIN SOLUTION
        self.grads = {"weight": self._x.T @ dout, "bias": dout.sum(axis=0)}
        return dout @ self.params["weight"].T
        ### END SOLUTION


class ReLU(Layer):
    """The larger of x and 0, for each entry."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """max(x, 0) for each entry, a new array of the shape of x."""
        ### TASK activations
        ### BEGIN SOLUTION
        self._positive = x > 0
        return np.maximum(x, 0)
        ### END SOLUTION

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """The gradient for x: dout where x was larger than 0, and 0 elsewhere, also where x was 0."""
        ### TASK activations
        ### BEGIN SOLUTION
        return dout * self._positive
        ### END SOLUTION


class Sigmoid(Layer):
    """1 / (1 + exp(-x)), for each entry: from 0 to 1."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The sigmoid of each entry, a new array of the shape of x. You wrote the function in exercise 4: `sigmoid`."""
        ### TASK activations
        ### BEGIN SOLUTION
        self._out = sigmoid(x)
        return self._out
        ### END SOLUTION

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """The gradient for x: dout times the slope, which is s (1 - s) where the sigmoid was s."""
        ### TASK activations
        ### BEGIN SOLUTION
        return dout * self._out * (1 - self._out)
        ### END SOLUTION


class Tanh(Layer):
    """The hyperbolic tangent, for each entry: from -1 to 1."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """np.tanh of each entry, a new array of the shape of x."""
        ### TASK activations
        ### BEGIN SOLUTION
        self._out = np.tanh(x)
        return self._out
        ### END SOLUTION

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """The gradient for x: dout times the slope, which is 1 - t^2 where the tangent was t."""
        ### TASK activations
        ### BEGIN SOLUTION
        return dout * (1 - self._out**2)
        ### END SOLUTION
