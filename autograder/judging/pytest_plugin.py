"""The judge's pytest plugin: tests are collected once, then run for one hand-in after the other."""

import builtins
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import cloudpickle
import numpy as np
import pytest
from _pytest.runner import runtestprotocol

from exercise_code.common.errors import CourseError
from exercise_code.common.hand_ins.hand_in import ModelInfo
from exercise_code.common.probing.cases import Grade
from exercise_code.common.probing.exceptions import as_failure
from exercise_code.common.probing.failures import Failure
from exercise_code.common.probing.running import numbers
from exercise_code.common.probing.scores import Score
from exercise_code.common.reasons import Reason

from ..base.errors import AutograderError
from ..sources.exercise import Sources
from .collecting import fault_of, skip_of
from .hand_in_sandbox import Examination, HandInSandbox
from .result import TestResult

__all__ = ["JudgePlugin"]

# Names of exceptions that cannot carry anything out: a student's own class may be called after an input.
SAFE_EXCEPTIONS = {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
}
# Characters of a text in a result: an answer may be long, a reader's patience is not.
SHOWN, LOGGED = 1000, 4000


class Examiner(Examination, Protocol):
    """What tests ask of the judge."""

    source: Sources

    def is_visible(self, item: Any) -> bool:
        """True for tests of the public file."""

    def seed(self, item: Any) -> int:
        """The test's seed."""

    def probe_seed(self, item: Any) -> int:
        """The seed that goes into the sandbox."""

    def ask_reference(
        self, probe: Callable[..., Any], inputs: tuple[Any, ...], seed: int, name: str, mark: Grade
    ) -> Any:
        """The reference's answer."""

    def ask_bank(self, probe: Callable[..., Any], inputs: tuple[Any, ...], seed: int, name: str, mark: Grade) -> Any:
        """What a probe answers beside the reference, or the `Failure` that it ends in."""

    def inspect(self, workspace: Path) -> ModelInfo:
        """What the model's file says of itself."""

    def evaluate(self, sandbox: HandInSandbox, observe: Callable[..., Any], visible: bool) -> Score:
        """The handed-in model's score."""


class JudgePlugin:
    """Fixtures and the loop: `jobs` yields sandboxes of hand-ins, `emit` takes each one's test results."""

    def __init__(self, judge: Examiner, serve: Callable[[list[pytest.Item]], None]) -> None:
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
    def numbers(self) -> np.random.Generator:
        """A generator of the numbers that the student has whom the hand-in names."""
        assert self.sandbox is not None
        package = self.sandbox.workspace / "exercise_code" / self.judge.exercise.id
        return numbers(self.judge.exercise, package)

    @pytest.fixture
    def reference(self, request: pytest.FixtureRequest) -> Callable[..., Any]:
        """Run a probe on the reference solution, in a worker of its own; each answer is computed once."""
        return self._beside_the_reference(request, self.judge.ask_reference, "use fixed values")

    @pytest.fixture
    def bank(self, request: pytest.FixtureRequest) -> Callable[..., Any]:
        """Run a probe with known mistakes beside the reference, on inputs that a student chose."""
        return self._beside_the_reference(request, self.judge.ask_bank, "test the form alone")

    def _beside_the_reference(
        self, request: pytest.FixtureRequest, ask: Callable[..., Any], advice: str
    ) -> Callable[..., Any]:
        name, mark = request.node.name, request.function.__grade__
        if self.judge.is_visible(request.node):
            raise AutograderError(f"{name} is visible and asks for what is right: {advice}")
        assert self.sandbox is not None
        sandbox, seed = self.sandbox, self.judge.probe_seed(request.node)

        def asked(probe: Callable[..., Any], *inputs: Any) -> Any:
            with sandbox.stopwatch.paused():
                return ask(probe, inputs, seed, name, mark)

        return asked

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
