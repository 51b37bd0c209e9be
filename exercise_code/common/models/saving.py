"""Saving a trained model so that it can be handed in, and loading it again."""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError

from ..checks.reloading import fresh_code
from ..course_tree import assignment_folder, exercise_here
from ..datasets.load import resolve_source
from ..errors import CourseError
from ..exercise import Exercise, load_exercise
from ..hand_ins.model_file import inspect_model, misfit
from ..metrics import get_metric
from ..probing.scores import load_scoring
from .library import Library, shapes
from .numpy_library import NumpyLibrary, has_params

__all__ = ["count_parameters", "load_model", "save_model"]

MAX_HPARAMS_BYTES = 64 * 1024

M = TypeVar("M")
R = TypeVar("R")


@dataclass(frozen=True)
class Trial:
    """What predicting so many inputs took, and the most it may take when it is graded, in seconds of CPU time."""

    inputs: int
    seconds: float
    limit: float


def save_model(
    model: Any,
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
        model: a `torch.nn.Module`, or a model of numpy: `params` is a dict of arrays, `forward` predicts.
        hparams: plain values (numbers, texts, lists, dicts) from which the model's class builds it again.
        exercise: whose model it is; None takes the exercise whose folder the notebook is in.
        folder: where to save instead of the exercise's `models` folder.
        data_source: where the training data came from ("embedded" or "real"); kept with the weights.
        keep_best: a dataset, usually the validation set (for a model of numpy, a pair of arrays). A model that is there
            already is replaced only if the new one scores better on it; one that no longer fits the code is replaced
            in any case.
        metric: the name of the score that `keep_best` compares; None takes that of the exercise.
    """
    spec = _exercise(exercise, required=folder is None)
    path = _path(name, spec, folder)
    text = _hparams_text(hparams)
    library = _library_of(model)
    model = library.unwrapped(model)
    state = library.state(model)
    if keep_best is not None and not _beats_saved(library, model, path, keep_best, _metric(metric, spec)):
        return path
    metadata = {"data_source": data_source} if data_source else None
    graded = spec if folder is None else None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, so that the new files need only be renamed.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-", ignore_cleanup_errors=True) as name:
            new = Path(name) / path.name
            new.write_bytes(library.pack(state, metadata))
            new.with_suffix(".json").write_bytes(text.encode())
            trial = _try_out(new, library, model, state, graded)
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
    model = build(_read(path.with_suffix(".json"), _hparams))
    library = _library_of(model)
    state = _read(path, library.read)
    if fault := misfit(shapes(state), shapes(library.state(model))):
        raise CourseError(f"the weights in {path.name} do not fit the code: {fault}; train and save the model again")
    filled: M = library.fill(model, state)
    return filled


def count_parameters(model: Any) -> int:
    """The number of values in the model's floating parameters, buffers (as of batch normalisation) included."""
    return _library_of(model).parameters(model)


def _library_of(model: Any) -> Library:
    """The library of the model; a `CourseError` for what is none."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        from .torch_library import TorchLibrary

        return TorchLibrary()
    if has_params(model):
        return NumpyLibrary()
    raise CourseError(
        "expected a torch.nn.Module, or a model with params, a dict of numpy arrays, "
        f"got {type(model).__name__}: pass the trained model"
    )


def _hparams(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read(path: Path, read: Callable[[Path], R]) -> R:
    try:
        return read(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise CourseError(f"{path.stem} cannot be read ({error}): save the model again") from None


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


def _try_out(
    new: Path, library: Library, model: Any, state: Mapping[str, Any], graded: Exercise | None
) -> Trial | None:
    """What a pass of the saved model costs, where the grader will make one; a `CourseError` where it cannot be used."""
    kept = "the model that was saved before, if any, is still there"
    back = library.read(new)
    if set(back) != set(state) or any(not library.same(back[key], state[key]) for key in state):
        raise CourseError(f"{new.name} did not come back from disk as it was written: save it again; {kept}")
    if graded is not None and graded.model is not None:
        return _as_the_grader(new, graded, kept)
    try:
        built = type(model)(_hparams(new.with_suffix(".json")))
    # A model whose class takes other arguments is built by its owner's own function.
    except Exception:  # noqa: BLE001
        return None
    if fault := misfit(shapes(back), shapes(library.state(built))):
        raise CourseError(
            f"not saved, because {type(model).__name__}(hparams) builds another model: {fault}; "
            f"pass the hyperparameters that the model was built from; {kept}"
        )
    return None


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


def _beats_saved(library: Library, model: Any, path: Path, dataset: Any, metric: str) -> bool:
    if not path.is_file():
        return True
    build = type(model)
    new = library.score(model, dataset, metric)
    try:
        saved = load_model(path.stem, build, folder=path.parent)
        old = library.score(saved, dataset, metric)
    # Whatever the old file or its hyperparameters do to the student's new code, the new model is saved.
    except Exception as error:  # noqa: BLE001
        print(f"The model saved before is replaced: it no longer runs with this code ({error}).")
        return True
    if new > old if get_metric(metric).higher_is_better else new < old:
        return True
    print(f"Kept the model saved before: it scores {old:.4g}, this one {new:.4g}. Without keep_best it is replaced.")
    return False


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
    if problems := inspect_model(path, limits).problems:
        return f"{text}. It would not be graded: {'; '.join(problems)}."
    return text + "."
