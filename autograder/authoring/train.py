"""Training of an exercise's reference model, by the recipe in its private room."""

import contextlib
import io
import tempfile
import time
from pathlib import Path
from typing import Any

from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.devices import full_float32, get_device
from exercise_code.common.exercise import ModelSpec, load_exercise
from exercise_code.common.metrics import get_metric
from exercise_code.common.models import count_parameters, save_model
from exercise_code.common.probing.scores import load_scoring
from exercise_code.common.seeding import seed_everything

from ..base.errors import AutograderError
from ..sources.exercise import sources
from .recipe import load_recipe

__all__ = ["train_reference"]

DATA = ("embedded", "real")


def train_reference(
    exercise: str,
    data: str = "embedded",
    device: str = "auto",
    seed: int = 0,
    out: Path | None = None,
    max_seconds: float | None = None,
) -> dict[str, Any]:
    """The facts of a training run: score, passing score, parameters, seconds, epochs, and where the model lies.

    Args:
        data: "embedded" or "real" training data.
        out: folder for the model. None takes the solution's `models` for embedded data, from where the
            reference is graded, and `models-real` beside it for real data, and wants the model to pass.
        max_seconds: a cap on the training time in place of the recipe's; the learning rate falls accordingly.
    """
    if data not in DATA:
        raise AutograderError(f"expected data to be one of {', '.join(DATA)}, got {data!r}")
    spec = load_exercise(exercise)
    if spec.model is None:
        raise AutograderError(f"expected an exercise that hands in a model, got {exercise}: it has no [model]")
    src = sources(spec)
    recipe = load_recipe(src)
    folder = out or src.solution / ("models" if data == "embedded" else "models-real")
    full_float32()
    chosen = get_device(device)
    with (
        tempfile.TemporaryDirectory(prefix="model-") as trial,
        fresh_code(spec, Path(trial), src.solution, src.earlier_solutions) as code,
    ):
        seed_everything(seed)
        start = time.perf_counter()
        model, history = recipe.fit(code, data, chosen, seed, max_seconds)
        seconds = time.perf_counter() - start
        if not isinstance(getattr(model, "hparams", None), dict):
            raise AutograderError(f"expected hparams, a dict, of the model of {src.id}, found none: keep them in it")
        with contextlib.redirect_stdout(io.StringIO()):
            save_model(model, recipe.NAME, model.hparams, exercise, Path(trial), data)
        # As it will be graded: built again from its two files.
        scoring = load_scoring(spec)
        inputs, targets = scoring.evaluation_set(data, "val")
        score = float(get_metric(spec.model.metric)(scoring.predict(code, recipe.NAME, inputs), targets))
        _expect_worth_saving(spec.model, score if out is None else None, data, history.stopped)
        path = save_model(model, recipe.NAME, model.hparams, exercise, folder, data)
    return {
        "exercise": spec.id,
        "data": data,
        "device": str(chosen),
        "seed": seed,
        "metric": spec.model.metric,
        "val_score": score,
        "passing": spec.model.passing[data],
        "passed": spec.model.passes(score, data),
        "parameters": count_parameters(model),
        "epochs": len(history.train_loss),
        "best_epoch": history.best_epoch,
        "stopped": history.stopped,
        "seconds": seconds,
        "path": str(path),
    }


def _expect_worth_saving(model: ModelSpec, score: float | None, data: str, stopped: str) -> None:
    """Nothing; an error for a run that was interrupted, and for a score, if there must be one, that does not pass."""
    if stopped == "interrupted":
        raise AutograderError("interrupted: nothing was saved, the reference is as it was")
    if score is not None and not model.passes(score, data):
        raise AutograderError(
            f"expected a reference that passes ({model.passing[data]:g}), got {score:.{model.digits}f}: "
            "nothing was saved; train longer, or name another folder with --out"
        )
