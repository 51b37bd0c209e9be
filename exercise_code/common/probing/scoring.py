"""What `scoring.py` of an exercise has that hands in a model: how the model is asked, and about what."""

import importlib
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import CourseError
from ..exercise import Exercise

__all__ = ["Scoring", "load_scoring"]

Array = npt.NDArray[np.generic]


class Scoring(Protocol):
    """A given module, torch-free at its top, as the judge imports it.

    It may have `draw_samples(inputs, targets, predictions) -> list[DrawnSample]`, too, for the pictures on a feedback
    page (`exercise_code.common.checks.drawn_sample`).
    """

    def evaluation_set(self, source: str, split: str, seed: int | None = None) -> tuple[Array, Array]:
        """Inputs and targets of a split, first axis samples; a seed asks for a fresh embedded set."""

    def predict(self, code: Any, name: str, inputs: Array) -> Array:
        """A probe: predictions for all inputs, of the saved model `code.models / f"{name}.safetensors"`.

        It builds the student's model from the hyperparameters in the JSON beside it, and sets eval mode:
        `evaluation.predict_saved` does that for a model of torch.
        """


def load_scoring(exercise: Exercise) -> Scoring:
    """The exercise's `scoring.py`; a `CourseError` says what it lacks."""
    name = f"{exercise.package}.scoring"
    try:
        module: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise CourseError(f"expected scoring.py in {exercise.folder}, as a model is handed in: write it") from None
    if missing := [part for part in ("evaluation_set", "predict") if not callable(getattr(module, part, None))]:
        raise CourseError(f"expected {' and '.join(missing)} in {module.__file__}, found none: write it")
    return module  # type: ignore[no-any-return]
