"""Exercise 8: how large the output of a convolution is, and of a transposed one."""

from __future__ import annotations


def conv_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0) -> int:
    r"""The width of a convolution's output, an int.

    $W' = \left\lfloor \frac{W + 2P - K}{S} \right\rfloor + 1$

    Args:
        size: W, the width of the input, in pixels. The same formula holds for heights.
        kernel_size: K, the width of the kernel.
        stride: S, how far the kernel moves each time.
        padding: P, how many pixels are added on each side.

    Hints:
        - `//` divides and rounds down: `7 // 2` is 3.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 1: sizes")


def transposed_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0) -> int:
    r"""The width of a transposed convolution's output, an int.

    $W' = (W - 1)\,S - 2P + K + O$

    Args:
        size: W, the width of the input.
        kernel_size: K, the width of the kernel.
        stride: S, how far apart the copies of the kernel are put down.
        padding: P, how many pixels are cut off on each side.
        output_padding: O, how many more pixels the output has on one side.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 1: sizes")
