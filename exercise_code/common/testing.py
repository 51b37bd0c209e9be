"""The one test format: `@grade` marks a test, `observe` runs a probe on the student's code, `assert_same` compares.

A test is a function of fixtures, named by its parameters:

- `observe(probe, *inputs)`: the probe's answer on the student's code, a plain value (see `wire`).
- `rng`: a `numpy.random.Generator`, seeded from the test's name (and the course's secret in grading).
- `reference(probe, *inputs)`: the same on the reference solution (hidden tests).
- `evaluation()`: the score of the handed-in model; `model_info`: what its file says of itself.

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
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar

import numpy as np

from .checks.reasons import UNREADABLE_ERRORS, Reason
from .errors import CourseError
from .exercise import Exercise, ModelSpec
from .wire import Opaque, decode, encode

__all__ = [
    "Case",
    "Code",
    "Failure",
    "Grade",
    "InProcess",
    "Outcome",
    "Score",
    "assert_same",
    "describe_exception",
    "discover",
    "grade",
    "load_cases",
    "run_case",
    "seed_all",
    "show",
    "test_seed",
]

F = TypeVar("F", bound=Callable[..., None])
Kind = Literal["value", "exception", "sandbox"]
_CODES: dict[Kind, Reason] = {"value": Reason.DIFFERENT, "exception": Reason.RAISED, "sandbox": Reason.DIED}


class Failure(AssertionError):
    """A test that failed: the reason in words and, where there are any, `want`, `got` and a hint.

    `kind` is "value" for a wrong answer, "exception" for code that raised, and "sandbox" for code that
    died, hung, overdrew or answered garbage: it decides what may be read of a hidden test. `code` says why.
    """

    def __init__(
        self,
        reason: str,
        *,
        want: str = "",
        got: str = "",
        hint: str = "",
        kind: Kind = "value",
        exception_type: str = "",
        code: Reason | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.want, self.got, self.hint = reason, want, got, hint
        self.kind, self.exception_type = kind, exception_type
        self.code = code or _CODES[kind]


@dataclass(frozen=True)
class Grade:
    """What `@grade` says of a test."""

    grade_id: str
    own_process: bool = False
    cpu_seconds: float | None = None
    writable: bool = False
    weight: float = 1.0


def grade(
    grade_id: str,
    *,
    own_process: bool = False,
    cpu_seconds: float | None = None,
    writable: bool = False,
    weight: float = 1.0,
) -> Callable[[F], F]:
    """A decorator that makes a test count for the graded cell `grade_id`.

    `own_process` runs its probes in a child of their own, `cpu_seconds` replaces the exercise's limit for a
    test, `writable` gives the probe a small private folder as its working directory. A cell's points are divided
    over its tests by `weight`: 0 is for a test that informs, such as a score on data whose labels are public.
    """

    def mark(function: F) -> F:
        # An attribute, not a pytest mark: `check` runs tests in notebooks without importing pytest.
        function.__grade__ = Grade(grade_id, own_process, cpu_seconds, writable, weight)  # type: ignore[attr-defined]
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


class Code:
    """The student's package: `code.dataloader` imports its module `dataloader`; `code.models` is a folder."""

    def __init__(self, package: str, models: Path | None = None) -> None:
        self._package = package
        self.models = models

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        return importlib.import_module(f"{self._package}.{name}")


def load_cases(path: Path, module_name: str, visible: bool = True) -> list[Case]:
    """The graded tests of a file, in its order, from a fresh import under `module_name`."""
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise CourseError(f"expected a file of tests at {path}, found none: restore it from the course")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cases_of(module, path, visible)


def cases_of(module: ModuleType, path: Path, visible: bool) -> list[Case]:
    """The graded tests of an imported module, in the order of their definition."""
    cases = []
    for name, function in vars(module).items():
        mark = getattr(function, "__grade__", None)
        if not name.startswith("test_") or not isinstance(mark, Grade):
            continue
        title = " ".join((function.__doc__ or "").split())
        if not title:
            raise CourseError(f"{path.name}: {name} has no docstring, the sentence a student reads: add one")
        cases.append(Case(name, mark, title, function, visible))
    return cases


