"""Exercise 11: an embedding, and cells that read one word after the other."""

from __future__ import annotations

import torch
from torch import nn

from .text import PADDING


class Embedding(nn.Module):
    """A vector of numbers for each word, learned like any other parameter.

    Args:
        num_words: how many numbers the vocabulary has, padding included.
        size: how many numbers a vector has.
    """

    def __init__(self, num_words: int, size: int) -> None:
        """Draw the vectors from a standard normal distribution; that of padding is zero."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_words, size))
        with torch.no_grad():
            self.weight[PADDING] = 0

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """The vectors of these words, float32 of the shape of `tokens` and one more axis: (..., size).

        Where `tokens` has `PADDING`, the answer is a vector of zeros whatever `self.weight` holds, and no gradient
        reaches the first row of `self.weight` from there.

        Args:
            tokens: int64 of any shape, usually (B, T).

        Hints:
            - A tensor can be indexed by a tensor of ints: each int picks a row.
            - Multiplied by 0, a vector and its gradient both become 0. `tokens != PADDING` is True for words, and
              `[..., None]` gives it one more axis.
        """
        ### TASK embedding
        ### BEGIN SOLUTION
        return self.weight[tokens] * (tokens != PADDING)[..., None]
        ### END SOLUTION


class RNNCell(nn.Module):
    """One step of a recurrent network, with the parameters of `torch.nn.RNNCell`.

    Args:
        input_size: D, how many numbers a word's vector has.
        hidden_size: H, how many numbers the hidden state has.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        """Make the parameters: weight_ih (H, D), weight_hh (H, H), bias_ih (H,) and bias_hh (H,)."""
        super().__init__()
        _add_parameters(self, 1, input_size, hidden_size)

    def forward(self, inputs: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """The new hidden state, float32 (B, H).

        h' = tanh(W_ih x + b_ih + W_hh h + b_hh)

        Args:
            inputs: x, float32 (B, D), one word of each review.
            hidden: h, float32 (B, H), the state before this word.

        Hints:
            - Samples are rows, so a matrix W of the formula comes after them, transposed: `x @ W.T`.
        """
        ### TASK rnn_cell
        ### BEGIN SOLUTION
        return torch.tanh(inputs @ self.weight_ih.T + self.bias_ih + hidden @ self.weight_hh.T + self.bias_hh)
        ### END SOLUTION


class LSTMCell(nn.Module):
    """One step of a network with long short-term memory, with the parameters of `torch.nn.LSTMCell`.

    Args:
        input_size: D, how many numbers a word's vector has.
        hidden_size: H, how many numbers the hidden state and the memory have.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        """Make the parameters: weight_ih (4H, D), weight_hh (4H, H), bias_ih (4H,) and bias_hh (4H,).

        Their rows belong to four gates, one after the other: i (input), f (forget), g (candidate), o (output).
        """
        super().__init__()
        _add_parameters(self, 4, input_size, hidden_size)

    def forward(
        self, inputs: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The new hidden state and the new memory, each float32 (B, H).

        With a = W_ih x + b_ih + W_hh h + b_hh, cut into four parts a_i, a_f, a_g, a_o of H numbers each:

        i = sigmoid(a_i), f = sigmoid(a_f), g = tanh(a_g), o = sigmoid(a_o)
        c' = f * c + i * g
        h' = o * tanh(c')

        Args:
            inputs: x, float32 (B, D), one word of each review.
            state: hidden state h and memory c, each float32 (B, H), before this word.

        Hints:
            - Compute all of a at once, float32 (B, 4H). `tensor.chunk(4, dim=1)` cuts it into four parts.
        """
        ### TASK lstm_cell
        ### BEGIN SOLUTION
        hidden, memory = state
        gates = inputs @ self.weight_ih.T + self.bias_ih + hidden @ self.weight_hh.T + self.bias_hh
        write, keep, candidate, show = gates.chunk(4, dim=1)
        memory = torch.sigmoid(keep) * memory + torch.sigmoid(write) * torch.tanh(candidate)
        return torch.sigmoid(show) * torch.tanh(memory), memory
        ### END SOLUTION


class LSTM(nn.Module):
    """Reads padded reviews with one `LSTMCell`, word after word.

    Args:
        input_size: D, how many numbers a word's vector has.
        hidden_size: H, how many numbers the hidden state and the memory have.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        """Make the cell."""
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = LSTMCell(input_size, hidden_size)

    def forward(
        self, inputs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """The hidden states after each word, and the state (h, c) after the last word of each review.

        Both states start at zero. A review of length n ends after n words: padding after it changes nothing. What is
        answered for one review is the same whether it is padded or not.

        Args:
            inputs: float32 (B, T, D), what comes after a review's length is padding.
            lengths: int64 (B,), from 1 to T, in any order.

        Returns:
            outputs float32 (B, T, H), zero after the end of a review, and a tuple of h and c, each float32 (B, H).

        Hints:
            - `inputs[:, t]` is word number t of each review, float32 (B, D). `inputs.new_zeros(rows, columns)` makes
              zeros of its dtype, on its device.
            - A review still goes on at word t where `t < lengths`. `torch.where(condition, a, b)` takes a where the
              condition holds and b elsewhere; `[:, None]` makes a column of the condition.
            - `torch.stack(list_of_tensors, dim=1)` puts (B, H) of T words together to (B, T, H).
        """
        ### TASK lstm_layer
        ### BEGIN SOLUTION
        hidden = memory = inputs.new_zeros(len(inputs), self.hidden_size)
        outputs = []
        for t in range(inputs.shape[1]):
            going = (t < lengths)[:, None]
            new_hidden, new_memory = self.cell(inputs[:, t], (hidden, memory))
            hidden = torch.where(going, new_hidden, hidden)
            memory = torch.where(going, new_memory, memory)
            outputs.append(new_hidden * going)
        return torch.stack(outputs, dim=1), (hidden, memory)
        ### END SOLUTION


def _add_parameters(cell: nn.Module, gates: int, input_size: int, hidden_size: int) -> None:
    """Give a cell the parameters of torch's cells, drawn evenly from -1/sqrt(H) to 1/sqrt(H)."""
    shapes = {
        "weight_ih": (gates * hidden_size, input_size),
        "weight_hh": (gates * hidden_size, hidden_size),
        "bias_ih": (gates * hidden_size,),
        "bias_hh": (gates * hidden_size,),
    }
    bound = hidden_size**-0.5
    for name, shape in shapes.items():
        cell.register_parameter(name, nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))
