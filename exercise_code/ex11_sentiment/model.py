"""Exercise 11: the model that says whether a review praises a film."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .text import PADDING

# What your model is built from: a place to start. Change, add and remove entries as you like. They are saved with
# the model, and the model must be built from them alone. The notebook adds "words", the words of the vocabulary in
# their order with a space between, from which the grader makes your `Vocabulary` again.
HPARAMS: dict[str, Any] = {
    # For a bag of pairs: how many buckets it has.
    "num_buckets": 20_000,
    # For the reader: how many numbers a word's vector has, and how many the hidden state of each direction has.
    "embedding_size": 32,
    "hidden_size": 32,
    # For the reader: how many words of a review it reads, the first ones. MAX_LENGTH in the notebook cuts reviews in
    # training and validation; the grader sends whole ones, and real reviews may have more than a thousand words.
    "words_read": 300,
    # For the reader: the share of numbers that dropout sets to 0, in the vectors of words and before the linear layer.
    "dropout": 0.1,
}


def pair_numbers(tokens: torch.Tensor, num_buckets: int) -> torch.Tensor:
    """A number for each pair of neighbouring words, int64 (B, T - 1), from 1 to num_buckets - 1; 0 for padding.

    There are far too many pairs for a list. So each pair is thrown into one of a limited number of buckets: words
    with the numbers a and b, in this order, get the number

        1 + (10007 * a + b) mod (num_buckets - 1)

    Pairs that share a bucket share its parameters, which does little harm. A pair with padding in it gets 0.

    Args:
        tokens: int64 (B, T), words' numbers, padded with `PADDING` on the right.
        num_buckets: how many numbers there are, 0 included, at least 2.

    Hints:
        - `tokens[:, :-1]` are all words but the last, `tokens[:, 1:]` all but the first: neighbours have the same index
          in the two.
        - Padding is on the right: if a pair has padding in it, its second word is padding.
    """
    # YOUR CODE HERE
    raise NotImplementedError("Task 6: pairs")


class SentimentModel(nn.Module):
    """A network from the words of a review to two logits, blame (0) and praise (1).

    Args:
        hparams: dict of plain values (numbers, texts, lists), such as `HPARAMS`, with the entry "words": the words of
            the vocabulary in one text. The saved weights must fit the model that `SentimentModel(hparams)` builds
            from the saved hyperparameters, so every size has to come from `hparams` or be written in this file.
    """

    def __init__(self, hparams: dict[str, Any]) -> None:
        """Make the layers.

        Hints:
            - Two more numbers than words are needed: padding and unknown. `hparams["words"].split()` lists the words.
            - A bag of words is an `nn.Embedding(numbers, 2, padding_idx=0)`: two numbers for each word. Their mean or
              their sum over the review gives two logits. A bag of pairs is the same for the numbers of pairs. Let the
              weights of a bag start at 0, as in part 1.
            - A recurrent part is an `nn.Embedding`, an `nn.LSTM(..., batch_first=True, bidirectional=True)` and an
              `nn.Linear`. It sees order, which no bag sees.
            - At most 2 million parameters are allowed.
        """
        super().__init__()
        self.hparams = hparams
        # YOUR CODE HERE
        raise NotImplementedError("Task 11: the model")

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """The logits of blame and praise, float32 of shape (B, 2), without a softmax: the loss has one.

        Args:
            tokens: int64 (B, T), words' numbers, padded on the right. B and T may be any, from 1 upwards, and each
                review has at least one word. What comes out for one review must depend neither on the others in its
                batch nor on the padding after it.

        Hints:
            - `(tokens != PADDING).sum(dim=1)` gives the lengths.
            - Padding must not count: divide a sum by the length, not by T; take a maximum over words only.
            - `pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)` makes of padded vectors
              what an `nn.LSTM` reads without its padding. `pad_packed_sequence` is the way back.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Task 11: the model")
