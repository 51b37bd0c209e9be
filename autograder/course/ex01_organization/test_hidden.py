"""The hidden tests of exercise 1: what the visible tests ask for, on fresh inputs."""

import numpy as np

from exercise_code.common.testing import assert_same, grade, items
from exercise_code.ex01_organization.test_visible import (
    distances,
    fahrenheit,
    fahrenheit_and_input,
    means,
    predictions,
    relative,
    relative_and_input,
    what_fit_returns,
)


def days_of(rng, days, hours):
    return np.round(rng.normal(12, 8, (days, hours)), 1)


@grade("to_fahrenheit")
def test_degrees_of_any_shape(observe, reference, rng):
    """Arrays of any shape, also a single number in an array, keep their shape."""
    for shape in ((1,), (7,), (3, 4), (2, 3, 2)):
        celsius = np.round(rng.normal(10, 15, shape), 1)
        assert_same(observe(fahrenheit, celsius), reference(fahrenheit, celsius))


@grade("to_fahrenheit")
def test_random_degrees_stay_as_they_are(observe, rng):
    """The array that came in is not changed, and another one comes back."""
    celsius = np.round(rng.normal(10, 15, 9), 1)
    got, left = items(observe(fahrenheit_and_input, celsius), 2, "an array, and the one that came in")
    assert_same(got, 1.8 * celsius + 32)
    assert_same(left, celsius)


@grade("daily_means")
def test_means_of_random_days(observe, reference, rng):
    """Any number of days and hours, also one of either, has a mean for each day."""
    for shape in ((5, 24), (1, 24), (24, 24), (6, 1)):
        table = days_of(rng, *shape)
        assert_same(observe(means, table), reference(means, table))


@grade("relative_to_mean")
def test_random_days_and_their_means(observe, reference, rng):
    """Any number of days and hours, also as many of one as of the other."""
    for shape in ((5, 24), (1, 24), (9, 9), (4, 1)):
        table = days_of(rng, *shape)
        assert_same(observe(relative, table), reference(relative, table))


@grade("relative_to_mean")
def test_random_days_stay_as_they_are(observe, reference, rng):
    """The array that came in is not changed, and another one comes back."""
    table = days_of(rng, 3, 5)
    got, left = items(observe(relative_and_input, table), 2, "an array, and the one that came in")
    assert_same(got, reference(relative, table))
    assert_same(left, table)


@grade("distances")
def test_distances_of_random_days(observe, reference, rng):
    """Any number of days and hours, also as many of one as of the other."""
    for shape in ((6, 24), (1, 24), (8, 8), (5, 1)):
        table, day = days_of(rng, *shape), days_of(rng, 1, shape[1])[0]
        assert_same(observe(distances, table, day), reference(distances, table, day))


@grade("distances")
def test_distances_of_many_days(observe, reference, rng):
    """Twenty thousand days are no trouble."""
    table = days_of(rng, 20_000, 4)
    assert_same(observe(distances, table, table[7]), reference(distances, table, table[7]))


@grade("average_day")
def test_profiles_of_random_days(observe, reference, rng):
    """The profile is the mean of each hour, also of a single day; fit returns the model."""
    for shape in ((5, 24), (1, 24), (7, 7)):
        table = days_of(rng, *shape)
        assert_same(observe(what_fit_returns, table), reference(what_fit_returns, table))


@grade("average_day")
def test_predictions_for_any_number_of_days(observe, reference, rng):
    """forward gives the profile for as many days as are asked for."""
    table = days_of(rng, 6, 24)
    for count in (1, 2, 24):
        assert_same(observe(predictions, table, count), reference(predictions, table, count))
