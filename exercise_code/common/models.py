"""Trained models as files: weights in safetensors, hyperparameters in JSON, never a pickle."""

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from .checks.reloading import fresh_code
from .course_tree import assignment_folder, exercise_here
from .datasets.load import resolve_source
from .errors import CourseError
from .evaluation import evaluate_model
from .exercise import Exercise, load_exercise
from .hand_ins.model_file import inspect_model, misfit
from .metrics import get_metric
from .probing.scores import load_scoring

__all__ = ["count_parameters", "load_model", "save_model"]

MAX_HPARAMS_BYTES = 64 * 1024

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Trial:
    """What predicting so many inputs took, and the most it may take when it is graded, in seconds of CPU time."""

    inputs: int
    seconds: float
    limit: float


def save_model(
    model: nn.Module,
    name: str,
    hparams: Mapping[str, Any],
    exercise: str | None = None,
    folder: Path | str | None = None,
    data_source: str | None = None,
    keep_best: Any = None,
    metric: str | None = None,
) -> Path:
    """The path of `models/NAME.safetensors`, written beside `NAME.json`, which holds the hyperparameters.

    It prints how many parameters the model has, how large its file is and how long a pass over the validation set
    takes, beside the exercise's limits. Wrappers (`torch.compile`, `DataParallel`) are taken off. A file that was there
    before is replaced only when the new one has been read back; a `CourseError` says why it could not.

    Args:
        hparams: plain values (numbers, texts, lists, dicts) from which the model's class builds it again.
        exercise: whose model it is; None takes the exercise whose folder the notebook is in.
        folder: where to save instead of the exercise's `models` folder.
        data_source: where the training data came from ("embedded" or "real"); kept with the weights.
        keep_best: a dataset, usually the validation set. A model that is there already is replaced only if the
            new one scores better on it; one that no longer fits the code is replaced in any case.
        metric: the name of the score that `keep_best` compares; None takes that of the exercise.
    """
    spec = _exercise(exercise, required=folder is None)
    path = _path(name, spec, folder)
    text = _hparams_text(hparams)
    model = _unwrapped(model)
    state = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in model.state_dict().items()}
    if keep_best is not None and not _beats_saved(model, path, keep_best, _metric(metric, spec)):
        return path
    metadata = {"data_source": data_source} if data_source else None
    graded = spec if folder is None else None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, so that the new files need only be renamed.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-", ignore_cleanup_errors=True) as name:
            new = Path(name) / path.name
            new.write_bytes(save(state, metadata))
            new.with_suffix(".json").write_bytes(text.encode())
            trial = _try_out(new, model, state, graded)
            for suffix in (".safetensors", ".json"):
                new.with_suffix(suffix).replace(path.with_suffix(suffix))
    except OSError as error:
        raise CourseError(f"could not save {path}: {error.strerror or error}") from None
    print(_summary(path, count_parameters(model), spec, trial))
    return path


