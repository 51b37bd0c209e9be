"""Hand-ins without a thought of their own: ones that always say the same, and one that knows the tests by heart.

Of the latter: what it would earn that answers the visible tests and can do nothing else. Each function and method that
a student writes answers with what the reference answered to the same arguments while the visible tests ran, and
raises for any others. The visible tests count as passed: whoever can read them can answer them. Hidden ones are run;
where numbers differ from student to student, for another student than the one whose answers are known.
"""

import ast
import copy
import hashlib
import inspect
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from itertools import islice
from pathlib import Path
from types import FunctionType, GeneratorType
from typing import Any

import numpy as np

from autograder.sources.cells import BEGIN_SOLUTION, points_of
from autograder.sources.exercise import Sources
from autograder.sources.hunt import read_hunt
from autograder.sources.variants import STUDENTS, as_student
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.probing.cases import Case, load_cases, test_seed
from exercise_code.common.probing.in_process import Code, InProcess
from exercise_code.common.probing.running import bank_of, numbers, run_case

KEY = "a parrot's secret"
Memory = dict[str, list["_Known"]]
# A generator of the reference ends long before.
MOST_ITEMS = 10_000


@dataclass(frozen=True)
class _Known:
    """What a call gave: a result (a list of what a generator gave, if `lazy`) or an error, and what it changed."""

    result: Any = None
    lazy: bool = False
    changed: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None


@dataclass(frozen=True)
class ByHeart:
    """What the parrot earns, of what there is to earn in the cells whose tests look at no trained model.

    `most` is the cell of which it earns the largest part; `repeated` says which visible tests it passes by itself.
    """

    earned: float
    possible: float
    most: str
    repeated: dict[str, bool]


def by_heart(src: Sources) -> ByHeart:
    """What the parrot earns in an exercise."""
    hidden = load_cases(src.course / "test_hidden.py", f"_parrot_hidden_{src.id}", False, src.exercise.model)
    visible = _visible(src)
    if src.exercise.personal:
        passed = passes_by_heart(src, visible) | passes_by_heart(src, hidden, STUDENTS[-1])
    else:
        passed = passes_by_heart(src, hidden + visible)
    cases = [*visible, *hidden]
    about_models = {case.grade.grade_id for case in cases if "evaluation" in case.fixtures}
    points, shares = points_of(src.id), dict[str, float]()
    for grade_id in {case.grade.grade_id for case in cases} - about_models:
        own = [case for case in cases if case.grade.grade_id == grade_id]
        known = sum(case.grade.weight for case in own if case.visible or passed[case.name])
        shares[grade_id] = known / sum(case.grade.weight for case in own)
    return ByHeart(
        sum(points[name] * share for name, share in shares.items()),
        sum(points[name] for name in shares),
        max(shares, key=lambda name: shares[name]),
        {case.name: passed[case.name] for case in visible if case.grade.grade_id in shares},
    )


# Said by a hand-in that has nothing to say.
CONSTANTS = (
    *(None, True, False, 0, 1, 0.0, float("nan"), float("inf"), "", [], (), {}, [[]], [[[], []], [[], []]]),
    *(
        np.bool_(True),
        np.zeros(0),
        np.zeros((3, 3)),
        np.ones((2, 2), int),
        np.full((2, 2), np.nan),
        [0] * 100,
        [[float("nan")] * 10] * 10,
    ),
    {"image": np.zeros((2, 2, 3), np.uint8), "label": 0},
    [{"image": np.zeros((1, 2, 3, 3), np.float32), "label": np.zeros(1, int)}],
)


def passes_whatever_is_answered(src: Sources) -> list[str]:
    """Tests that pass though every probe has the same answer, each with that answer."""
    with tempfile.TemporaryDirectory() as folder:
        return _taking_constants(as_student(src, Path(folder)))


