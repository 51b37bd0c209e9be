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
    ### TASK layer_sizes
    ### BEGIN SOLUTION
    span = dilation * (kernel - 1) + 1
    return (size + 2 * padding - span) // stride + 1
    ### END SOLUTION


def parameter_count(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    """The number of parameters of a convolution with kernels of kernel × kernel pixels, an int.

    Each output channel has a kernel for each input channel and, if `bias` is True, one bias.
    """
    ### TASK layer_sizes
    ### BEGIN SOLUTION
    return out_channels * (in_channels * kernel**2 + bias)
    ### END SOLUTION


def sizes_of_network() -> Numbers:
    """The widths of the maps after each of your network's three layers, three numbers."""
    ### TASK layer_sizes
    ### BEGIN SOLUTION
    own = own_problems().network
    sizes = [own.size]
    for layer in own.layers:
        sizes.append(output_size(sizes[-1], layer.kernel, layer.stride, layer.padding))
    return sizes[1:]
    ### END SOLUTION


def parameters_of_network() -> Number:
    """The number of parameters of your whole network, biases included."""
    ### TASK layer_sizes
    ### BEGIN SOLUTION
    convolutions = [layer for layer in own_problems().network.layers if layer.kind == "conv"]
    return sum(parameter_count(layer.in_channels, layer.out_channels, layer.kernel) for layer in convolutions)
    ### END SOLUTION


def receptive_field() -> Number:
    """The width of the square of input pixels that one pixel of your network's output depends on."""
    ### TASK layer_sizes
    ### BEGIN SOLUTION
    field, apart = 1, 1
    for layer in own_problems().network.layers:
        field += (layer.kernel - 1) * apart
        apart *= layer.stride
    return field
    ### END SOLUTION


def convolution_output() -> Numbers:
    """The output of your convolution: shape (3, 3). Stride 1, no padding; do not forget the bias."""
    ### TASK convolution
    ### BEGIN SOLUTION
    own = own_problems().convolution
    out = np.zeros((3, 3), int)
    for i, j in np.ndindex(3, 3):
        out[i, j] = (own.x[i : i + 2, j : j + 2] * own.K).sum() + own.b
    return out
    ### END SOLUTION


def kernel_gradient() -> Numbers:
    """The gradient of L with respect to the kernel, from your dL/dout: shape (2, 2)."""
    ### TASK convolution
    ### BEGIN SOLUTION
    own = own_problems().convolution
    gradient = np.zeros((2, 2), int)
    for i, j in np.ndindex(3, 3):
        gradient += own.dout[i, j] * own.x[i : i + 2, j : j + 2]
    return gradient
    ### END SOLUTION


def input_gradient() -> Numbers:
    """The gradient of L with respect to the input, from your dL/dout: shape (4, 4)."""
    ### TASK convolution
    ### BEGIN SOLUTION
    own = own_problems().convolution
    gradient = np.zeros((4, 4), int)
    for i, j in np.ndindex(3, 3):
        gradient[i : i + 2, j : j + 2] += own.dout[i, j] * own.K
    return gradient
    ### END SOLUTION


def pool_output() -> Numbers:
    """The output of your max-pooling: shape (2, 2).

    Windows of 3 × 3, stride 2, padding 1. The padding is never the largest.
    """
    ### TASK convolution
    ### BEGIN SOLUTION
    x = own_problems().pooling.x
    # Without the padding, windows at the edges are smaller.
    return [[rows[:, :2].max(), rows[:, 1:].max()] for rows in (x[:2], x[1:])]
    ### END SOLUTION


def pool_input_gradient() -> Numbers:
    """The gradient of L with respect to the input of your max-pooling, from its dL/dout: shape (4, 4)."""
    ### TASK convolution
    ### BEGIN SOLUTION
    own = own_problems().pooling
    gradient = np.zeros((4, 4), int)
    for place, largest in np.ndenumerate(pool_output()):
        gradient[own.x == largest] += own.dout[place]
    return gradient
    ### END SOLUTION
