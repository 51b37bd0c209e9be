"""The judge's pytest plugin: tests are collected once, then run for one hand-in after the other."""

import builtins
import copy
import errno
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cloudpickle
import numpy as np
import pytest
from _pytest.runner import runtestprotocol

from exercise_code.common.checks.imports import ModuleEnded, import_alone, run_without
from exercise_code.common.checks.reasons import Reason
from exercise_code.common.errors import CourseError
from exercise_code.common.testing import Failure, Grade, Score, as_failure, failure_from, test_seed
from exercise_code.common.wire import MAX_BYTES

from ..base.errors import AutograderError
from ..base.hostile_folders import MAX_DISK, remove
from ..sandbox.client import Child, ChildDied
from ..sandbox.mounts import SCRATCH_BYTES, SCRATCH_FILES
from .budget import Budget
from .collecting import fault_of, skip_of
from .result import TestResult
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from .judge import Judge

__all__ = ["HandInSandbox", "JudgePlugin", "import_of"]

# Names of exceptions that cannot carry anything out: a student's own class may be called after an input.
SAFE_EXCEPTIONS = {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
}
# Bytes of all answers of a hand-in together: large ones cost the judge time, and code answers in kilobytes.
ANSWER_BYTES = 256 * 2**20
# Characters of a text in a result: an answer may be long, a reader's patience is not.
SHOWN, LOGGED = 1000, 4000
# What an exception says where a disk is full, or a share of it.
FULL = (f"[Errno {errno.ENOSPC}]", f"[Errno {errno.EDQUOT}]")
NOT_RUN = "not run: two tests of this task before it gave no answer in time"
WALL_HINT = "the grader's sandbox allows no processes, sockets or files outside the hand-in"
FULL_HINT = (
    f"the hand-in's own folder is full: for its files it has {SCRATCH_BYTES >> 20} MB and room for {SCRATCH_FILES:,}"
)


def import_of(module: str) -> str:
    """The name under which a hand-in's budget knows the import of one of its modules."""
    return f"import of {module}"


