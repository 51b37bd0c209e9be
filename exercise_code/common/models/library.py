"""What saving needs to know of a model: it may be one of torch, or one of numpy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Library", "shapes"]


class Library(Protocol):
    """How models of one library give their values and take them back."""

    def unwrapped(self, model: Any) -> Any:
        """The model inside of what makes it faster."""

    def state(self, model: Any) -> dict[str, Any]:
        """Its parameters and buffers under their names, copies in the computer's own memory."""

    def pack(self, state: Mapping[str, Any], metadata: dict[str, str] | None) -> bytes:
        """The content of a safetensors file."""

    def read(self, path: Path) -> dict[str, Any]:
        """What a safetensors file holds."""

    def fill(self, model: Any, state: Mapping[str, Any]) -> Any:
        """The model with these values, in eval mode."""

    def same(self, one: Any, other: Any) -> bool:
        """True for the same bytes: NaN equals itself here."""

    def parameters(self, model: Any) -> int:
        """How many values its floating parameters and buffers have."""

    def score(self, model: Any, dataset: Any, metric: str) -> float:
        """The score on a dataset."""


def shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of each entry."""
    return {name: tuple(values.shape) for name, values in state.items()}
