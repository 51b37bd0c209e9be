"""What `exercise.toml` says of an exercise."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from .errors import CourseError

__all__ = [
    "Exercise",
    "Limits",
    "ModelSpec",
    "Step",
    "check_steps",
    "exercise_ids",
    "load_exercise",
    "reached",
    "upcoming",
]


@dataclass(frozen=True)
class Step:
    """A stated score: what it is called, the score for each data source, and the share of the points it brings.

    Shares add nothing up: whoever stands on a step has its share. The first step with the share 1 is the one that
    passes; those behind it are honours without points, and may be stated for some of the sources only.
    """

    name: str
    score: dict[str, float]
    share: float


def reached(steps: tuple[Step, ...], score: float, source: str, digits: int, higher_is_better: bool) -> Step | None:
    """The highest step whose stated score the rounded score reaches; None below all of them.

    Both sides have the digits that scores are stated with, so noise behind them decides nothing.
    """
    rounded = round(score, digits)
    best = None
    for step in steps:
        stated = step.score.get(source)
        if stated is not None and (rounded >= stated if higher_is_better else rounded <= stated):
            best = step
    return best


def upcoming(steps: tuple[Step, ...], step: Step | None, source: str) -> Step | None:
    """The step behind this one; None behind the last. Behind None comes the first."""
    behind = steps[steps.index(step) + 1 :] if step is not None else steps
    return next((each for each in behind if source in each.score), None)


def check_steps(steps: tuple[Step, ...], digits: int, where: str) -> None:
    """Nothing; a `CourseError` when names, shares or scores do not make a staircase."""
    names = [step.name for step in steps]
    if len(set(names)) < len(names):
        raise CourseError(f"{where}: expected steps with names that differ, got {', '.join(names)}")
    shares = [step.share for step in steps]
    earning = shares[: shares.index(1) + 1] if 1 in shares else []
    if not earning or sorted(set(earning)) != earning or earning[0] <= 0 or set(shares[len(earning) :]) - {1}:
        raise CourseError(f"{where}: expected shares that rise from above 0 to 1 and stay there, got {shares}")
    sources = set(steps[len(earning) - 1].score)
    for step in steps[: len(earning)]:
        if set(step.score) != sources:
            raise CourseError(f"{where}: expected scores of {step.name!r} for {sorted(sources)}, got {step.score}")
    for source in sorted({source for step in steps for source in step.score}):
        scores = [step.score[source] for step in steps if source in step.score]
        if source not in sources or (sorted(set(scores)) not in (scores, scores[::-1])):
            raise CourseError(f"{where}: expected scores for {source} that get better from step to step, got {scores}")
        if any(round(score, digits) != score for score in scores):
            raise CourseError(f"{where}: expected scores with at most {digits} digits, got {scores} for {source}")


PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Limits:
    """What grading allows a hand-in: CPU seconds in all and for a test, MB of address space above the worker's."""

    cpu_seconds: float = 30.0
    test_cpu_seconds: float = 5.0
    memory_mb: int = 2000


