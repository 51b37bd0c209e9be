"""Exercise 6: which settings to try."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Setting = dict[str, Any]


def learning_rates(low: float, high: float, count: int) -> list[float]:
    """So many learning rates from low to high, both included, each the same number of times as large as the one before.

    They are evenly spaced on a logarithmic scale: for low = 0.001, high = 1 and count = 4 it is 0.001, 0.01, 0.1, 1.

    Args:
        low, high: float, larger than 0; low is the smaller one.
        count: int, 2 or more.
    """
    ### TASK scales
    ### BEGIN SOLUTION
    return [float(rate) for rate in np.geomspace(low, high, count)]
    ### END SOLUTION


class Scale:
    """Where the values of one setting come from in a random search."""

    def sample(self, rng: np.random.Generator) -> Any:
        """One value, drawn with `rng`."""
        raise NotImplementedError


class Uniform(Scale):
    """Numbers from low to high, each range of the same length equally likely: for a rate of dropout, say. Given."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def sample(self, rng: np.random.Generator) -> float:
        """A float from low to high."""
        return float(rng.uniform(self.low, self.high))


class Choice(Scale):
    """One of several values, all equally likely: for the activation or the sizes of the layers, say. Given."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def sample(self, rng: np.random.Generator) -> Any:
        """One of the values."""
        return self.values[int(rng.integers(len(self.values)))]


class LogUniform(Scale):
    """Numbers from low to high whose logarithm is uniform: for a learning rate, say."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def sample(self, rng: np.random.Generator) -> float:
        """A float from low to high: from 0.001 to 0.01 as often as from 0.01 to 0.1.

        Its logarithm is uniform between the logarithms of low and high; one number from `rng` is enough.
        """
        ### TASK scales
        ### BEGIN SOLUTION
        return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        ### END SOLUTION


def grid(space: Mapping[str, Sequence[Any]]) -> list[Setting]:
    """All combinations of the values, a list of dicts with the keys of `space`.

    {"lr": [0.1, 0.01], "dropout": [0, 0.5]} has four: {"lr": 0.1, "dropout": 0}, {"lr": 0.1, "dropout": 0.5}, ...
    The order of the list does not matter.

    Args:
        space: dict from names to the values to try.
    """
    ### TASK search
    ### BEGIN SOLUTION
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
    ### END SOLUTION


def random_settings(space: Mapping[str, Scale], count: int, rng: np.random.Generator) -> list[Setting]:
    """So many settings drawn at random, a list of dicts with the keys of `space`.

    Every value of every setting is a draw of its own: `scale.sample(rng)`.

    Args:
        space: dict from names to scales.
        count: int, how many settings.
    """
    ### TASK search
    ### BEGIN SOLUTION
    return [{name: scale.sample(rng) for name, scale in space.items()} for _ in range(count)]
    ### END SOLUTION


def search(evaluate: Callable[[Setting], float], settings: Iterable[Setting]) -> list[tuple[float, Setting]]:
    """The value of each setting with the setting, the largest value first. Given: nothing to do here."""
    results = [(evaluate(setting), setting) for setting in settings]
    return sorted(results, key=lambda result: -result[0])