@dataclass
class HandInSandbox:
    """The children of one hand-in: one for most tests, one with a writable folder, more where tests ask for them."""

    judge: "Judge"
    workspace: Path
    budget: Budget
    worker: Any
    children: dict[str, Child] = field(default_factory=dict)
    used: float = 0.0
    memory_mb: float = 0.0
    answer_bytes: int = ANSWER_BYTES
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    notes: set[str] = field(default_factory=set)
    ended_modules: dict[str, Failure] = field(default_factory=dict)
    """Modules whose import ends the process, takes too long or too much, each with what that was."""
    _task: str = ""

    def import_modules(self, names: Iterable[str]) -> None:
        """Import each of the student's modules once, to know those that no test can import."""
        for name in names:
            mark = Grade(import_of(name))
            try:
                self._ask(import_alone, (name,), test_seed(f"import of {name}"), f"import of {name}", mark)
            except Failure as failure:
                # What an import raises each test tells for itself, with the student's line.
                if failure.kind == "sandbox" or failure.exception_type == "MemoryError":
                    reason = f"while {name}.py was imported, {failure.reason}"
                    self.ended_modules[name] = Failure(reason, got=failure.got, kind="sandbox", code=failure.code)

    def ask(self, probe: Callable[..., Any], inputs: tuple[Any, ...], seed: int, name: str, mark: Grade) -> Any:
        """The probe's answer on the hand-in's code, or a `Failure` that says why there is none."""
        # Cut short in the middle, the worker's replies would belong to other requests from then on.
        with self.stopwatch.holding():
            try:
                return self._ask(probe, inputs, seed, name, mark)
            except Failure as failure:
                child = self.children.get("writable")
                if child is None or not any(text in failure.reason for text in FULL):
                    raise
                # Somebody else may have filled the disk, for a moment: asked again, the code may have room.
                self._retire(child)
                return self._ask(probe, inputs, seed, name, mark)

    def _ask(self, probe: Callable[..., Any], inputs: tuple[Any, ...], seed: int, name: str, mark: Grade) -> Any:
        if self.ended_modules:
            inputs = (self.judge.exercise.package, tuple(self.ended_modules), probe, inputs)
            probe = run_without
        payload = self.judge.pickler.dumps(probe, inputs)
        limit = (mark.cpu_seconds or self.judge.exercise.limits.test_cpu_seconds) * self.judge.settings.cpu_factor
        left = self.budget.left(mark.grade_id)
        spent = f"this task's share of the hand-in's {self.budget.seconds:g} s of CPU time is used up"
        if self.budget.has_ended(mark.grade_id):
            raise Failure(NOT_RUN, kind="sandbox", code=Reason.NOT_RUN)
        if left <= 0:
            raise Failure(spent, kind="sandbox", code=Reason.NOT_RUN)
        self._begin_task(mark.grade_id)
        cpu, late = self.cpu(), False
        child = self._child(name, mark)
        try:
            most = max(1, min(MAX_BYTES, self.answer_bytes))
            answer = child.ask(seed, payload, cpu_seconds=min(limit, left), max_bytes=most)
            self.answer_bytes -= answer.size
        except ChildDied as died:
            late = died.late
            # How much was left is the code's choice, so it must not stand in the reason.
            reason = spent if late and left < limit else f"the code {died.reason}"
            self._expect_room(child)
            raise Failure(reason, got=died.detail, kind="sandbox", code=died.code) from None
        finally:
            if child.ended is not None:
                self._retire(child)
            self.budget.charge(mark.grade_id, self.cpu() - cpu, child.slept, late=late)
        if answer.exception is not None:
            raise self._raised(child, answer.exception)
        return answer.value

    def _raised(self, child: Child, exception: dict[str, Any]) -> Failure:
        # Where the grader unpacked a hand-in is nobody's business, and differs from run to run.
        places = [*child.places, *map(str, (self.workspace, self.judge.scratch))]
        report = {key: _without(text, places) for key, text in exception.items()}
        failure = failure_from(report)
        if failure.exception_type == ModuleEnded.__name__ and report["text"] in self.ended_modules:
            return copy.copy(self.ended_modules[report["text"]])
        if failure.exception_type == "PermissionError":
            failure.hint = WALL_HINT
        elif child.is_private and "[Errno 28]" in failure.reason:
            failure.hint = FULL_HINT
        self._expect_room(child)
        return failure

    def _expect_room(self, child: Child) -> None:
        """Nothing; an `AutograderError` when the disk had less room than a child may use: then the disk is at fault."""
        if child.writable is None:
            return
        disk = os.statvfs(self.workspace)
        if disk.f_bavail * disk.f_frsize < MAX_DISK:
            raise AutograderError(
                f"the disk of {self.judge.scratch.parent} is full: a hand-in may write {MAX_DISK >> 20} MB there; make "
                "room, or name another folder for temporary files in TMPDIR"
            )

    def _begin_task(self, task: str) -> None:
        """End children in which another task's code still runs threads: their time would be charged to this one."""
        if task != self._task:
            for child in list(self.children.values()):
                if child.threads() > 1:
                    self._retire(child)
        self._task = task

    def cpu(self) -> float:
        """CPU seconds of all children so far."""
        return self.used + sum(child.cpu() for child in self.children.values())

    def _child(self, name: str, mark: Grade) -> Child:
        # A child with a scratch folder of its own serves tests that write and tests that do not.
        self.worker.start()
        watched = mark.writable and not self.worker.is_private
        key = f"own:{name}" if mark.own_process else "writable" if watched else "main"
        if key not in self.children:
            writable = None
            if watched:
                writable = self.workspace.parent / f"writable-{len(self.children)}-{time.monotonic_ns()}"
                writable.mkdir()
            self.children[key] = self.worker.fork(
                self.workspace,
                memory_mb=self.judge.exercise.limits.memory_mb,
                cpu_seconds=self.budget.seconds,
                writable=writable,
            )
        return self.children[key]

    def _retire(self, child: Child) -> None:
        child.end()
        self.used += child.cpu()
        self.notes |= child.notes
        assert child.ended is not None
        self.memory_mb = max(self.memory_mb, float(child.ended["memory_mb"]))
        for key in [k for k, c in self.children.items() if c is child]:
            del self.children[key]
        if child.writable is not None:
            remove(child.writable)

    def end_test(self, name: str) -> None:
        """End the child that a test had to itself."""
        if (child := self.children.get(f"own:{name}")) is not None:
            self._retire(child)

    def close(self) -> None:
        """End every child."""
        for child in list(self.children.values()):
            self._retire(child)


