"""The process that tries given functions in the place of those that students write, each in a fork of its own."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import json
import os
import pickle
import pkgutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import exercise_code.common
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.exercise import load_exercise
from exercise_code.common.probing.cases import Case, load_cases
from exercise_code.common.probing.in_process import Code
from exercise_code.common.probing.running import run_case

from ..sources.exercise import Sources
from ..sources.layout import given_modules
from ..sources.solved import SolvedFunction, says_little, solved_functions
from .stand_ins import StandIn, Trials

__all__ = ["main"]

# For the checks of a task with one given function, which may be slow, or a loop without end: so many times what the
# solution takes, and a little for the start.
TIMES, SECONDS, MOST_SECONDS = 10, 0.5, 60
# A fork costs more than most checks; what one given function leaves behind, the next ones in it have to bear.
FUNCTIONS_A_FORK = 40
# In `exercise_code.common`.
_ROOMS = {"archives", "checks", "hand_ins", "probing", "submitting"}
# Their checks look at the file of a trained model, whatever the code does.
_OF_MODELS = {"evaluation", "model_info"}


def main() -> None:
    """Take an exercise's `Sources` from the standard input, and write its `Trials` to the file that is named."""
    src: Sources = pickle.loads(sys.stdin.buffer.read())
    Path(sys.argv[1]).write_bytes(pickle.dumps(_try_all(src)))


@dataclass
class _Place:
    """A function that students write, and what stands there: nothing, the solution, or a given function.

    `state` names what the solution reads of `self`, in the order in which it does.
    """

    module: str
    solved: SolvedFunction
    owner: Any
    original: FunctionType
    state: tuple[str, ...]
    stands: Callable[..., Any] | None = None
    inside: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        return f"{self.module}.{self.solved.name}"

    @property
    def is_method(self) -> bool:
        return isinstance(self.owner, type)

    def occupy(self) -> None:
        """Let calls of the function come here."""

        @wraps(self.original)
        def standing(*args: Any, **kwargs: Any) -> Any:
            if self.stands is None or self.inside:
                # Given code may call what students write: then it stands in for nothing.
                raise NotImplementedError
            self.inside = True
            try:
                return self.stands(*args, **kwargs)
            finally:
                self.inside = False

        setattr(self.owner, self.original.__name__, standing)


def _try_all(src: Sources) -> Trials:
    for name in src.exercise.imports:
        importlib.import_module(name)
    common = list(_common_functions())
    cases = load_cases(src.exercise.visible_tests, f"_trials_{src.id}", True, src.exercise.model)
    cases = [case for case in cases if not _OF_MODELS & set(case.fixtures)]
    found: list[StandIn] = []
    tried, count = dict[str, None](), 0
    for module, solved in _written(src):
        with fresh_code(src.exercise, src.solution / "models", src.solution, src.earlier_solutions) as code:
            place = _place(code, module, solved)
            if place is None:
                continue
            # From here on nobody can get hold of the solution.
            place.occupy()
            lost = _lost(place, src, code, cases)
            if not lost:
                continue
            given = [*common, *_given_functions(src, code)]
            count = max(count, len(given))
            for task, failing in lost.items():
                tried[task] = None
                found += [StandIn(task, place.name, name) for name in _stand_ins(place, given, src, code, failing)]
    return Trials(tuple(found), tuple(tried), count)


def _written(src: Sources) -> Iterator[tuple[str, SolvedFunction]]:
    for name in src.twins:
        for solved in solved_functions((src.solution / name).read_text(encoding="utf-8")):
            yield Path(name).stem, solved


