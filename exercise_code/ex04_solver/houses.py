"""Which houses are cheap or expensive, and which are for training. Given: nothing to fill in here."""

from __future__ import annotations

import numpy as np


def cheap_or_expensive(prices: np.ndarray, train_prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which houses are clearly cheap or expensive, a bool array (N,), and their classes, floats (K, 1).

    Cheap, class 0, is a price below the 30th percentile of the training prices, expensive, class 1, one above the 70th.
    What lies between is left out. The limits come from the training prices for every split.
    """
    low, high = np.percentile(train_prices, [30, 70])
    keep = (prices < low) | (prices > high)
    return keep, (prices[keep] > high).astype(float).reshape(-1, 1)


def split(count: int, seed: int, val: float = 0.2, test: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the samples for training, validation and test, three arrays, drawn at random.

    Each of the numbers 0 ... count-1 is in one of them.
    """
    order = np.random.default_rng(seed).permutation(count)
    num_val, num_test = round(val * count), round(test * count)
    return order[num_val + num_test :], order[:num_val], order[num_val : num_val + num_test]