class JudgePlugin:
    """Fixtures and the loop: `jobs` yields sandboxes of hand-ins, `emit` takes each one's test results."""

    def __init__(self, judge: "Judge", serve: Callable[[list[pytest.Item]], None]) -> None:
        self.judge = judge
        self.serve = serve
        self.sandbox: HandInSandbox | None = None
        self.error: BaseException | None = None
        # What ends the whole run, the first of it.
        self.fault: BaseException | None = None

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]) -> None:
        """Keep what the import of a file of tests raised."""
        if isinstance(node, pytest.Collector) and call.excinfo is not None:
            self.fault = self.fault or fault_of(call.excinfo.value, node.path)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take a file that skips its tests for one that cannot be read."""
        if report.skipped:
            self.fault = self.fault or skip_of(report)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep what ended the run; pytest would print it as an error of its own, and say no more than a number."""
        error = excinfo.value
        if self.fault is None:
            self.fault = error if isinstance(error, Exception) else fault_of(error, self.judge.source.course)
        return True

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the graded tests, in their order, and give them pytest's own `grade` marker too."""
        kept = [i for i in items if isinstance(getattr(_function(i), "__grade__", None), Grade)]
        for item in kept:
            mark: Grade = _function(item).__grade__.of(self.judge.exercise.model)
            _function(item).__grade__ = mark
            item.add_marker(pytest.mark.grade(mark.grade_id))
            for module in _modules_of_tests(item.module, self.judge.exercise.package):  # type: ignore[attr-defined]
                cloudpickle.register_pickle_by_value(module)
        items[:] = kept

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serve hand-ins instead of running the tests once."""
        if session.testsfailed or self.fault is not None:
            raise self.fault or AutograderError(f"the tests of {self.judge.exercise.id} could not be read")
        self.serve(session.items)
        return True

    def run(self, items: list[pytest.Item], sandbox: HandInSandbox, stop_at_first: bool) -> Iterator[TestResult]:
        """The results of all tests on one hand-in."""
        self.sandbox = sandbox
        try:
            with sandbox.stopwatch.installed():
                for i, item in enumerate(items):
                    self.error = None
                    start = time.perf_counter()
                    reports = runtestprotocol(item, log=False, nextitem=items[(i + 1) % len(items)])
                    # Fail by default: passed is only what set up, ran and tore down without an error.
                    passed = self.error is None and len(reports) == 3 and all(r.passed for r in reports)
                    # Neither comes from an answer: the data, the disk or the worker failed.
                    if isinstance(self.error, CourseError | OSError):
                        raise self.error
                    sandbox.end_test(item.name)
                    yield self._result(item, passed, time.perf_counter() - start)
                    if stop_at_first and not passed:
                        return
        finally:
            self.sandbox = None
            # Stopped early, pytest has set up for an item that does not come: the next hand-in starts at the first.
            items[0].session._setupstate.teardown_exact(items[0])

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, object]:
        """Watch the judge's own CPU time while a test runs."""
        if self.sandbox is None:
            return (yield)
        with self.sandbox.stopwatch.running():
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Keep the first exception itself: pytest's own report would print values that a hand-in chose."""
        if call.excinfo is not None and self.error is None:
            self.error = call.excinfo.value
        outcome: Literal["passed", "failed"] = "passed" if call.excinfo is None else "failed"
        assert call.when != "collect"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)

    def _result(self, item: pytest.Item, passed: bool, seconds: float) -> TestResult:
        visible = self.judge.is_visible(item)
        title = " ".join((_function(item).__doc__ or "").split())
        known: dict[str, Any] = {
            "name": item.name,
            "title": title,
            "visible": visible,
            "weight": _function(item).__grade__.weight,
            "step": _function(item).__grade__.step,
            "seconds": round(seconds, 4),
        }
        if passed:
            return TestResult(passed=True, **known)
        failure = as_failure(self.error) if self.error is not None else Failure("the test did not finish")
        want, hint = (f"{key} {text}" if text else "" for key, text in (("want", failure.want), ("hint", failure.hint)))
        log = " | ".join(filter(None, (failure.made_call, failure.reason, want, failure.got, hint)))
        log = _shown(log, LOGGED)
        known["raised"] = _shown(failure.exception_type, SHOWN)
        if visible:
            texts = {key: getattr(failure, key) for key in ("reason", "made_call", "want", "got", "hint")}
            known |= {key: _shown(text, SHOWN) for key, text in texts.items()}
            return TestResult(passed=False, code=failure.code, log=log, **known)
        return TestResult(passed=False, code=_safe_code(failure), reason=_safe_reason(failure), log=log, **known)

    @pytest.fixture
    def observe(self, request: pytest.FixtureRequest) -> Callable[..., Any]:
        """Run a probe on the student's code in the sandbox."""
        name, mark = request.node.name, request.function.__grade__
        assert self.sandbox is not None
        sandbox, seed = self.sandbox, self.judge.probe_seed(request.node)
        return lambda probe, *inputs: sandbox.ask(probe, inputs, seed, name, mark)

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        """A generator seeded from the secret and the test's name; from the name alone in visible tests."""
        return np.random.default_rng(self.judge.seed(request.node))

    @pytest.fixture
    def reference(self, request: pytest.FixtureRequest) -> Callable[..., Any]:
        """Run a probe on the reference solution, in a worker of its own; each answer is computed once."""
        if self.judge.is_visible(request.node):
            raise AutograderError(f"{request.node.name} is visible and asks for the reference: use fixed values")
        name, mark = request.node.name, request.function.__grade__
        assert self.sandbox is not None
        sandbox, seed = self.sandbox, self.judge.probe_seed(request.node)

        def ask(probe: Callable[..., Any], *inputs: Any) -> Any:
            with sandbox.stopwatch.paused():
                return self.judge.ask_reference(probe, inputs, seed, name, mark)

        return ask

    @pytest.fixture
    def model_info(self) -> Any:
        """What the handed-in model's file says of itself."""
        assert self.sandbox is not None
        return self.judge.inspect(self.sandbox.workspace)

    @pytest.fixture
    def evaluation(self, request: pytest.FixtureRequest, observe: Callable[..., Any]) -> Callable[[], Score]:
        """The score of the handed-in model: on the validation set in visible tests, on a hidden set in hidden ones."""
        assert self.sandbox is not None
        sandbox = self.sandbox
        visible = self.judge.is_visible(request.node)

        def evaluate() -> Score:
            # The hidden set is made here, once; a metric takes its time from the size of an answer alone.
            with sandbox.stopwatch.paused():
                return self.judge.evaluate(sandbox, observe, visible)

        return evaluate


