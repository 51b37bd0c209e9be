"""Given: batches of reviews, and words that are hidden while a model learns."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .batches import batches_by_length, pad_sequences
from .text import UNKNOWN

__all__ = ["ReviewLoader", "hide_words"]


class ReviewLoader:
    """Batches `(tokens, labels)` of reviews of similar lengths; each loop over it has them in a new random order.

    Args:
        sequences: the numbers of each review's words. Empty reviews become one unknown word.
        labels: 0 or 1 for each review.
        batch_size: how many reviews a batch has.
        max_length: at most this many words of a review are read, the first ones; None reads all.
        seed: makes the order repeatable; None keeps the batches in their order, the shortest reviews first.
    """

    def __init__(
        self,
        sequences: Sequence[Sequence[int]],
        labels: Sequence[int],
        batch_size: int,
        max_length: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.sequences = [list(sequence[:max_length]) or [UNKNOWN] for sequence in sequences]
        self.labels = torch.as_tensor(labels)
        self.batches = batches_by_length([len(sequence) for sequence in self.sequences], batch_size)
        self.generator = torch.Generator().manual_seed(seed) if seed is not None else None

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = range(len(self)) if self.generator is None else self._shuffled()
        for place in order:
            batch = self.batches[place]
            tokens, _ = pad_sequences([self.sequences[i] for i in batch])
            yield tokens, self.labels[batch]

    def _shuffled(self) -> list[int]:
        found: list[int] = torch.randperm(len(self), generator=self.generator).tolist()
        return found


def hide_words(tokens: Tensor, labels: Tensor, generator: torch.Generator, share: float = 0.1) -> tuple[Tensor, Tensor]:
    """The batch with a share of its words made unknown, so that the model learns to live with words it has not seen."""
    hidden = (torch.rand(tokens.shape, generator=generator) < share).to(tokens.device) & (tokens > UNKNOWN)
    return tokens.masked_fill(hidden, UNKNOWN), labels
