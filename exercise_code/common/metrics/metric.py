"""The base class of the metrics: how batches become one score."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import CourseError

__all__ = ["Metric", "State"]

# Numbers by name, or arrays of them. The state of two batches together is the sum of their states, name by name.
State = dict[str, Any]


class Metric(ABC):
    """A running score: predictions and targets come in batches, one number comes out.

    A subclass says how a batch becomes a state (`_measure`) and how a state becomes the value (`_reduce`). States are
    added. What is malformed raises a `CourseError`; it is never scored.
    """

    name: ClassVar[str]
    higher_is_better: ClassVar[bool] = True

    def __init__(self) -> None:
        self._state: State | None = None

    def update(self, predictions: npt.ArrayLike, targets: npt.ArrayLike) -> None:
        """Add a batch."""
        state = self._measure(np.asarray(predictions), np.asarray(targets))
        self._state = state if self._state is None else self._merge(self._state, state)

    def compute(self) -> float:
        """The value over everything added since the last `reset`."""
        if self._state is None:
            raise CourseError(f"expected predictions before {self.name} is computed, got none: call update()")
        return float(self._reduce(self._state))

    def reset(self) -> None:
        """Forget everything added."""
        self._state = None

    def __call__(self, predictions: npt.ArrayLike, targets: npt.ArrayLike) -> float:
        """The value of this batch alone; what was added before stays as it is."""
        return float(self._reduce(self._measure(np.asarray(predictions), np.asarray(targets))))

    @staticmethod
    def _merge(one: State, other: State) -> State:
        return {name: one[name] + other[name] for name in one}

    @abstractmethod
    def _measure(self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any]) -> State:
        """The state of one batch."""

    @abstractmethod
    def _reduce(self, state: State) -> float:
        """The value of a state."""
