"""A model's score, and the steps that it reaches."""

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import CourseError
from ..exercise import Exercise, ModelSpec
from ..reasons import Reason
from .failures import Failure
from .in_process import Code

__all__ = ["Score", "Scoring", "evaluate", "inspect_handed_in", "load_scoring"]

Array = npt.NDArray[np.generic]


class Scoring(Protocol):
    """A given module, torch-free at its top, as the judge imports it.

    For a feedback page it may have more:

    - `draw_samples(inputs, targets, predictions) -> list[DrawnSample]`, its pictures (`common.checks.drawn_sample`);
    - `score_tables(targets, predictions, more) -> list[ScoreTable]`, tables of what the score does not say
      (`common.checks.score_table`), from the predictions on the validation set;
    - `more_inputs() -> inputs`, which the model is asked for the tables' sake alone: `more` is what it answers, else
      None.
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


class Score(float):
    """A model's score on a data source, and the steps that it reaches there."""

    model: ModelSpec
    source: str

    def __new__(cls, value: float, model: ModelSpec, source: str) -> "Score":
        """The score of a model on `source`; NaN and infinity are no scores."""
        if not math.isfinite(value):
            raise Failure(f"expected a finite score, got {value}: the predictions are not finite")
        score = super().__new__(cls, value)
        score.model, score.source = model, source
        return score

    @property
    def passing(self) -> float:
        """The score that earns all points."""
        return self.model.passing[self.source]

    @property
    def passed(self) -> bool:
        """True when it earns all points, rounded to the digits that scores are stated with."""
        return self.model.passes(self, self.source)

    def expect(self, name: str) -> None:
        """Nothing; a `Failure` with the step that is reached and the next one, when this step is not reached."""
        if self.model.reaches(self, self.source, name):
            return
        step = self.model.reached(self, self.source)
        upcoming = self.model.upcoming(step, self.source)
        digits = self.model.digits
        assert upcoming is not None  # behind the step that is reached lies the one that is not
        so_far = f"The step {step.name!r} is reached" if step else "No step is reached yet"
        raise Failure(
            f"the score is {round(self, digits):.{digits}f}",
            want=f"{self.model.step(name).score[self.source]:.{digits}f} for {name!r}",
            got=f"{round(self, digits):.{digits}f}",
            hint=f"{so_far}; the next one is {upcoming.name!r} at {upcoming.score[self.source]:.{digits}f}.",
            code=Reason.DIFFERENT,
        )


def _model_file(exercise: Exercise, code: Code) -> Path:
    if exercise.model is None or code.models is None:
        raise CourseError(f"{exercise.id} has no model in its exercise.toml: add [model]")
    path = code.models / f"{exercise.model.files[0]}.safetensors"
    if not path.is_file():
        hint = "train the model, then run the cell that saves it"
        raise Failure(f"models/{path.name} is not there", hint=hint, code=Reason.NO_MODEL)
    return path


def inspect_handed_in(exercise: Exercise, code: Code) -> Any:
    """What the handed-in model's file says of itself."""
    from ..hand_ins.hand_in import inspect_model
    from ..hand_ins.source_data import sources_of

    path = _model_file(exercise, code)
    return inspect_model(path, exercise.model, sources_of(exercise.folder, exercise.given).values())


def evaluate(exercise: Exercise, code: Code, observe: Callable[..., Any]) -> Score:
    """The score on the validation set; the tests of all steps share one, and one failure."""
    if not code.scores:
        try:
            code.scores.append(_fresh_score(exercise, code, observe))
        except Failure as failure:
            code.scores.append(failure)
    found: Score | Failure = code.scores[0]
    if isinstance(found, Failure):
        raise found
    return found


def _fresh_score(exercise: Exercise, code: Code, observe: Callable[..., Any]) -> Score:
    from ..datasets.load import resolve_source
    from ..metrics import get_metric

    _model_file(exercise, code)
    assert exercise.model is not None
    source = resolve_source(exercise.model.dataset)
    scoring = load_scoring(exercise)
    inputs, targets = scoring.evaluation_set(source, "val")
    predictions = observe(scoring.predict, exercise.model.files[0], inputs)
    return Score(get_metric(exercise.model.metric)(predictions, targets), exercise.model, source)
