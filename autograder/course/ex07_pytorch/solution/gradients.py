"""Exercise 7: gradients by autograd, and how to stop them."""

from __future__ import annotations

from collections.abc import Callable

import torch

Function = Callable[[torch.Tensor], torch.Tensor]


def gradient_at(function: Function, x: torch.Tensor) -> torch.Tensor:
    """The gradient of a function at x, a tensor of the shape of x.

    Nothing happens to `x`: its values, its `requires_grad` and its `grad` stay as they are, so that a second call gives
    the same answer.

    Args:
        function: takes a tensor like x and returns a tensor with a single number.
        x: float tensor of any shape.

    Hints:
        - `x.detach().clone()` is a tensor of its own with the values of x; `requires_grad_()` makes autograd watch it.
        - After `value.backward()`, the gradient is in the `grad` of the tensor that was watched.
    """
    ### TASK pytorch_gradient
    ### BEGIN SOLUTION
    point = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(point), point)
    return gradient
    ### END SOLUTION


def descend(function: Function, start: torch.Tensor, lr: float, num_steps: int) -> tuple[torch.Tensor, list[float]]:
    """Where gradient descent ends, and the function's values on its way.

    Each step subtracts `lr` times the gradient at this point.

    Args:
        function: takes a tensor like start and returns a tensor with a single number.
        start: float tensor of any shape, where the first step begins. It stays as it is.
        lr: the learning rate.
        num_steps: how many steps to take, 0 or more.

    Returns:
        The point after the last step, a tensor that autograd does not watch; and a list of `num_steps` Python floats,
        the values before each step.

    Hints:
        - Steps are not part of the function: take them inside `with torch.no_grad():`.
        - `backward` adds to the gradients that are there already.
    """
    ### TASK pytorch_descent
    ### BEGIN SOLUTION
    point = start.detach().clone().requires_grad_()
    values = []
    for _ in range(num_steps):
        value = function(point)
        (gradient,) = torch.autograd.grad(value, point)
        values.append(value.item())
        with torch.no_grad():
            point -= lr * gradient
    return point.detach(), values
    ### END SOLUTION


def round_straight_through(x: torch.Tensor) -> torch.Tensor:
    """x rounded to whole numbers, with the gradient of x itself: 1 in every place.

    The slope of rounding is 0 nearly everywhere, so no gradient would come through. Here the values are rounded, and
    the gradient passes as if nothing had been done. Networks are trained like this for chips that know whole numbers
    only.

    Args:
        x: float tensor of any shape. It stays as it is.

    Hint:
        Write the rounded value as x plus a difference, and `detach` the difference: its value counts, its gradient
        does not.
    """
    ### TASK pytorch_detach
    ### BEGIN SOLUTION
    return x + (x.round() - x).detach()
    ### END SOLUTION
