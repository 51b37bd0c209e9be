"""Numbers to hold your own against. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def numeric_gradient(function: Callable[[np.ndarray], float], x: np.ndarray, distance: float = 1e-5) -> np.ndarray:
    """The gradient of `function` at x, measured: how its value changes when one entry of x moves a little.

    Two values for each entry make this slow, and right for any function. x is as it was afterwards.
    """
    gradient = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        before = x[place]
        x[place] = before + distance
        above = function(x)
        x[place] = before - distance
        below = function(x)
        x[place] = before
        gradient[place] = (above - below) / (2 * distance)
    return gradient


def compare(name: str, got: object, want: object) -> None:
    """Print whether two values are equal, with both where they are not."""
    print(f"{'✓' if got == want else '✗'} {name}: {got}" + ("" if got == want else f", expected {want}"))
