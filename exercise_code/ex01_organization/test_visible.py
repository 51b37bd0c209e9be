"""The tests that `check` runs in the notebook of exercise 1."""

import numpy as np

from exercise_code.common.testing import Failure, assert_same, call, grade, items, wrong_type

# What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points.
SEEN = 0.1

# Rows with means that are easy to see: 2, 20 and 7.
TABLE = np.array([[1.0, 2.0, 3.0, 2.0], [10.0, 20.0, 30.0, 20.0], [7.0, 7.0, 7.0, 7.0]])


def fahrenheit(code, celsius):
    return code.first_steps.to_fahrenheit(celsius)


def fahrenheit_and_input(code, celsius):
    return [code.first_steps.to_fahrenheit(celsius), celsius]


def means(code, temperatures):
    return code.first_steps.daily_means(temperatures)


def relative(code, temperatures):
    return code.first_steps.relative_to_mean(temperatures)


def relative_and_input(code, temperatures):
    return [code.first_steps.relative_to_mean(temperatures), temperatures]


def distances(code, days, day):
    return code.first_steps.distances(days, day)


def what_fit_returns(code, days):
    """Whether `fit` returns the model itself, and the profile that it has set."""
    model = code.first_steps.AverageDay()
    return [model.fit(days) is model, model.profile]


def predictions(code, days, count):
    model = code.first_steps.AverageDay()
    model.fit(days)
    return model.forward(count)


def expect_shape(got, shape):
    """Fail unless an array of this shape came: who returns nothing changes nothing, either. Its values do not count."""
    if not isinstance(got, np.ndarray) or got.shape != shape:
        raise wrong_type(f"a numpy array of shape {shape}", got)


@grade("to_fahrenheit", weight=SEEN)
def test_degrees_that_everybody_knows(observe):
    """Water freezes at 32 and boils at 212 degrees Fahrenheit; −40 is the same in both."""
    celsius = np.array([0.0, 100.0, -40.0])
    with call("to_fahrenheit(np.array([0.0, 100.0, -40.0]))"):
        hints = {
            "32 is missing: it is added after the multiplication": 1.8 * celsius,
            "first multiply by 1.8, then add 32": 1.8 * (celsius + 32),
            "1.8 is 9 / 5, not 5 / 9": celsius / 1.8 + 32,
        }
        assert_same(observe(fahrenheit, celsius), np.array([32.0, 212.0, -40.0]), hints=hints)


@grade("to_fahrenheit", weight=SEEN)
def test_the_degrees_that_came_in_stay_as_they_are(observe):
    """to_fahrenheit leaves the array that came in as it is."""
    celsius = np.array([[20.0, 25.0]])
    with call("to_fahrenheit(np.array([[20.0, 25.0]]))"):
        got, left = items(observe(fahrenheit_and_input, celsius), 2, "an array, and the one that came in")
        expect_shape(got, celsius.shape)
    with call("the array that came in, after to_fahrenheit(np.array([[20.0, 25.0]]))"):
        assert_same(left, celsius, hint="`celsius *= 1.8` changes the array itself; write 1.8 * celsius")


@grade("daily_means", weight=SEEN)
def test_each_day_has_one_mean(observe):
    """For the days 1 2 3 2, 10 20 30 20 and 7 7 7 7 the means are 2, 20 and 7."""
    hints = {
        "this is the mean of each hour, over the days: the other axis": TABLE.mean(axis=0),
        "this is one mean of everything: name an axis": TABLE.mean(),
        "this is the sum of each day; divide by the number of hours, or use mean": TABLE.sum(axis=1),
        "the shape is to be (3,), not (3, 1): leave out keepdims": TABLE.mean(axis=1, keepdims=True),
    }
    with call("daily_means(an array of shape (3, 4))"):
        assert_same(observe(means, TABLE), np.array([2.0, 20.0, 7.0]), hints=hints)


