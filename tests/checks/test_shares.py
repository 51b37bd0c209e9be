"""A cell's points, divided over its tests: never more than there are, and the same wherever they are counted."""

from hypothesis import given
from hypothesis import strategies as st

from exercise_code.common.checks.shares import share_of

WEIGHTS = st.lists(st.floats(0.01, 100), min_size=1, max_size=30)


@given(WEIGHTS, st.randoms(use_true_random=False), st.integers(1, 100))
def test_all_tests_earn_all_points_to_the_last_digit_in_any_order(weights, dice, points):
    mixed = dice.sample(weights, len(weights))
    assert points * share_of(mixed, weights) == points


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=30), st.randoms(use_true_random=False))
def test_a_part_is_between_none_and_all_and_the_same_in_any_order(tests, dice):
    def share(of):
        return share_of([weight for weight, passed in of if passed], [weight for weight, _ in of])

    assert 0 <= share(tests) <= 1
    assert share(tests) == share(dice.sample(tests, len(tests)))


def test_nothing_that_counts_is_nothing():
    assert share_of([], []) == share_of([0.0], [0.0]) == 0