def discover(exercise: Exercise) -> list[Case]:
    """The exercise's visible tests."""
    return load_cases(exercise.visible_tests, f"{exercise.package}.test_visible")


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


def describe_exception(error: BaseException, folder: Path) -> dict[str, Any]:
    """Type, text and place (within `folder`, the student's package) of an exception, as plain values."""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(folder):
            place = f"{path.relative_to(folder)}, line {frame.lineno}: {frame.line}"
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        place = f"{Path(error.filename).name}, line {error.lineno}: {(error.text or '').strip()}"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return {"type": type(error).__name__[:80], "text": text[:2000], "place": place[:300]}


def failure_from(report: Mapping[str, Any]) -> Failure:
    """The `Failure` that says in words what the student's code raised."""
    name, text, place = str(report["type"]), str(report["text"]), str(report["place"])
    if name == "NotImplementedError" and not text:
        told = "this part is not written yet"
        return Failure(told, got=place, kind="exception", exception_type=name, code=Reason.NOT_WRITTEN)
    reason = f"the code raised {name}" + (f": {text}" if text else "")
    code = Reason.UNREADABLE if name in UNREADABLE_ERRORS else Reason.RAISED
    return Failure(reason, got=place, kind="exception", exception_type=name, code=code)


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
    except Failure as error:
        failure = error
    except AssertionError as error:
        reason = Reason.DIFFERENT if str(error) else Reason.GENERIC
        failure = Failure(str(error) or "the result is not as expected", code=reason)
    except CourseError as error:
        failure = Failure(str(error))
    except Exception as error:
        told = f"the answer is not of the expected form ({type(error).__name__}: {error})"
        failure = Failure(told, code=Reason.MALFORMED)
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
    )


class Score(float):
    """A model's score, with the passing score of its data source; `passed` compares after rounding."""

    passing: float
    passed: bool

    def __new__(cls, value: float, model: ModelSpec, source: str) -> "Score":
        """The score of a model on `source`; NaN and infinity are no scores."""
        if not math.isfinite(value):
            raise Failure(f"expected a finite score, got {value}: the predictions are not finite")
        score = super().__new__(cls, value)
        score.passing, score.passed = model.passing[source], model.passes(value, source)
        return score


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

    return inspect_model(_model_file(exercise, code), exercise.model)


def _evaluate(exercise: Exercise, code: Code, observe: Callable[..., Any]) -> Score:
    from .data import resolve_source
    from .metrics import get_metric

    _model_file(exercise, code)
    assert exercise.model is not None
    source = resolve_source(exercise.model.dataset)
    scoring = importlib.import_module(f"{exercise.package}.scoring")
    inputs, targets = scoring.evaluation_set(source, "val")
    predictions = observe(scoring.predict, exercise.model.files[0], inputs)
    return Score(get_metric(exercise.model.metric)(predictions, targets), exercise.model, source)


def show(value: Any, limit: int = 200) -> str:
    """A short text for a value: arrays with shape, dtype and their first items, long texts cut."""
    if isinstance(value, np.ndarray):
        items = np.array2string(value.ravel()[:8], precision=5, separator=", ", threshold=10)
        dots = ", ...]" if value.size > 8 else "]"
        text = f"array of shape {value.shape}, {value.dtype}: {items[:-1]}{dots}"
    elif isinstance(value, np.generic):
        text = f"{value.item()!r} ({value.dtype})"
    else:
        text = repr(_first_items(value, limit, [limit]))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _first_items(value: Any, limit: int, left: list[int]) -> Any:
    """The value with no more items than `limit` characters can show: the text of a million takes seconds."""
    left[0] -= 1
    if isinstance(value, str | bytes):
        return value[: limit + 1]
    if not isinstance(value, list | tuple | dict):
        return value
    kept: list[Any] = []
    for item in value.items() if isinstance(value, dict) else value:
        if left[0] <= 0:
            break
        if isinstance(value, dict):
            item = _first_items(item[0], limit, left), _first_items(item[1], limit, left)
        else:
            item = _first_items(item, limit, left)
        kept.append(item)
    return type(value)(kept)


