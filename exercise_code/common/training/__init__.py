"""The one training loop of the course, for models of torch."""

from .history import History
from .pace import cosine
from .train import train

__all__ = ["History", "cosine", "train"]
