"""Exercise 2, Tasks 11 and 12: the sizes of convolutional layers, and a convolution and a max-pooling by hand.

Functions without arguments return your answer for your numbers; a matrix is a list of rows or an array.
"""

from __future__ import annotations

import numpy as np

from .parsing import Number, Numbers
from .problems import own_problems


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The width of a convolution's output, an int, for an input of this width.

    `padding` is the number of zeros on each side. With `dilation` d the entries of the kernel are d pixels apart, so a
    kernel of 3 with dilation 2 spans 5 pixels. Windows that would reach beyond the padded input are left out.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 11: sizes of convolutional layers")


def parameter_count(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    """The number of parameters of a convolution with kernels of kernel × kernel pixels, an int.

    Each output channel has a kernel for each input channel and, if `bias` is True, one bias.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 11: sizes of convolutional layers")


def sizes_of_network() -> Numbers:
    """The widths of the maps after each of your network's three layers, three numbers."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 11: sizes of convolutional layers")


def parameters_of_network() -> Number:
    """The number of parameters of your whole network, biases included."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 11: sizes of convolutional layers")


def receptive_field() -> Number:
    """The width of the square of input pixels that one pixel of your network's output depends on."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 11: sizes of convolutional layers")


def convolution_output() -> Numbers:
    """The output of your convolution: shape (3, 3). Stride 1, no padding; do not forget the bias."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 12: a convolution and a max-pooling")


def kernel_gradient() -> Numbers:
    """The gradient of L with respect to the kernel, from your dL/dout: shape (2, 2)."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 12: a convolution and a max-pooling")


def input_gradient() -> Numbers:
    """The gradient of L with respect to the input, from your dL/dout: shape (4, 4)."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 12: a convolution and a max-pooling")


def pool_output() -> Numbers:
    """The output of your max-pooling: shape (2, 2).

    Windows of 3 × 3, stride 2, padding 1. The padding is never the largest.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 12: a convolution and a max-pooling")


def pool_input_gradient() -> Numbers:
    """The gradient of L with respect to the input of your max-pooling, from its dL/dout: shape (4, 4)."""
    # YOUR CODE HERE
    raise NotImplementedError("Task 12: a convolution and a max-pooling")
