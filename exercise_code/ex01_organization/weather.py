"""Temperatures to work with, made up: one row a day, one column an hour. Given: nothing to fill in here."""

from __future__ import annotations

import numpy as np

__all__ = ["HOURS", "make_temperatures"]

HOURS = 24


def make_temperatures(days: int, seed: int = 0) -> np.ndarray:
    """Hourly temperatures in degrees Celsius, a float array of shape (days, 24), rounded to tenths.

    Cold before sunrise, warm in the afternoon, warmer and colder weeks, and some chance.
    """
    rng = np.random.default_rng(seed)
    hours = np.arange(HOURS)
    daily = 4.5 * np.sin(2 * np.pi * (hours - 9) / HOURS)
    weather = 14 + 3 * np.sin(2 * np.pi * np.arange(days) / 23) + rng.normal(0, 1.5, days)
    return np.round(weather[:, None] + daily + rng.normal(0, 0.6, (days, HOURS)), 1)