@grade("relative_to_mean", weight=SEEN)
def test_each_hour_is_compared_with_its_own_day(observe):
    """For the days 1 2 3 2, 10 20 30 20 and 7 7 7 7 what is left is −1 0 1 0, −10 0 10 0 and 0 0 0 0."""
    want = np.array([[-1.0, 0.0, 1.0, 0.0], [-10.0, 0.0, 10.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    hints = {
        "this subtracts the mean of each hour; the mean of each day is wanted": TABLE - TABLE.mean(axis=0),
        "this subtracts one mean of everything": TABLE - TABLE.mean(),
        "the sign is turned round: temperature minus mean": -want,
    }
    with call("relative_to_mean(an array of shape (3, 4))"):
        assert_same(observe(relative, TABLE), want, hints=hints)


@grade("relative_to_mean", weight=SEEN)
def test_as_many_days_as_hours_are_no_special_case(observe):
    """An array of shape (2, 2), where a mean without keepdims would fit the wrong way round."""
    table = np.array([[1.0, 3.0], [10.0, 30.0]])
    hints = {"(2, 2) minus (2,) goes along the hours: keepdims=True keeps a column": table - table.mean(axis=1)}
    with call("relative_to_mean(np.array([[1.0, 3.0], [10.0, 30.0]]))"):
        assert_same(observe(relative, table), np.array([[-1.0, 1.0], [-10.0, 10.0]]), hints=hints)


@grade("relative_to_mean", weight=SEEN)
def test_the_temperatures_that_came_in_stay_as_they_are(observe):
    """relative_to_mean leaves the array that came in as it is."""
    table = np.array([[1.0, 3.0]])
    with call("relative_to_mean(np.array([[1.0, 3.0]]))"):
        got, left = items(observe(relative_and_input, table), 2, "an array, and the one that came in")
        expect_shape(got, table.shape)
    with call("the array that came in, after relative_to_mean(np.array([[1.0, 3.0]]))"):
        assert_same(left, table, hint="`-=` changes the array itself; subtract, and return what comes out")


@grade("distances", weight=SEEN)
def test_distances_are_means_of_squares(observe):
    """From the day 1 2 3 2: itself is 0 away, 1 2 5 0 is 2 away, and 3 0 7 6 is 10 away."""
    # No other distance that somebody might compute gives 2 or 10 by accident.
    days = np.array([[1.0, 2.0, 3.0, 2.0], [1.0, 2.0, 5.0, 0.0], [3.0, 0.0, 7.0, 6.0]])
    difference = days - days[0]
    hints = {
        "this is the sum of the squares; take the mean": (difference**2).sum(axis=1),
        "the differences are not squared: those above and below cancel": difference.mean(axis=1),
        "these are absolute differences; square them": np.abs(difference).mean(axis=1),
        "this is the mean difference, squared; square each difference first, then take the mean": (
            difference.mean(axis=1) ** 2
        ),
        "this is the root of the sum of the squares; take their mean, and no root": (
            np.sqrt((difference**2).sum(axis=1))
        ),
        "this is the root of the mean; leave the root out": np.sqrt((difference**2).mean(axis=1)),
        "this is a mean over the days; one number for each day is wanted": (difference**2).mean(axis=0),
    }
    with call("distances(3 days of 4 hours, the first of them)"):
        assert_same(observe(distances, days, days[0]), np.array([0.0, 2.0, 10.0]), hints=hints)


@grade("average_day", weight=SEEN)
def test_fit_keeps_the_mean_of_each_hour_and_returns_the_model(observe):
    """For the days 1 2 and 3 8 the profile is 2 5, and fit returns the model itself."""
    days = np.array([[1.0, 2.0], [3.0, 8.0]])
    with call("AverageDay().fit(np.array([[1.0, 2.0], [3.0, 8.0]]))"):
        itself, profile = items(observe(what_fit_returns, days), 2, "what fit returns, and the profile")
        hints = {"this is the mean of each day; the mean of each hour is wanted": days.mean(axis=1)}
        assert_same(profile, np.array([2.0, 5.0]), hints=hints)
        if itself is not True:
            raise Failure("what fit returns is not the model itself", hint="its last line is `return self`")


@grade("average_day", weight=SEEN)
def test_forward_repeats_the_profile(observe):
    """After fit on the days 1 2 and 3 8, forward(3) is 2 5 in each of three rows."""
    days = np.array([[1.0, 2.0], [3.0, 8.0]])
    with call("AverageDay().fit(np.array([[1.0, 2.0], [3.0, 8.0]])).forward(3)"):
        got = observe(predictions, days, 3)
        assert_same(got, np.array([[2.0, 5.0], [2.0, 5.0], [2.0, 5.0]]))