def _modules_of_tests(module: Any, package: str) -> list[Any]:
    """A file of tests, and the visible tests whose probes it uses: in the child these exist as they are here only.

    Imported there by name, they would be what a hand-in made of them.
    """
    names = {getattr(value, "__module__", "") for value in vars(module).values()}
    return [module, *(sys.modules[name] for name in sorted(map(str, names & {f"{package}.test_visible"})))]


def _shown(text: str, limit: int) -> str:
    """The text without control characters, cut where it is too long."""
    clean = "".join(c for c in text[: 2 * limit] if c.isprintable() or c == "\n")
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."


def _without(text: str, places: list[str]) -> str:
    for place in places:
        text = text.replace(place + "/", "").replace(place, ".")
    return text


def _function(item: pytest.Item) -> Any:
    return getattr(item, "function", None)


def _safe_code(failure: Failure) -> Reason:
    """As much as `_safe_reason` tells: of an answer that is wrong, no more than that."""
    return Reason.GENERIC if failure.kind == "value" and failure.code is not Reason.NO_MODEL else failure.code


def _safe_reason(failure: Failure) -> str:
    """What a student may read of a failed hidden test: nothing that the code could choose freely."""
    if failure.kind == "sandbox":
        return failure.reason
    if failure.kind == "exception":
        if failure.code is Reason.NOT_WRITTEN:
            return failure.reason
        name = failure.exception_type
        return f"the code raised {name}" if name in SAFE_EXCEPTIONS else "the code raised an exception of its own"
    return "the result is not as expected"
