"""Exercise 5, notebook 2: a network of any number of layers."""

from __future__ import annotations

import itertools

import numpy as np

from .layers import Affine, Layer, ReLU, Sigmoid, Tanh

ACTIVATIONS: dict[str, type[Layer]] = {"relu": ReLU, "sigmoid": Sigmoid, "tanh": Tanh}


class Network:
    """Affine layers in a row, with an activation after each but the last. Exercise 4's `Solver` can train it.

    Args:
        sizes: list of int, how many numbers a sample has at the start, between the layers and at the end:
            [3072, 100, 10] makes two affine layers, from 3072 numbers to 100, and from 100 to 10.
        activation: "relu", "sigmoid" or "tanh".
        seed: int; two networks with one seed start with the same weights.
        init: how large the weights are at the start, as `Affine` takes it.

    Attributes:
        layers: list of layers, in the order in which data goes through them.
        params: dict of all parameters, the same arrays that the layers hold. Each name begins with its layer's place
            in `layers`: "0.weight", "0.bias", "2.weight", "2.bias" (layer 1 is an activation, which has none).
    """

    def __init__(self, sizes: list[int], activation: str = "relu", seed: int = 0, init: str | float = "he") -> None:
        self.layers = self._build(sizes, activation, np.random.default_rng(seed), init)
        self.params: dict[str, np.ndarray] = {}
        for place, layer in enumerate(self.layers):
            for name, param in layer.params.items():
                self.params[f"{place}.{name}"] = param

    def _build(self, sizes: list[int], activation: str, rng: np.random.Generator, init: str | float) -> list[Layer]:
        """The layers, a list: Affine, activation, Affine, activation, ..., Affine.

        Every layer is an object of its own: each remembers what went through it. `ACTIVATIONS` has the class of each
        activation. Make the affine layers in order, with this one `rng` for all of them.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 6: the network")

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The output of the last layer for x, an array of shape (N, sizes[-1]); x has the shape (N, sizes[0])."""
        # YOUR CODE HERE
        raise NotImplementedError("Task 6: the network")

    def backward(self, dout: np.ndarray) -> dict[str, np.ndarray]:
        """The gradients of the loss for all parameters, a new dict with the names of `self.params`.

        Each layer's `backward` takes the gradient for its output and gives that for its input, which is the output of
        the layer before. The gradients of a layer's parameters are then in its `grads`.

        Args:
            dout: array of shape (N, sizes[-1]), the gradient of the loss for the output of the last `forward`.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 6: the network")