def _place(code: Code, module: str, solved: SolvedFunction) -> _Place | None:
    """Where the function lies; None for what is no plain function, such as a property, or lies in no module."""
    owner: Any = getattr(code, module)
    *holders, last = solved.name.split(".")
    for holder in holders:
        owner = getattr(owner, holder, None)
    original = vars(owner).get(last) if owner is not None else None
    if not isinstance(original, FunctionType):
        return None
    first = next(iter(inspect.signature(original).parameters), "")
    reads = [
        node
        for node in ast.walk(solved.node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == first
    ]
    in_order = [node.attr for node in sorted(reads, key=lambda node: (node.lineno, node.col_offset))]
    return _Place(module, solved, owner, original, tuple(dict.fromkeys(in_order)) if isinstance(owner, type) else ())


def _lost(place: _Place, src: Sources, code: Code, cases: Sequence[Case]) -> dict[str, list[Case]]:
    """The checks that fail where this function alone is not written, by the tasks that it belongs to."""
    lost: dict[str, list[Case]] = {}
    for case in cases:
        tasks = place.solved.tasks or (case.grade.grade_id,)
        if case.grade.grade_id in tasks and not any(_passing(place, [None], [case], src, code, MOST_SECONDS)):
            lost.setdefault(case.grade.grade_id, []).append(case)
    return lost


def _stand_ins(
    place: _Place, given: Sequence[tuple[str, FunctionType]], src: Sources, code: Code, failing: Sequence[Case]
) -> list[str]:
    """The names of the given functions with which all these checks pass."""
    start = time.monotonic()
    if not any(_passing(place, [place.original], failing, src, code, MOST_SECONDS)):
        # The solution itself does not, so a given function would show nothing: `verify` says why.
        return []
    seconds = SECONDS + TIMES * (time.monotonic() - start)
    ways = [(name, way) for name, function in given for way in _ways(place, function)]
    found = []
    for first in range(0, len(ways), FUNCTIONS_A_FORK):
        some = ways[first : first + FUNCTIONS_A_FORK]
        while some:
            passed = _passing(place, [way for _, way in some], failing, src, code, seconds)
            # Once more alone, so that it owes nothing to those before it.
            found += [
                name
                for (name, way), each in zip(some, passed, strict=False)
                if each and any(_passing(place, [way], failing, src, code, seconds))
            ]
            # One that did not come to an end took the fork with it.
            some = some[len(passed) + 1 :]
    return list(dict.fromkeys(found))


def _passing(
    place: _Place,
    ways: Sequence[Callable[..., Any] | None],
    cases: Sequence[Case],
    src: Sources,
    code: Code,
    seconds: float,
) -> list[bool]:
    """Whether all checks pass with each of these in the place, up to the first that does not come to an end.

    They run in a fork, which ends with them.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _be_quiet()
            for way in ways:
                signal.setitimer(signal.ITIMER_REAL, seconds)
                place.stands, place.inside = way, False
                os.write(writing, b"1" if _all_pass(cases, src, code) else b"0")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        said = answers.read()
    os.waitpid(child, 0)
    return [each == ord("1") for each in said]


def _all_pass(cases: Sequence[Case], src: Sources, code: Code) -> bool:
    try:
        return all(run_case(case, code, src.exercise).passed for case in cases)
    except BaseException:  # noqa: BLE001 - such as a `SystemExit` of code that was made for something else
        return False


def _be_quiet() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def _ways(place: _Place, function: FunctionType) -> Iterator[Callable[..., Any]]:
    """How a given function can be called for the one that students write; no way where the arguments do not fit."""
    wanted = inspect.signature(place.original)
    takes = inspect.signature(function)
    if (
        "return" in function.__annotations__
        and takes.return_annotation in (None, "None")
        and _answers(place.solved.node)
    ):
        return
    own = list(wanted.parameters)
    # By name where it knows all names, else by place: what is called otherwise may still be the same.
    by_name = set(own) <= set(takes.parameters)

    def way(pick: Callable[[dict[str, Any]], list[Any]]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = wanted.bind(*args, **kwargs)
            bound.apply_defaults()
            values = dict(bound.arguments)
            return function(**values) if by_name else function(*pick(values))

        return call

    picks: list[tuple[int, Callable[[dict[str, Any]], list[Any]]]] = [(len(own), lambda values: list(values.values()))]
    if place.is_method:
        picks.append((len(own) - 1, lambda values: list(values.values())[1:]))
        # With what it reads at hand, some helper for anything does as little: `len` of `self.paths`.
        if place.state and not says_little(place.solved.node.body):
            picks.append((len(own) - 1 + len(place.state), lambda values: [*_without_self(values, place.state)]))
    for count, pick in picks:
        with contextlib.suppress(TypeError):
            takes.bind(**dict.fromkeys(own)) if by_name else takes.bind(*[None] * count)
            yield way(pick)


def _answers(function: ast.AST) -> bool:
    """Whether it gives back anything but None."""
    kinds = ast.Yield | ast.YieldFrom
    return any(isinstance(n, kinds) or (isinstance(n, ast.Return) and n.value is not None) for n in ast.walk(function))


def _without_self(values: dict[str, Any], state: Sequence[str]) -> Iterator[Any]:
    """The arguments of a method, and what it reads of its object."""
    this, *rest = values.values()
    yield from rest
    for name in state:
        yield getattr(this, name)


def _common_functions() -> Iterator[tuple[str, FunctionType]]:
    """Those of what notebooks import. The rooms beside run checks and pack hand-ins: who copies from these is found by
    `find_copies`, and trying them takes longer than all the rest.
    """
    package = exercise_code.common
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if each.name.split(".")[2] not in _ROOMS:
            yield from _functions(importlib.import_module(each.name))


def _given_functions(src: Sources, code: Code) -> Iterator[tuple[str, FunctionType]]:
    """The functions of the exercise's own given modules, of those of earlier ones, of visible tests and notebooks."""
    for exercise in (src.exercise, *(load_exercise(name, src.exercise.folder.parent) for name in src.exercise.earlier)):
        solved = [Path(name).stem for name in src.twins] if exercise is src.exercise else list(exercise.modules)
        for path in given_modules(exercise.folder, solved):
            yield from _functions(importlib.import_module(f"{exercise.package}.{path.stem}"))
    yield from _functions(code.test_visible)
    for path in sorted(src.notebooks.glob("*.ipynb")):
        yield from _functions(_notebook_module(path))


def _functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """The functions that a module defines, and the methods of its classes, with their names."""
    for name, value in list(vars(module).items()):
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            yield f"{module.__name__}.{name}", value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for inner, member in list(vars(value).items()):
                plain = getattr(member, "__func__", member) if isinstance(member, staticmethod) else member
                if isinstance(plain, FunctionType):
                    yield f"{module.__name__}.{name}.{inner}", plain


def _notebook_module(path: Path) -> ModuleType:
    """What a notebook's code cells import and define, as a module; its other lines do not run."""
    module = ModuleType(path.name)
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        lines = "".join(cell["source"]).splitlines() if cell["cell_type"] == "code" else []
        with contextlib.suppress(SyntaxError):
            tree = ast.parse("\n".join(line for line in lines if line.lstrip()[:1] not in ("%", "!")))
            for node in tree.body:
                if _is_definition(node):
                    # A definition may need a value that only a run of the notebook has.
                    with contextlib.suppress(Exception):
                        exec(compile(ast.Module([node], []), path.name, "exec"), vars(module))
    return module


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return isinstance(node.value, ast.Constant | ast.Lambda | ast.Tuple | ast.List | ast.Dict)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
