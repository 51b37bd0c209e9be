"""Exercise 2, Tasks 5, 6 and 8: random variables, Bayes' rule, and the likelihood of a sample.

Functions without arguments return your answer for your numbers: 3, 0.375, Fraction(3, 8) or "3/8". Floats need four
significant digits.
"""

from __future__ import annotations

import numpy as np

from .parsing import Number
from .problems import own_problems


def expectation() -> Number:
    """The expectation of your random variable X."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 5: expectation and variance")


def variance() -> Number:
    """The variance of your random variable X."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 5: expectation and variance")


def variance_of_line() -> Number:
    """The variance of scale · X + shift, with your scale and shift."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 5: expectation and variance")


def alarm_rate() -> Number:
    """The probability that the alarm sounds for a part that is taken at random."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 6: Bayes' rule")


def fault_after_alarm() -> Number:
    """The probability that a part has a fault, if the alarm has sounded for it."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 6: Bayes' rule")


def fault_after_two_alarms() -> Number:
    """The probability that a part has a fault, if it was tested twice and the alarm has sounded both times.

    The two tests of a part are independent of each other, given that the part has a fault, and given that it has none.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 6: Bayes' rule")


def log_density(x: float | np.ndarray, mean: float, std: float) -> float | np.ndarray:
    """The natural logarithm of the normal distribution's density at x, for one number x or for each x of an array.

    Take the logarithm of the formula on paper first. The density itself becomes 0 in a computer where x is far from the
    mean, and its logarithm minus infinity.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 8: the likelihood")


def most_likely_mean() -> Number:
    """The mean of the normal distribution under which your sample is most likely."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 8: the likelihood")


def most_likely_variance() -> Number:
    """The variance (the square of std) of the normal distribution under which your sample is most likely."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 8: the likelihood")
