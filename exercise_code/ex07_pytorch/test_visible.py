"""The checks that students see."""

import numpy as np

from exercise_code.common.testing import assert_same, call, grade

# What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points.
SEEN = 0.1


def relu_and_input(code, x):
    """What relu gives for x, and x afterwards."""
    return code.layers.relu(x), x


@grade("relu", weight=SEEN)
def test_negative_values_become_zero(observe):
    """relu turns negative values into zeros and keeps the others, for floats and for integers."""
    for x in (np.array([-1.0, 0.0, 0.5, 2.0]), np.array([[-3, 4], [1, -1]])):
        with call(f"relu(np.array({x.tolist()}))"):
            got, _ = observe(relu_and_input, x)
            hints = {
                "negative values become 0, they do not change their sign": np.abs(x),
                "this says where x is positive: multiply it by x": (x > 0).astype(x.dtype),
                "the dtype of the result is that of x": np.maximum(x, 0).astype(float),
            }
            assert_same(got, np.maximum(x, 0), hints=hints)


@grade("relu", weight=SEEN)
def test_the_input_stays_as_it_is(observe):
    """relu gives a new array: the one that comes in keeps its values."""
    x = np.array([-2.0, 3.0])
    with call("relu(x), then a look at both"):
        got, left = observe(relu_and_input, x)
        assert_same(left, x, hint="x[x < 0] = 0 changes x itself: make a new array")
        assert_same(got, np.array([0.0, 3.0]))
