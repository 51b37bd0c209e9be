"""The one test format: `@grade` marks a test, `observe` runs a probe on the student's code, `assert_same` compares.

A test is a function of fixtures, named by its parameters:

- `observe(probe, *inputs)`: the probe's answer on the student's code, a plain value (see `wire`).
- `rng`: a `numpy.random.Generator`, seeded from the test's name (and the course's secret in grading).
- `reference(probe, *inputs)`: the same on the reference solution (hidden tests).
- `evaluation()`: the score of the handed-in model; `model_info`: what its file says of itself.

What a student reads of a failure is made of the test's docstring, the call (`with call("dataset[0]"):`, or `each_call`
in the probe and `assert_calls` in the test), what was wanted and what came, and a hint if one fits (`hints=`).

`evaluation` needs a given module `scoring.py` in the exercise's package, torch-free at its top, with
`evaluation_set(source, split, seed=None) -> (inputs, targets)` (numpy arrays; a seed asks for a fresh embedded
set), and the probe `predict(code, name, inputs) -> ndarray`, which loads `code.models / f"{name}.safetensors"`
and its JSON, builds the student's model, sets eval mode and answers predictions for all inputs, in batches.
"""

import copy
import hashlib
import importlib
import importlib.util
import inspect
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from .checks.comparing import as_array, assert_calls, assert_same, entry, kind_of, length, resembles, show, wrong_type
from .checks.exceptions import as_failure, describe_exception, failure_from
from .checks.failures import Failure, Kind, OddAnswer, call, each_call
from .checks.reasons import Reason
from .errors import CourseError, expect_asserts
from .exercise import Exercise, ModelSpec
from .wire import decode, encode

__all__ = [
    "Case",
    "Code",
    "Failure",
    "Grade",
    "InProcess",
    "OddAnswer",
    "Outcome",
    "Score",
    "as_array",
    "as_failure",
    "assert_calls",
    "assert_same",
    "call",
    "describe_exception",
    "discover",
    "each_call",
    "entry",
    "failure_from",
    "grade",
    "kind_of",
    "length",
    "load_cases",
    "resembles",
    "run_case",
    "seed_all",
    "show",
    "test_seed",
    "wrong_type",
]

F = TypeVar("F", bound=Callable[..., None])


@dataclass(frozen=True)
class Grade:
    """What `@grade` says of a test."""

    grade_id: str
    own_process: bool = False
    cpu_seconds: float | None = None
    writable: bool = False
    weight: float = 1.0
    step: str = ""

    def of(self, model: ModelSpec | None) -> "Grade":
        """The same with what `exercise.toml` says of a step: the weight of a test that earns points, the CPU time."""
        if not self.step:
            return self
        if model is None:
            raise CourseError(f"expected [model] with the step {self.step!r} in exercise.toml, found none: add it")
        weight = self.weight and model.added_share(self.step)
        return replace(self, weight=weight, cpu_seconds=self.cpu_seconds or model.cpu_seconds)


def grade(
    grade_id: str,
    *,
    own_process: bool = False,
    cpu_seconds: float | None = None,
    writable: bool = False,
    weight: float = 1.0,
    step: str = "",
) -> Callable[[F], F]:
    """A decorator that makes a test count for the graded cell `grade_id`.

    `own_process` runs its probes in a child of their own, `cpu_seconds` replaces the exercise's limit for a
    test, `writable` gives the probe a small private folder as its working directory. A cell's points are divided
    over its tests by `weight`: 0 is for a test that informs, such as a score on data whose labels are public.
    `step` names a step of the model's score: the test's weight is then the share that `exercise.toml` gives to it,
    beyond the step before (or 0, where that is said).
    """
    if step and weight not in (0, 1):
        raise CourseError(f"expected no weight beside step={step!r}, got {weight}: exercise.toml states its share")

    def mark(function: F) -> F:
        # An attribute, not a pytest mark: `check` runs tests in notebooks without importing pytest.
        function.__grade__ = Grade(  # type: ignore[attr-defined]
            grade_id, own_process, cpu_seconds, writable, weight, step
        )
        return function

    return mark


@dataclass(frozen=True)
class Case:
    """One test function; `title` is its docstring, the sentence that a student reads."""

    name: str
    grade: Grade
    title: str
    function: Callable[..., None]
    visible: bool = True

    @property
    def fixtures(self) -> tuple[str, ...]:
        """Names of the fixtures the test asks for."""
        return tuple(inspect.signature(self.function).parameters)


@dataclass(frozen=True)
class Outcome:
    """What became of one test."""

    name: str
    grade_id: str
    title: str
    passed: bool
    reason: str = ""
    want: str = ""
    got: str = ""
    hint: str = ""
    kind: Kind = "value"
    exception_type: str = ""
    seconds: float = 0.0
    visible: bool = True
    code: Reason | None = None
    made_call: str = ""


class Code:
    """The student's package: `code.dataloader` imports its module `dataloader`; `code.models` is a folder.

    `scores` keeps what the handed-in model came to, for the tests that ask for it in turn.
    """

    def __init__(self, package: str, models: Path | None = None) -> None:
        self._package = package
        self.models = models
        self.scores: list[Score | Failure] = []

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        return importlib.import_module(f"{self._package}.{name}")


