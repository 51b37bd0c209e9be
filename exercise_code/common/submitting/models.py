"""What is to be said of the models in a hand-in, and where a missing one comes from."""

from contextlib import suppress
from pathlib import Path

from ..errors import CourseError
from ..exercise import Exercise
from ..hand_ins.hand_in import HandIn, inspect_model
from .notebooks import cells_of

__all__ = ["judge_models", "saving_cell"]


def judge_models(exercise: Exercise, handin: HandIn) -> tuple[list[str], list[str]]:
    """What is wrong with the models, and what there is to know about them."""
    problems: list[str] = []
    notes: list[str] = []
    for name in handin.models:
        path = handin.folder / "models" / name
        if path.suffix == ".safetensors":
            info = inspect_model(path, exercise.model)
            problems += info.problems
            trained = f", trained on {info.data_source} data" if info.data_source else ""
            notes.append(f"models/{name}: {info.parameters:,} parameters, {info.size_mb:.1f} MB{trained}")
            now = _source_now(exercise)
            if info.data_source and now not in ("", info.data_source):
                notes.append(
                    f"models/{name} was trained on {info.data_source} data, but {now} data is loaded here now: "
                    f"train again if the course grades on {now} data"
                )
    return problems, notes


def _source_now(exercise: Exercise) -> str:
    """What `load_dataset` gives for the exercise's data set as things are: "real" or "embedded"."""
    from ..datasets.load import resolve_source

    with suppress(CourseError):
        return resolve_source(exercise.model.dataset) if exercise.model else ""
    return ""


def saving_cell(model: str, folder: Path) -> str:
    """Where the notebooks save the model, in words; empty when no cell does."""
    for path in sorted(folder.glob("*.ipynb")):
        heading = ""
        for kind, source, _ in cells_of(path):
            if kind == "markdown":
                titles = [line.lstrip("# ") for line in source.splitlines() if line.startswith("#")]
                heading = titles[-1] if titles else heading
            elif kind == "code" and "save_model(" in source and model in source:
                below = f" below “{heading}”" if heading else ""
                return f"the cell with `save_model`{below} in {path.name}"
    return ""