@dataclass(frozen=True)
class ModelSpec:
    """A trained model that is handed in: its files, its limits, and the steps at which its score earns points.

    `cpu_seconds` is what predicting the whole evaluation set may take, all threads together. `max_axes` is how many
    axes a tensor may have: 2 leaves fully connected layers, whose weights are matrices, and no convolutions.
    """

    files: tuple[str, ...]
    max_parameters: int
    max_size_mb: float
    metric: str
    grade_id: str
    steps: tuple[Step, ...]
    digits: int
    dataset: str
    cpu_seconds: float | None = None
    max_axes: int | None = None

    @property
    def pass_step(self) -> Step:
        """The step that earns all points."""
        return next(step for step in self.steps if step.share == 1)

    @property
    def passing(self) -> dict[str, float]:
        """The score that earns all points, for each data source."""
        return self.pass_step.score

    @property
    def earning_steps(self) -> tuple[Step, ...]:
        """The steps that bring points, up to the one that passes."""
        return self.steps[: self.steps.index(self.pass_step) + 1]

    def reached(self, score: float, source: str) -> Step | None:
        """The highest step that the score reaches, rounded to the digits that steps are stated with."""
        from .metrics import get_metric  # numpy, which a look at exercise.toml does not need

        return reached(self.steps, score, source, self.digits, get_metric(self.metric).higher_is_better)

    def upcoming(self, step: Step | None, source: str) -> Step | None:
        """The step behind this one, the first behind None; None where there is no more."""
        return upcoming(self.steps, step, source)

    def reaches(self, score: float, source: str, name: str) -> bool:
        """True when the score stands on this step, or on one behind it."""
        step = self.reached(score, source)
        return step is not None and self.steps.index(step) >= self.steps.index(self.step(name))

    def passes(self, score: float, source: str) -> bool:
        """True when the score earns all points."""
        return self.reaches(score, source, self.pass_step.name)

    def step(self, name: str) -> Step:
        """The step of this name; a `CourseError` when there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        known = ", ".join(step.name for step in self.steps)
        raise CourseError(f"expected the name of a step in exercise.toml, got {name!r}: known are {known}")

    def added_share(self, name: str) -> float:
        """The share of the points that this step brings beyond the one before it."""
        at = self.steps.index(self.step(name))
        # 0.6 - 0.3 is not 0.3 in binary, and points are printed.
        return round(self.steps[at].share - (self.steps[at - 1].share if at else 0.0), 9)


@dataclass(frozen=True)
class Exercise:
    """One exercise; `folder` is its package folder, students fill in its `modules`, the `given` ones are ours.

    `personal` says that its numbers differ from student to student: see `hand_ins/student_id.py`.
    """

    id: str
    folder: Path
    title: str
    minutes: int
    modules: tuple[str, ...]
    pass_points: float = 50.0
    imports: tuple[str, ...] = ("numpy",)
    notebooks: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    personal: bool = False
    limits: Limits = field(default_factory=Limits)
    model: ModelSpec | None = None

    @property
    def package(self) -> str:
        """The exercise's importable name, such as `exercise_code.ex03_dataloader`."""
        return f"exercise_code.{self.id}"

    @property
    def visible_tests(self) -> Path:
        """The file with the visible tests."""
        return self.folder / "test_visible.py"

    @property
    def all_notebooks(self) -> tuple[str, ...]:
        """Names of the core and the optional notebooks, without `.ipynb`, in order of their numbers."""
        return tuple(sorted(self.notebooks + self.optional))


def exercise_ids(package: Path | None = None) -> list[str]:
    """Ids of the exercises in a package folder, of this package's without one, in order."""
    return sorted(path.parent.name for path in (package or PACKAGE).glob("ex*/exercise.toml"))


def load_exercise(exercise_id: str, package: Path | None = None) -> Exercise:
    """The exercise with this id; a `CourseError` names the known ones when there is none such."""
    package = package or PACKAGE
    path = package / str(exercise_id) / "exercise.toml"
    if exercise_id not in exercise_ids(package):
        known = exercise_ids(package)
        close = difflib.get_close_matches(str(exercise_id), known, n=1, cutoff=0.4)
        advice = f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
        raise CourseError(f"expected the id of an exercise, got {str(exercise_id)!r}: {advice}")
    found: Exercise = _read(path, path.stat().st_mtime_ns)
    return found


@lru_cache
def _read(path: Path, _mtime_ns: int) -> Exercise:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"expected TOML in {path}, got {error}: fix the file") from None
    limits = _build(Limits, table.pop("limits", {}), f"{path}, [limits]")
    model = _model(table.pop("model"), f"{path}, [model]") if "model" in table else None
    extra = {"id": path.parent.name, "folder": path.parent, "limits": limits, "model": model}
    found: Exercise = _build(Exercise, {**table, **extra}, str(path))
    return found


def _model(table: dict[str, Any], where: str) -> ModelSpec:
    steps = [_build(Step, step, f"{where}, [[model.steps]]") for step in table.get("steps", [])]
    model: ModelSpec = _build(ModelSpec, {**table, "steps": steps}, where)
    check_steps(model.steps, model.digits, where)
    if len(model.files) != 1:
        raise CourseError(f"expected the name of one model in files of {where}, got {len(model.files)}: hand in one")
    return model


def _build(cls: type, table: dict[str, Any], where: str) -> Any:
    known = {f.name for f in fields(cls)}
    if unknown := sorted(set(table) - known):
        raise CourseError(f"expected the keys {', '.join(sorted(known))} in {where}, got {', '.join(unknown)}")
    try:
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
    except TypeError as error:
        raise CourseError(f"{where}: {error}") from None
