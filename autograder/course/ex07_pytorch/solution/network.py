"""Exercise 7: layers and a network as `nn.Module`s."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn


class Linear(nn.Module):
    """A fully connected layer, as `torch.nn.Linear`: y = x W^T + b.

    Args:
        num_in: how many numbers a sample has before the layer.
        num_out: how many it has after it.
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        """Make the parameters `weight` (num_out, num_in) and `bias` (num_out,).

        Both start with random numbers, drawn evenly from -1/sqrt(num_in) to 1/sqrt(num_in).

        Hints:
            - A tensor becomes a parameter when it is an attribute and an `nn.Parameter`.
            - `torch.empty(3, 4).uniform_(-1, 1)` draws numbers evenly from -1 to 1.
        """
        super().__init__()
        ### TASK pytorch_layer
        ### BEGIN SOLUTION
        bound = num_in**-0.5
        self.weight = nn.Parameter(torch.empty(num_out, num_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_out).uniform_(-bound, bound))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs, float32 of shape (..., num_out).

        Args:
            x: float32 of shape (..., num_in), usually (batch_size, num_in).
        """
        ### TASK pytorch_layer
        ### BEGIN SOLUTION
        return x @ self.weight.T + self.bias
        ### END SOLUTION


class Standardize(nn.Module):
    """Pictures with mean 0 and spread 1 in each channel: (image - mean) / std.

    Mean and std belong to the model and are saved with it, but are not trained: they are **buffers**, with the names
    "mean" and "std".

    Args:
        mean: three numbers, the mean of each channel over the training pictures.
        std: three numbers, the standard deviation of each channel.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Register the two buffers, float32 whatever the numbers are: of shape (3,), or with more axes of length 1.

        Hint:
            `self.register_buffer("steps", torch.zeros(5))` makes a buffer that is found as `self.steps`.
        """
        super().__init__()
        ### TASK pytorch_buffer
        ### BEGIN SOLUTION
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The standardised pictures, of the shape of `images`.

        Args:
            images: float32 of shape (N, 3, height, width), of any height and width. They stay as they are.

        Hint:
            Broadcasting lines up shapes from the right, where the width is. `[:, None, None]` gives a tensor of shape
            (3,) two more axes.
        """
        ### TASK pytorch_buffer
        ### BEGIN SOLUTION
        return (images - self.mean[:, None, None]) / self.std[:, None, None]
        ### END SOLUTION


class MLP(nn.Module):
    """Linear layers in a row; ReLU and dropout follow each but the last.

    Args:
        sizes: how many numbers a sample has at the start, between the layers and at the end: [3072, 100, 10] makes two
            linear layers, from 3072 numbers to 100, and from 100 to 10.
        dropout: the share of the numbers after each ReLU that is dropped in training.
    """

    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        """Make the layers, with PyTorch's `nn.Linear`, `nn.ReLU` and `nn.Dropout`.

        Hints:
            - PyTorch finds layers that are attributes, or inside an `nn.Sequential` or `nn.ModuleList` that is one. A
              plain list hides them.
            - `itertools.pairwise(sizes)` gives the two sizes of each linear layer, one after the other.
        """
        super().__init__()
        ### TASK pytorch_mlp
        ### BEGIN SOLUTION
        layers: list[nn.Module] = []
        for num_in, num_out in itertools.pairwise(sizes):
            layers += [nn.Linear(num_in, num_out), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers[:-2])
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs of the last layer, float32 of shape (batch_size, sizes[-1]).

        Args:
            x: float32 of shape (batch_size, ...); the numbers of a sample, sizes[0] of them, may have any shape, such
                as (3, 32, 32).

        Hint:
            `x.flatten(1)` turns each sample into a row and leaves the batch axis alone.
        """
        ### TASK pytorch_mlp
        ### BEGIN SOLUTION
        return self.layers(x.flatten(1))
        ### END SOLUTION