def _taking_constants(src: Sources) -> list[str]:
    found = []
    for case in _about_code(src):
        with fresh_code(src.exercise, src.solution / "models", src.solution) as code:
            seed = test_seed(case.name, KEY)
            known = InProcess(code, src.solution, seed, case.grade.writable)
            for constant in CONSTANTS:
                fixtures = {
                    "observe": lambda probe, *inputs, constant=constant: copy.deepcopy(constant),
                    "rng": np.random.default_rng(seed),
                    "reference": known,
                    "bank": bank_of(known),
                }
                if "numbers" in case.fixtures:
                    fixtures["numbers"] = numbers(src.exercise)
                try:
                    case.function(**{name: fixtures[name] for name in case.fixtures})
                except Exception:  # noqa: BLE001 - whatever it is: the test did not pass
                    continue
                found.append(f"{case.name} takes {constant!r:.60}")
    return found


def passes_with_functions_that_say_the_same(src: Sources) -> list[str]:
    """Tests that pass though each function for students to write gives the same, each with what that is."""
    found = []
    # Each costs a fresh package a test.
    for constant in (None, True, 0, [], {}, np.zeros((3, 3))):

        def wrap(name: str, _function: Any, constant: Any = constant) -> Any:
            # Python takes nothing but None of a constructor.
            said = None if name.endswith(".__init__") else constant
            return lambda *_args, **_kwargs: copy.deepcopy(said)

        passed = _run(src, _about_code(src), wrap)
        found += [f"{name} takes {constant!r:.60}" for name, is_passed in passed.items() if is_passed]
    return found


def _about_code(src: Sources) -> list[Case]:
    """The tests that look at no trained model."""
    hidden = load_cases(src.course / "test_hidden.py", f"_parrot_hidden_{src.id}", False, src.exercise.model)
    return [case for case in [*_visible(src), *hidden] if not {"evaluation", "model_info"} & set(case.fixtures)]


def passes_by_heart(src: Sources, cases: list[Case], student: str = STUDENTS[0]) -> dict[str, bool]:
    """Which tests the parrot passes as this student, after it has seen the visible ones as the first one."""
    memory: Memory = {}
    _run(src, _visible(src), lambda name, function: _recording(memory, name, function))
    assert memory, f"no function of {src.id} was called by a visible test"
    return _run(src, cases, lambda name, function: _replaying(memory, name, function), student)


def _visible(src: Sources) -> list[Case]:
    return load_cases(src.exercise.visible_tests, f"_parrot_visible_{src.id}", True, src.exercise.model)


def _run(
    src: Sources, cases: list[Case], wrap: Callable[[str, Any], Any], student: str = STUDENTS[0]
) -> dict[str, bool]:
    """Whether each test passes on the reference, handed in by `student`, with its students' functions wrapped."""
    with tempfile.TemporaryDirectory() as folder:
        return _run_as(as_student(src, Path(folder), student), cases, wrap)


def _run_as(src: Sources, cases: list[Case], wrap: Callable[[str, Any], Any]) -> dict[str, bool]:
    passed = {}
    for case in cases:
        with fresh_code(src.exercise, src.solution / "models", src.solution) as code:
            known = InProcess(code, src.solution, test_seed(case.name, KEY), case.grade.writable)
            answers: dict[str, Any] = {}

            def reference(probe: Any, *inputs: Any, answers: Any = answers) -> Any:
                return answers[digest((probe.__qualname__, inputs))]

            # The reference's answers first: from then on its functions are the parrot's.
            recorder = _Recorder(known, answers)
            if not case.visible:
                run_case(case, code, src.exercise, key=KEY, reference=recorder)
            _patch(src, code, wrap)
            passed[case.name] = run_case(case, code, src.exercise, key=KEY, reference=reference).passed
    return passed


class _Recorder:
    """The fixture `reference`, which keeps its answers."""

    def __init__(self, observe: InProcess, answers: dict[str, Any]) -> None:
        self.observe, self.answers = observe, answers

    def __call__(self, probe: Any, *inputs: Any) -> Any:
        answer = self.observe(probe, *inputs)
        self.answers[digest((probe.__qualname__, inputs))] = answer
        return answer


def _patch(src: Sources, code: Code, wrap: Callable[[str, Any], Any]) -> None:
    found, hunt = 0, read_hunt(src.course)
    for path in sorted(src.solution.glob("*.py")):
        module = getattr(code, path.stem)
        # In a bug hunt nothing is to be written, and everything may be mended.
        hunted = hunt is not None and hunt.module == path.name
        for name in written_by_students(path.read_text(encoding="utf-8"), hunted=hunted):
            holder, _, last = name.rpartition(".")
            owner = getattr(module, holder) if holder else module
            setattr(owner, last, wrap(f"{path.stem}.{name}", vars(owner)[last]))
            found += 1
    assert found, f"{src.id} has no function for students to write"


