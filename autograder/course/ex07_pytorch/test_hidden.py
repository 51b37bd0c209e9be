"""The checks that students do not see: what the visible ones ask for, on fresh inputs."""

import numpy as np

from exercise_code.common.testing import assert_same, grade
from exercise_code.ex07_pytorch.test_visible import relu_and_input


@grade("relu")
def test_arrays_of_any_shape_and_dtype(observe, reference, rng):
    """relu keeps the shape and the dtype of its input."""
    for dtype in (np.float32, np.int64):
        x = rng.integers(-9, 9, (3, 4, 2)).astype(dtype)
        assert_same(observe(relu_and_input, x)[0], reference(relu_and_input, x)[0])


@grade("relu")
def test_a_random_input_stays_as_it_is(observe, rng):
    """relu gives a new array and leaves a random input alone."""
    x = rng.normal(size=20)
    got, left = observe(relu_and_input, x)
    assert_same(left, x)
    assert_same(got, np.maximum(x, 0))
