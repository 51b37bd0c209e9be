"""What is said of a hand-in's files."""

from dataclasses import dataclass

from ..reasons import Reason

__all__ = ["Note"]


@dataclass(frozen=True)
class Note:
    """A sentence about a hand-in: of a file `name` is its own, and `code` says what became of it."""

    code: Reason | None
    text: str
    name: str = ""
    reason: str = ""
    """The sentence without the name."""
