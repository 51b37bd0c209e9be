"""Exercise 11: reviews of different lengths in one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .text import PADDING


def pad_sequences(sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """The sequences as the rows of one tensor, filled up with padding on the right, and their lengths.

    Args:
        sequences: B lists of ints, of any lengths, at least one of them.

    Returns:
        tokens int64 (B, T), where T is the length of the longest sequence, and lengths int64 (B,).

    Hints:
        - `torch.full((rows, columns), value)` makes a tensor that holds one value everywhere.
        - `tokens[row, :length] = torch.tensor(sequence)` writes into a part of one row.
        - A list that is empty makes a tensor of floats, unless you say which dtype you want.
    """
    ### TASK batches_padding
    ### BEGIN SOLUTION
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    tokens = torch.full((len(sequences), int(lengths.max())), PADDING)
    for row, sequence in enumerate(sequences):
        tokens[row, : len(sequence)] = torch.tensor(sequence, dtype=torch.int64)
    return tokens, lengths
    ### END SOLUTION


def batches_by_length(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """The indices of all sequences, grouped so that sequences of similar lengths are in one batch.

    The shortest sequences come first. Where lengths are equal, the one that stands first in `lengths` comes first. Each
    batch has `batch_size` indices; the last one may have fewer. Lengths 2, 9, 3 and 8 in batches of two become
    [[0, 2], [3, 1]].

    Args:
        lengths: the length of each sequence, ints.
        batch_size: how many sequences a batch has, at least 1.

    Returns:
        a list of batches, each a list of indices into `lengths`, counted from 0.

    Hints:
        - `sorted(range(n), key=...)` sorts indices by what the function `key` says of each; ties keep their order.
        - `range(start, stop, step)` counts in steps, and a slice may reach beyond the end of a list.
    """
    ### TASK batches_lengths
    ### BEGIN SOLUTION
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    ### END SOLUTION