def written_by_students(text: str, *, hunted: bool = False) -> Iterator[str]:
    """The functions of a module, and the methods of its classes, that hold a part to be written; all if `hunted`."""
    marks = [number for number, line in enumerate(text.splitlines(), start=1) if BEGIN_SOLUTION in line]
    tree = ast.parse(text)
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for each in inner:
            whole = hunted or (isinstance(node, ast.ClassDef) and any(mark < node.lineno <= mark + 2 for mark in marks))
            if isinstance(each, ast.FunctionDef):
                assert each.end_lineno is not None
                if whole or any(each.lineno <= mark <= each.end_lineno for mark in marks):
                    yield prefix + each.name


def _recording(memory: Memory, name: str, function: Any) -> Any:
    @wraps(function)
    def record(*args: Any, **kwargs: Any) -> Any:
        answers = memory.setdefault(digest((name, _by_name(function, args, kwargs))), [])
        before = _holds(args)
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            answers.append(_Known(error=error))
            raise
        lazy = isinstance(result, GeneratorType)
        kept = list(islice(result, MOST_ITEMS)) if lazy else result
        moved = {key: text for key, text in _holds(args).items() if before.get(key) != text}
        changed = {key: _copy(vars(args[0])[key]) for key in moved}
        answers.append(_Known(_copy(kept), lazy, changed))
        return iter(kept) if lazy else kept

    return record


def _replaying(memory: Memory, name: str, function: Any) -> Any:
    times: Counter[str] = Counter()

    @wraps(function)
    def replay(*args: Any, **kwargs: Any) -> Any:
        key = digest((name, _by_name(function, args, kwargs)))
        if key not in memory:
            raise LookupError(f"{name} was never called with these arguments")
        # Asked again, it says what was said the next time, such as the order of a second epoch.
        known = memory[key][times[key] % len(memory[key])]
        times[key] += 1
        if known.error is not None:
            raise known.error
        if known.changed:
            vars(args[0]).update(_copy(known.changed))
        return iter(_copy(known.result)) if known.lazy else _copy(known.result)

    return replay


def _by_name(function: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def _holds(args: tuple[Any, ...]) -> dict[str, str]:
    """What the first argument holds, such as a method's object: a call may change it."""
    holder = args[0] if args and not isinstance(args[0], type | FunctionType) else None
    return {key: digest(value) for key, value in getattr(holder, "__dict__", {}).items()}


def _copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - a tensor within a graph, say: the parrot hands out the one that it saw
        return value


def digest(value: Any) -> str:
    """A text that equal arguments have in common: numbers, arrays, tensors, files and what objects hold."""
    found = hashlib.sha256()
    _feed(found, value, 0)
    return found.hexdigest()


def _feed(found: Any, value: Any, depth: int) -> None:
    found.update(f"{type(value).__name__}|".encode())
    if depth > 12:
        return
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        found.update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            _feed(found, str(key), depth + 1)
            _feed(found, value[key], depth + 1)
    elif isinstance(value, list | tuple):
        found.update(str(len(value)).encode())
        for item in value:
            _feed(found, item, depth + 1)
    elif isinstance(value, Path):
        # Folders of images lie elsewhere in each test: what is in them counts.
        files = sorted(path for path in [value, *value.rglob("*")] if path.is_file()) if value.exists() else []
        for path in files:
            found.update(path.name.encode() + path.read_bytes())
    elif isinstance(value, np.random.Generator):
        # One without a seed is another each time.
        return
    elif isinstance(value, FunctionType):
        found.update(value.__code__.co_code)
    # A module whose constructor has only begun holds nothing, and cannot say so itself.
    elif hasattr(value, "state_dict") and vars(value):
        _feed(found, dict(value.state_dict()), depth + 1)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        _feed(found, vars(value), depth + 1)
    else:
        found.update(repr(value).encode())
