"""The children of one hand-in, what they are asked, and what that may cost."""

import copy
import errno
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from exercise_code.common.exercise import Exercise
from exercise_code.common.probing.cases import Grade, test_seed
from exercise_code.common.probing.exceptions import failure_from
from exercise_code.common.probing.failures import Failure
from exercise_code.common.probing.imports import ModuleEnded, import_alone, run_without
from exercise_code.common.probing.wire import MAX_BYTES
from exercise_code.common.reasons import Reason

from ..base.errors import AutograderError
from ..base.hostile_folders import MAX_DISK, remove
from ..base.settings import Settings
from ..sandbox.handle import Child, ChildDied
from ..sandbox.mounts import SCRATCH_BYTES, SCRATCH_FILES
from .budget import Budget
from .probes import ProbePickler
from .stopwatch import Stopwatch

__all__ = ["Examination", "HandInSandbox", "import_of"]
# Bytes of all answers of a hand-in together: large ones cost the judge time, and code answers in kilobytes.
ANSWER_BYTES = 256 * 2**20
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


class Examination(Protocol):
    """What all hand-ins of an exercise have in common."""

    exercise: Exercise
    settings: Settings
    scratch: Path
    pickler: ProbePickler


@dataclass
class HandInSandbox:
    """The children of one hand-in: one for most tests, one with a writable folder, more where tests ask for them."""

    judge: Examination
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
            if child.ended is not None or self._goes_on(child):
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

    def _goes_on(self, child: Child) -> bool:
        """True where code of an answered probe still runs: how long, and what the next one then costs, is chance."""
        # CUDA has threads of its own, and takes seconds to start.
        return self.judge.settings.device != "cuda" and child.threads() > 1

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


def _without(text: str, places: list[str]) -> str:
    for place in places:
        text = text.replace(place + "/", "").replace(place, ".")
    return text