def load_cases(path: Path, module_name: str, visible: bool = True, model: ModelSpec | None = None) -> list[Case]:
    """The graded tests of a file, in its order, from a fresh import under `module_name`.

    `model` is the exercise's, for tests of the steps of its score.
    """
    expect_asserts()
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise CourseError(f"expected a file of tests at {path}, found none: restore it from the course")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cases_of(module, path, visible, model)


def cases_of(module: ModuleType, path: Path, visible: bool, model: ModelSpec | None = None) -> list[Case]:
    """The graded tests of an imported module, in the order of their definition."""
    cases = []
    for name, function in vars(module).items():
        mark = getattr(function, "__grade__", None)
        if not name.startswith("test_") or not isinstance(mark, Grade):
            continue
        title = " ".join((function.__doc__ or "").split())
        if not title:
            raise CourseError(f"{path.name}: {name} has no docstring, the sentence a student reads: add one")
        cases.append(Case(name, mark.of(model), title, function, visible))
    return cases


def discover(exercise: Exercise) -> list[Case]:
    """The exercise's visible tests."""
    return load_cases(exercise.visible_tests, f"{exercise.package}.test_visible", model=exercise.model)


def test_seed(name: str, key: str = "visible") -> int:
    """A seed of 32 bits that depends on the test's name, the same everywhere."""
    return int.from_bytes(hashlib.sha256(f"{key}:{name}".encode()).digest()[:4], "little")


# pytest must not take the helper for a test where a test file imports it.
test_seed.__test__ = False  # type: ignore[attr-defined]


def seed_all(seed: int) -> None:
    """Seed Python's, numpy's and, where it is imported, torch's global generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


@contextmanager
def _own_random_state(seed: int) -> Iterator[None]:
    """Seed the global generators, and give the notebook its own state back afterwards."""
    torch = sys.modules.get("torch")
    saved = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None
    seed_all(seed)
    try:
        yield
    finally:
        random.setstate(saved[0])
        np.random.set_state(saved[1])
        if torch and saved[2] is not None:
            torch.set_rng_state(saved[2])


@contextmanager
def _temporary_cwd() -> Iterator[None]:
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


class InProcess:
    """`observe` in this process: the same answers, types and failures as through the sandbox."""

    def __init__(self, code: Code, folder: Path, seed: int = 0, writable: bool = False) -> None:
        self.code, self.folder, self.seed, self.writable = code, folder, seed, writable

    def __call__(self, probe: Callable[..., Any], *inputs: Any) -> Any:
        """The probe's answer; a `Failure` when the student's code raises or answers what cannot travel."""
        with _own_random_state(self.seed):
            try:
                if self.writable:
                    with _temporary_cwd():
                        return decode(encode(probe(self.code, *copy.deepcopy(inputs))))
                return decode(encode(probe(self.code, *copy.deepcopy(inputs))))
            except Failure:
                raise
            except (Exception, SystemExit) as error:
                raise failure_from(describe_exception(error, self.folder)) from error


def run_case(
    case: Case,
    code: Code,
    exercise: Exercise,
    *,
    key: str = "visible",
    reference: Callable[..., Any] | None = None,
) -> Outcome:
    """What becomes of a test when its probes run on `code` in this process."""
    seed = test_seed(case.name, key)
    observe = InProcess(code, exercise.folder, seed, case.grade.writable)
    available: dict[str, Callable[[], Any]] = {
        "observe": lambda: observe,
        "rng": lambda: np.random.default_rng(seed),
        "evaluation": lambda: lambda: _evaluate(exercise, code, observe),
        "model_info": lambda: _inspect(exercise, code),
    }
    if reference is not None:
        available["reference"] = lambda: reference
    start = time.perf_counter()
    failure: Failure | None = None
    try:
        case.function(**{name: available[name]() for name in case.fixtures})
    except Exception as error:
        failure = as_failure(error)
    seconds = time.perf_counter() - start
    known = (case.name, case.grade.grade_id, case.title)
    if failure is None:
        return Outcome(*known, True, seconds=seconds, visible=case.visible)
    return Outcome(
        *known,
        False,
        failure.reason,
        failure.want,
        failure.got,
        failure.hint,
        failure.kind,
        failure.exception_type,
        seconds,
        case.visible,
        failure.code,
        failure.made_call,
    )


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


def _inspect(exercise: Exercise, code: Code) -> Any:
    from .handin import inspect_model
    from .source_data import sources_of

    path = _model_file(exercise, code)
    return inspect_model(path, exercise.model, sources_of(exercise.folder, exercise.given).values())


def _evaluate(exercise: Exercise, code: Code, observe: Callable[..., Any]) -> Score:
    """The score on the validation set; the tests of all steps share one, and one failure."""
    if not code.scores:
        try:
            code.scores.append(_fresh_score(exercise, code, observe))
        except Failure as failure:
            code.scores.append(failure)
    (found,) = code.scores
    if isinstance(found, Failure):
        raise found
    return found


def _fresh_score(exercise: Exercise, code: Code, observe: Callable[..., Any]) -> Score:
    from .datasets.load import resolve_source
    from .metrics import get_metric

    _model_file(exercise, code)
    assert exercise.model is not None
    source = resolve_source(exercise.model.dataset)
    scoring = importlib.import_module(f"{exercise.package}.scoring")
    inputs, targets = scoring.evaluation_set(source, "val")
    predictions = observe(scoring.predict, exercise.model.files[0], inputs)
    return Score(get_metric(exercise.model.metric)(predictions, targets), exercise.model, source)
