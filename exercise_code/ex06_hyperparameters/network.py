"""Exercise 6: a classifier that is built from hyperparameters, with dropout."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from exercise_code.ex05_neural_networks.layers import Affine, Layer, ReLU, Tanh
from exercise_code.ex05_neural_networks.network import Network

from .layers import Dropout, LeakyReLU

ACTIVATIONS: dict[str, type[Layer]] = {"relu": ReLU, "leaky_relu": LeakyReLU, "tanh": Tanh}


class Classifier(Network):
    """Exercise 5's network with dropout, made from a dict of plain values. Such a dict can be saved beside the weights.

    Args:
        hparams: dict with
            "sizes": list of int, such as [3072, 128, 10]: how many numbers there are at the start, between the layers
                and at the end.
            "activation": "relu", "leaky_relu" or "tanh".
            "dropout": float, the rate of each dropout layer.
            "seed": int, for the weights at the start and for what is dropped.

    Attributes:
        layers, params: as in `Network`. All parameters are float32, which takes half the time of float64.
        hparams: dict, the argument.
    """

    def __init__(self, hparams: Mapping[str, Any]) -> None:
        self.hparams = dict(hparams)
        activation = self.hparams["activation"]
        init = "xavier" if activation == "tanh" else "he"
        super().__init__(self.hparams["sizes"], activation, self.hparams["seed"], init)
        for place, layer in enumerate(self.layers):
            for name, param in layer.params.items():
                layer.params[name] = self.params[f"{place}.{name}"] = param.astype(np.float32)

    def _build(self, sizes: list[int], activation: str, rng: np.random.Generator, init: str | float) -> list[Layer]:
        """The layers, a list: Affine, activation, Dropout, Affine, activation, Dropout, ..., Affine.

        `ACTIVATIONS` has the class of each activation. The rate of the dropout layers is in `self.hparams`; they are
        there even if it is 0, so that the names of the parameters do not depend on it. Every layer is an object of its
        own. Hand this one `rng` to all layers that take one, in order.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 6: the classifier")

    def train(self) -> None:
        """Nothing; from now on all dropout layers drop: their `training` is True."""
        # YOUR CODE HERE
        raise NotImplementedError("Task 6: the classifier")

    def eval(self) -> None:
        """Nothing; from now on no dropout layer drops anything: their `training` is False."""
        # YOUR CODE HERE
        raise NotImplementedError("Task 6: the classifier")
