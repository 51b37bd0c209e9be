"""Trained models as files: weights in safetensors, hyperparameters in JSON, never a pickle."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from .course_tree import assignment_folder, exercise_here
from .errors import CourseError
from .evaluation import evaluate_model
from .exercise import Exercise, load_exercise
from .modelfile import inspect_model

__all__ = ["count_parameters", "load_model", "model_source", "save_model"]

MAX_HPARAMS_BYTES = 64 * 1024

M = TypeVar("M", bound=nn.Module)


def save_model(
    model: nn.Module,
    name: str,
    hparams: Mapping[str, Any],
    exercise: str | None = None,
    folder: Path | str | None = None,
    data_source: str | None = None,
    keep_best: Any = None,
) -> Path:
    """The path of `models/NAME.safetensors`, written beside `NAME.json`, which holds the hyperparameters.

    It prints how many parameters the model has and how large its file is, beside the exercise's limits.

    Args:
        hparams: plain values (numbers, texts, lists, dicts) from which the model's class builds it again.
        exercise: whose model it is; None takes the exercise whose folder the notebook is in.
        folder: where to save instead of the exercise's `models` folder.
        data_source: where the training data came from ("embedded" or "real"); kept with the weights.
        keep_best: a dataset, usually the validation set. A model that is there already is replaced only if the
            new one scores higher on it; one that no longer fits the code is replaced in any case.
    """
    spec = _exercise(exercise, required=folder is None)
    path = _path(name, spec, folder)
    text = _hparams_text(hparams)
    state = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in model.state_dict().items()}
    if keep_best is not None and not _beats_saved(model, path, keep_best, spec):
        return path
    metadata = {"data_source": data_source} if data_source else None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, save(state, metadata))
        _write(path.with_suffix(".json"), text.encode())
    except OSError as error:
        raise CourseError(f"could not save {path}: {error.strerror or error}") from None
    print(_summary(path, count_parameters(model), spec))
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
    if misfit := _misfit(state, model.state_dict()):
        raise CourseError(f"the weights in {path.name} do not fit the code: {misfit}; train and save the model again")
    model.load_state_dict(state)
    return model.eval()


def count_parameters(model: nn.Module) -> int:
    """The number of values in the model's floating tensors, buffers (as of batch normalisation) included."""
    return sum(tensor.numel() for tensor in model.state_dict().values() if tensor.is_floating_point())


def model_source(path: Path) -> str | None:
    """Where the data came from that a saved model was trained on; None where the file does not say."""
    try:
        with safe_open(path, framework="numpy") as file:
            return (file.metadata() or {}).get("data_source")
    except (OSError, SafetensorError) as error:
        raise CourseError(f"expected a model at {path}, got {error}: save it again") from None


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


def _beats_saved(model: nn.Module, path: Path, dataset: Any, exercise: Exercise | None) -> bool:
    if not path.is_file():
        return True
    build = type(model)
    try:
        saved = load_model(path.stem, build, folder=path.parent)
        metric = exercise.model.metric if exercise is not None and exercise.model is not None else None
        old = evaluate_model(saved, dataset, metric)
    # Whatever the old file or its hyperparameters do to the student's new code, the new model is saved.
    except Exception as error:  # noqa: BLE001
        print(f"The model saved before is replaced: it no longer runs with this code ({error}).")
        return True
    new = evaluate_model(model, dataset, metric)
    if new > old:
        return True
    print(f"Kept the model saved before: it scores {old:.4g}, this one {new:.4g}. Without keep_best it is replaced.")
    return False


def _misfit(saved: Mapping[str, Tensor], built: Mapping[str, Tensor]) -> str:
    if missing := sorted(set(built) - set(saved)):
        return f"the file lacks {_some(missing)}"
    if unknown := sorted(set(saved) - set(built)):
        return f"the model has no {_some(unknown)}"
    for key, tensor in built.items():
        if saved[key].shape != tensor.shape:
            return f"{key} is {tuple(saved[key].shape)} in the file and {tuple(tensor.shape)} in the model"
    return ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _write(path: Path, content: bytes) -> None:
    """Nothing; writes the file under another name first, so that there is never half a file."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _summary(path: Path, parameters: int, exercise: Exercise | None) -> str:
    size = inspect_model(path).size_mb
    limits = exercise.model if exercise is not None else None
    if limits is None:
        return f"Saved {path.name}: {parameters:,} parameters, {size:.1f} MB."
    text = (
        f"Saved {path.name}: {parameters:,} parameters (at most {limits.max_parameters:,}), "
        f"{size:.1f} MB (at most {limits.max_size_mb:g} MB)."
    )
    if parameters > limits.max_parameters or size > limits.max_size_mb:
        return text + " That is too much: it would not be graded. Make the model smaller."
    return text