def load_model(
    name: str,
    build: Callable[[dict[str, Any]], M],
    exercise: str | None = None,
    folder: Path | str | None = None,
) -> M:
    """The saved model, built by `build(hparams)`, filled with its weights, in eval mode and on the CPU.

    `build` is the model's class. A `CourseError` says so when there is no such file or when the weights do not
    fit what `build` builds.
    """
    path = _path(name, _exercise(exercise, required=folder is None), folder)
    if not path.is_file():
        raise CourseError(f"expected a model at {path}, found none: run the cell that saves it")
    try:
        hparams = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        state = load_file(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise CourseError(f"{path.stem} cannot be read ({error}): save the model again") from None
    model = build(hparams)
    if fault := misfit(_shapes(state), _shapes(model.state_dict())):
        raise CourseError(f"the weights in {path.name} do not fit the code: {fault}; train and save the model again")
    model.load_state_dict(state)
    return model.eval()


def count_parameters(model: nn.Module) -> int:
    """The number of values in the model's floating tensors, buffers (as of batch normalisation) included."""
    return sum(tensor.numel() for tensor in model.state_dict().values() if tensor.is_floating_point())


def _exercise(exercise: str | None, required: bool) -> Exercise | None:
    found = load_exercise(exercise) if exercise is not None else exercise_here()
    if found is None and required:
        raise CourseError(
            "expected to be in an exercise's folder or to be told the exercise: "
            "pass exercise='ex09_keypoints', for example"
        )
    return found


def _path(name: str, exercise: Exercise | None, folder: Path | str | None) -> Path:
    known = exercise.model.files if exercise is not None and exercise.model is not None else ()
    if folder is None and name not in known:
        wanted = f"{exercise.id if exercise else 'it'} hands in {', '.join(known) or 'no model'}"
        raise CourseError(f"expected the name of a model, got {name!r}: {wanted}; for another one pass folder=")
    if not name.replace("_", "").isalnum():
        raise CourseError(f"expected a name of letters, digits and underscores, got {name!r}")
    if folder is not None:
        return Path(folder) / f"{name}.safetensors"
    assert exercise is not None
    return assignment_folder(exercise) / "models" / f"{name}.safetensors"


def _hparams_text(hparams: Mapping[str, Any]) -> str:
    for key, value in hparams.items():
        try:
            plain = isinstance(key, str) and json.loads(json.dumps(value, allow_nan=False)) == _listed(value)
        except (TypeError, ValueError):
            plain = False
        if not plain:
            raise CourseError(
                f"expected hyperparameters that are plain values (numbers, texts, lists, dicts with text keys), "
                f"got {key!r}: {type(value).__name__}"
            )
    text = json.dumps(dict(hparams), indent=2, ensure_ascii=False) + "\n"
    if len(text.encode()) > MAX_HPARAMS_BYTES:
        raise CourseError(
            f"expected hyperparameters of at most {MAX_HPARAMS_BYTES // 1024} KB, got {len(text) // 1024}"
        )
    return text


def _listed(value: Any) -> Any:
    """The value with lists for tuples, as JSON gives it back."""
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return value


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model inside of what `torch.compile` and `DataParallel` made of it."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def _try_out(new: Path, model: nn.Module, state: Mapping[str, Tensor], graded: Exercise | None) -> Trial | None:
    """What a pass of the saved model costs, where the grader will make one; a `CourseError` where it cannot be used."""
    kept = "the model that was saved before, if any, is still there"
    back = load_file(new)
    if set(back) != set(state) or any(not _equal(back[key], state[key]) for key in state):
        raise CourseError(f"{new.name} did not come back from disk as it was written: save it again; {kept}")
    if graded is not None and graded.model is not None:
        return _as_the_grader(new, graded, kept)
    try:
        built = type(model)(json.loads(new.with_suffix(".json").read_text(encoding="utf-8")))
    # A model whose class takes other arguments is built by its owner's own function.
    except Exception:  # noqa: BLE001
        return None
    if fault := misfit(_shapes(back), _shapes(built.state_dict())):
        raise CourseError(
            f"not saved, because {type(model).__name__}(hparams) builds another model: {fault}; "
            f"pass the hyperparameters that the model was built from; {kept}"
        )
    return None


def _equal(one: Tensor, other: Tensor) -> bool:
    """True for the same bytes: NaN equals itself here."""
    same = one.dtype == other.dtype and one.shape == other.shape
    return same and bool(torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8)))


def _as_the_grader(new: Path, exercise: Exercise, kept: str) -> Trial:
    """Build the model from its two files with the code on disk, and predict as many inputs as the grader sends."""
    assert exercise.model is not None
    with fresh_code(exercise, new.parent) as code:
        scoring = load_scoring(exercise)
        inputs, _ = scoring.evaluation_set(resolve_source(exercise.model.dataset), "val")
        start = time.process_time()
        try:
            scoring.predict(code, new.stem, inputs)
        # Whatever the student's code raises here, it would raise when it is graded.
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300].rstrip(": ")
            raise CourseError(
                f"not saved, because the grader could not use it: {reason}; it builds the model from the saved "
                f"hyperparameters with your file as it is on disk; {kept}"
            ) from error
        seconds, limit = time.process_time() - start, exercise.model.cpu_seconds
        return Trial(len(inputs), seconds, exercise.limits.test_cpu_seconds if limit is None else limit)


def _metric(name: str | None, exercise: Exercise | None) -> str:
    if name is None and exercise is not None and exercise.model is not None:
        name = exercise.model.metric
    if name is None:
        raise CourseError("expected the metric that keep_best compares, got none: name one, metric='accuracy'")
    get_metric(name)
    return name


def _beats_saved(model: nn.Module, path: Path, dataset: Any, metric: str) -> bool:
    if not path.is_file():
        return True
    build = type(model)
    try:
        saved = load_model(path.stem, build, folder=path.parent)
        old = evaluate_model(saved, dataset, metric)
    # Whatever the old file or its hyperparameters do to the student's new code, the new model is saved.
    except Exception as error:  # noqa: BLE001
        print(f"The model saved before is replaced: it no longer runs with this code ({error}).")
        return True
    new = evaluate_model(model, dataset, metric)
    if new > old if get_metric(metric).higher_is_better else new < old:
        return True
    print(f"Kept the model saved before: it scores {old:.4g}, this one {new:.4g}. Without keep_best it is replaced.")
    return False


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _summary(path: Path, parameters: int, exercise: Exercise | None, trial: Trial | None) -> str:
    size = inspect_model(path).size_mb
    limits = exercise.model if exercise is not None else None
    if limits is None:
        return f"Saved {path.name}: {parameters:,} parameters, {size:.1f} MB."
    text = (
        f"Saved {path.name}: {parameters:,} parameters (at most {limits.max_parameters:,}), "
        f"{size:.1f} MB (at most {limits.max_size_mb:g} MB)"
    )
    slow = trial is not None and trial.seconds > trial.limit
    if trial is not None:
        text += f", {trial.seconds:.1f} s of computing time for {trial.inputs:,} inputs (at most {trial.limit:g} s)"
    if parameters > limits.max_parameters or size > limits.max_size_mb or slow:
        return text + ". That is too much: it would not be graded. Make the model smaller."
    return text + "."