def assert_same(got: Any, want: Any, *, rtol: float = 1e-5, atol: float = 1e-8, hint: str = "") -> None:
    """Fail unless `got` has the exact type, shape, dtype kind and values of `want`, all of them finite.

    Floats may differ by `atol + rtol * |want|`; integers, booleans and texts may not differ. Nothing is
    broadcast, and NaN equals nothing. The `Failure` names the first place where the two part.
    """
    difference = _difference(got, want, rtol, atol)
    if difference is None:
        return
    path, reason, inner_got, inner_want = difference
    where = f"at {path}: " if path else ""
    raise Failure(where + reason, want=show(inner_want), got=show(inner_got), hint=hint)


_Difference = tuple[str, str, Any, Any] | None


def _difference(got: Any, want: Any, rtol: float, atol: float, path: str = "") -> _Difference:
    if isinstance(want, np.ndarray | np.generic):
        return _array_difference(got, want, rtol, atol, path)
    if type(got) is not type(want):
        return path, f"expected {_kind(want)}, got {_kind(got)}", got, want
    if isinstance(want, list | tuple):
        if len(got) != len(want):
            return path, f"expected {len(want)} items, got {len(got)}", got, want
        for i, (g, w) in enumerate(zip(got, want, strict=True)):
            if found := _difference(g, w, rtol, atol, f"{path}[{i}]"):
                return found
        return None
    if isinstance(want, dict):
        if set(got) != set(want):
            return path, f"expected the keys {sorted(want, key=str)}, got {sorted(got, key=str)}", got, want
        for key, w in want.items():
            if found := _difference(got[key], w, rtol, atol, f"{path}[{key!r}]"):
                return found
        return None
    if isinstance(want, float):
        if not math.isfinite(got) or not math.isfinite(want):
            return path, f"expected a finite number, got {got}", got, want
        return None if abs(got - want) <= atol + rtol * abs(want) else (path, "the values differ", got, want)
    if isinstance(want, Opaque) or got != want:
        return path, "the values differ", got, want
    return None


def _array_difference(got: Any, want: Any, rtol: float, atol: float, path: str) -> _Difference:
    if isinstance(got, np.ndarray) is not isinstance(want, np.ndarray) or not isinstance(got, np.ndarray | np.generic):
        return path, f"expected {_kind(want)}, got {_kind(got)}", got, want
    if got.shape != want.shape:
        return path, f"expected the shape {want.shape}, got {got.shape}", got, want
    if got.dtype.kind != want.dtype.kind:
        names = {"f": "floats", "i": "integers", "u": "unsigned integers", "b": "booleans"}
        expected, came = (f"{names.get(a.dtype.kind, 'others')} ({a.dtype})" for a in (want, got))
        return path, f"expected {expected}, got {came}", got, want
    if want.dtype.kind == "f":
        got64, want64 = np.asarray(got, np.float64), np.asarray(want, np.float64)
        if not np.isfinite(got64).all():
            return path, "expected finite numbers, got NaN or infinity", got, want
        with np.errstate(invalid="ignore"):
            # Written so that a NaN in `want` counts as different.
            wrong = ~(np.abs(got64 - want64) <= atol + rtol * np.abs(want64))
    else:
        wrong = np.asarray(got != want)
    if not wrong.any():
        return None
    if not want.ndim:
        return path, "the values differ", got, want
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    index = ", ".join(map(str, first))
    reason = f"{int(wrong.sum()):,} of {want.size:,} values differ, the first at [{index}]"
    return path, reason, np.asarray(got)[first], np.asarray(want)[first]


def _kind(value: Any) -> str:
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    if isinstance(value, np.ndarray):
        return "a numpy array"
    if value is None:
        return "None"
    name = type(value).__name__
    return f"numpy.{name}" if isinstance(value, np.generic) else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
