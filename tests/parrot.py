"""A hand-in that knows the visible tests by heart: what it would earn that answers them and can do nothing else.

Each function and method that a student writes answers with what the reference answered to the same arguments while
the visible tests ran, and raises for any others. The visible tests count as passed: whoever can read them can answer
them. Hidden ones are run.
"""

import ast
import copy
import hashlib
import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import islice
from pathlib import Path
from types import FunctionType, GeneratorType
from typing import Any

import numpy as np

from autograder.sources import BEGIN_SOLUTION, points_of
from autograder.variants import Sources
from exercise_code.common.reloading import fresh_code
from exercise_code.common.testing import Case, Code, InProcess, load_cases, run_case, test_seed

KEY = "a parrot's secret"
# A generator of the reference ends long before.
MOST_ITEMS = 10_000


def points_by_heart(src: Sources) -> tuple[float, float]:
    """What the parrot earns, and what there is to earn, in the cells whose tests look at no trained model."""
    visible = load_cases(src.exercise.visible_tests, f"_parrot_visible_{src.id}")
    hidden = load_cases(src.course / "test_hidden.py", f"_parrot_hidden_{src.id}", visible=False)
    memory: dict[str, Callable[[], Any]] = {}
    _run(src, visible, lambda name, function: _recording(memory, name, function), memory)
    outcomes = _run(src, hidden, lambda name, function: _replaying(memory, name, function), memory)
    about_models = {case.grade.grade_id for case in [*visible, *hidden] if "evaluation" in case.fixtures}
    points = points_of(src.id)
    earned = possible = 0.0
    for grade_id in {case.grade.grade_id for case in [*visible, *hidden]} - about_models:
        own = [case for case in [*visible, *hidden] if case.grade.grade_id == grade_id]
        known = sum(case.grade.weight for case in own if case.visible or outcomes[case.name])
        earned += points[grade_id] * known / sum(case.grade.weight for case in own)
        possible += points[grade_id]
    return earned, possible


def _run(
    src: Sources, cases: list[Case], wrap: Callable[[str, Any], Any], memory: dict[str, Any]
) -> dict[str, bool]:
    """Whether each test passes on the reference with its students' functions wrapped."""
    passed = {}
    for case in cases:
        with fresh_code(src.exercise, src.solution / "models", src.solution) as code:
            known = InProcess(code, src.solution, test_seed(case.name, KEY), case.grade.writable)
            answers: dict[bytes, Any] = {}

            def reference(probe: Any, *inputs: Any, answers: Any = answers) -> Any:
                return answers[_hash((probe.__qualname__, inputs))]

            # The reference's answers first: from then on its functions are the parrot's.
            recorder = _Recorder(known, answers)
            if not case.visible:
                run_case(case, code, src.exercise, key=KEY, reference=recorder)
            _patch(src, code, wrap)
            passed[case.name] = run_case(case, code, src.exercise, key=KEY, reference=reference).passed
    assert memory, f"no function of {src.id} was called by a visible test"
    return passed


class _Recorder:
    """The fixture `reference`, which keeps its answers."""

    def __init__(self, observe: InProcess, answers: dict[bytes, Any]) -> None:
        self.observe, self.answers = observe, answers

    def __call__(self, probe: Any, *inputs: Any) -> Any:
        answer = self.observe(probe, *inputs)
        self.answers[_hash((probe.__qualname__, inputs))] = answer
        return answer


def _patch(src: Sources, code: Code, wrap: Callable[[str, Any], Any]) -> None:
    found = 0
    for path in sorted(src.solution.glob("*.py")):
        module = getattr(code, path.stem)
        for name in _written_by_students(path.read_text(encoding="utf-8")):
            holder, _, last = name.rpartition(".")
            owner = getattr(module, holder) if holder else module
            setattr(owner, last, wrap(f"{path.stem}.{name}", vars(owner)[last]))
            found += 1
    assert found, f"{src.id} has no function for students to write"


def _written_by_students(text: str) -> Iterator[str]:
    """The functions of a module, and the methods of its classes, that hold a part to be written."""
    marks = [number for number, line in enumerate(text.splitlines(), start=1) if BEGIN_SOLUTION in line]
    tree = ast.parse(text)
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for each in inner:
            whole = isinstance(node, ast.ClassDef) and any(mark < node.lineno <= mark + 2 for mark in marks)
            if isinstance(each, ast.FunctionDef):
                assert each.end_lineno is not None
                if whole or any(each.lineno <= mark <= each.end_lineno for mark in marks):
                    yield prefix + each.name


def _recording(memory: dict[str, Callable[[], Any]], name: str, function: Any) -> Any:
    @wraps(function)
    def record(*args: Any, **kwargs: Any) -> Any:
        key = _hash((name, _by_name(function, args, kwargs))).hex()
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            memory[key] = _raiser(error)
            raise
        if isinstance(result, GeneratorType):
            result = list(islice(result, MOST_ITEMS))
            kept, state = _copy(result), _state(args)
            memory[key] = lambda: (iter(_copy(kept)), state)
            return iter(result)
        kept, state = _copy(result), _state(args)
        memory[key] = lambda: (_copy(kept), state)
        return result

    return record


def _replaying(memory: dict[str, Callable[[], Any]], name: str, function: Any) -> Any:
    @wraps(function)
    def replay(*args: Any, **kwargs: Any) -> Any:
        key = _hash((name, _by_name(function, args, kwargs))).hex()
        if key not in memory:
            raise LookupError(f"{name} was never called with these arguments")
        result, state = memory[key]()
        if args and state is not None:
            vars(args[0]).update(_copy(state))
        return result

    return replay


def _by_name(function: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def _raiser(error: Exception) -> Callable[[], Any]:
    def throw() -> Any:
        raise error

    return throw


def _state(args: tuple[Any, ...]) -> Any:
    """What the first argument holds after the call: a generator of random numbers has moved on by then."""
    return _copy(vars(args[0])) if args and hasattr(args[0], "__dict__") and not callable(args[0]) else None


def _copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - a tensor within a graph, say: the parrot hands out the one that it saw
        return value


def _hash(value: Any) -> bytes:
    digest = hashlib.sha256()
    _feed(digest, value, 0)
    return digest.digest()


def _feed(digest: Any, value: Any, depth: int) -> None:
    digest.update(f"{type(value).__name__}|".encode())
    if depth > 12:
        return
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            _feed(digest, str(key), depth + 1)
            _feed(digest, value[key], depth + 1)
    elif isinstance(value, list | tuple):
        digest.update(str(len(value)).encode())
        for item in value:
            _feed(digest, item, depth + 1)
    elif isinstance(value, Path):
        # Folders of images lie elsewhere in each test: what is in them counts.
        files = sorted(path for path in [value, *value.rglob("*")] if path.is_file()) if value.exists() else []
        for path in files:
            digest.update(path.name.encode() + path.read_bytes())
    elif isinstance(value, np.random.Generator):
        digest.update(repr(value.bit_generator.state).encode())
    elif isinstance(value, FunctionType):
        digest.update(value.__code__.co_code)
    elif hasattr(value, "state_dict"):
        _feed(digest, dict(value.state_dict()), depth + 1)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        _feed(digest, vars(value), depth + 1)
    else:
        digest.update(repr(value).encode())
