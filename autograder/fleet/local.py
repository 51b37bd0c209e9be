"""Many hand-ins: judges in processes of their own, fed one hand-in at a time."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from exercise_code.common.exercise import load_exercise

from ..base.errors import AutograderError
from ..base.locks import remove_left_scratch
from ..base.settings import Settings, versions
from ..judging.job import Job
from ..judging.result import Result
from .machine import Machine, plan_judges, this_machine
from .process import READY, hold_back, judge_process, resident_bytes

__all__ = ["Fleet", "ended_in_order", "failed_result", "put_last"]

# Beyond what the sandbox itself allows a hand-in, for unpacking, the metric and a worker's first start.
GRACE_SECONDS = 180
# Resident bytes at which a judge makes room for a fresh one; after a thousand ordinary hand-ins it has 70 MB.
GROWN = 512 * 2**20
TRIES = 2
# Judges in a row that do not start, after others did, before the run is given up; a full disk may have room soon.
STARTS, START_PAUSE = 3, 2.0
# A hand-in that takes so long is slow, and the others of its student come last.
SLOW_SECONDS = 5.0


@dataclass
class _Member:
    """One judge process and what it is busy with."""

    process: Any
    connection: Connection
    gpu: str = ""
    ready: bool = False
    job: Job | None = None
    deadline: float = 0.0


class _NotStarted(str):
    """Why a judge did not start: not the doing of the hand-in that waits for it."""


class Fleet:
    """`size` judges of one exercise; a context manager. A judge that dies or hangs costs one retry elsewhere."""

    def __init__(self, exercise_id: str, settings: Settings, size: int = 1) -> None:
        if size < 1:
            raise AutograderError(f"expected one judge or more, got --jobs {size}")
        self.exercise = load_exercise(exercise_id)
        self.settings = settings
        self.size = size
        self._context = multiprocessing.get_context("spawn")
        self._members: list[_Member] = []
        machine = this_machine(gpus=True) if settings.device == "cuda" else Machine(size, 0)
        self._gpus = plan_judges(settings.device, size, machine)
        self._stack = contextlib.ExitStack()
        self._worked = False
        self._not_started = 0

    def __enter__(self) -> "Fleet":
        self._stack.enter_context(ended_in_order())
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """End all judges, and with them their workers and children."""
        for member in self._members:
            self._stop(member)
        self._members = []
        # Those of judges that had to be killed.
        remove_left_scratch("judge-")
        self._stack.close()

    def grade(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result, as they are done."""
        todo = deque(jobs)
        tries: dict[Job, int] = {}
        while len(self._members) < min(self.size, len(todo)):
            with _uninterrupted():
                self._members.append(self._start(self._gpus[len(self._members)]))
        busy = 0
        while todo or busy:
            for member in self._members:
                if member.job is None and todo:
                    self._give(member, todo.popleft())
            busy = sum(m.job is not None for m in self._members)
            for member, outcome in self._collect():
                job = member.job
                assert job is not None
                member.job = None
                busy -= 1
                if isinstance(outcome, Result) and not outcome.failed and outcome.versions != versions():
                    outcome = "the environment has changed since the run began: run the command again"
                good = isinstance(outcome, Result) and not outcome.failed
                if not good or (todo and resident_bytes(member.process.pid) > GROWN):
                    self._stop(member, kill=True)
                    with _uninterrupted():
                        self._members[self._members.index(member)] = self._start(member.gpu)
                if isinstance(outcome, Result) and good:
                    if outcome.wall_seconds > SLOW_SECONDS:
                        put_last(todo, job.student)
                    yield job, outcome
                    continue
                if isinstance(outcome, _NotStarted):
                    todo.appendleft(job)
                    continue
                tries[job] = tries.get(job, 0) + 1
                if tries[job] < TRIES:
                    todo.append(job)
                else:
                    if not isinstance(outcome, Result):
                        outcome = failed_result(job, self.exercise.id, self.settings, outcome)
                    yield job, outcome

    def _give(self, member: _Member, job: Job) -> None:
        member.job = job
        member.deadline = time.monotonic() + self.exercise.limits.cpu_seconds * 6 + GRACE_SECONDS
        try:
            member.connection.send(job)
        except OSError:
            member.deadline = 0.0

    def _collect(self) -> Iterator[tuple[_Member, Result | str]]:
        """Members that have finished a job, with its result or the reason why there is none."""
        busy = [m for m in self._members if m.job is not None]
        ready = wait([m.connection for m in busy], timeout=0.5)
        for member in [m for m in busy if m.connection in ready]:
            busy.remove(member)
            try:
                message = member.connection.recv()
            except (EOFError, OSError):
                yield member, "the judge's process ended while it graded this hand-in"
                continue
            if message == READY:
                member.ready = self._worked = True
                self._not_started = 0
                continue
            if isinstance(message, str) and not member.ready:
                yield member, self._excuse(message)
                continue
            yield member, message
        for member in busy:
            if time.monotonic() > member.deadline:
                yield member, "the judge's process did not finish this hand-in in time"

    def _excuse(self, reason: str) -> "_NotStarted":
        """That a judge did not start, after a pause; an `AutograderError` when no other would either."""
        self._not_started += 1
        if not self._worked or self._not_started >= STARTS:
            raise AutograderError(reason)
        time.sleep(START_PAUSE)
        return _NotStarted(reason)

    def _start(self, gpu: str) -> _Member:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=judge_process, args=(self.exercise.id, self.settings, theirs, gpu), daemon=True
        )
        process.start()
        theirs.close()
        return _Member(process, ours, gpu)

    def _stop(self, member: _Member, kill: bool = False) -> None:
        member.connection.close()
        if kill or member.job is not None:
            # The worker asked the kernel to end with its parent, and its children with it.
            member.process.kill()
        member.process.join(timeout=10)
        if member.process.is_alive():
            member.process.kill()
            member.process.join()


def put_last(todo: deque[Job], student: str) -> None:
    """Let what waits of this student wait for everybody else."""
    theirs = [job for job in todo if job.student == student]
    if theirs:
        others = [job for job in todo if job.student != student]
        todo.clear()
        todo.extend([*others, *theirs])


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: judges end, scratch folders go, results so far are kept."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # Signals belong to the main thread, and another handler to whoever set it.
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put Ctrl-C and SIGTERM off while a process starts: half started, it would say so in a traceback.

    The process inherits that Ctrl-C is held back, until it has told the system that it wants none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    if os.name == "posix":
        # The first start would begin multiprocessing's own process on the way, and that lets SIGINT through again.
        resource_tracker.ensure_running()
    # A mask alone is not enough: another thread would take the signal, and Python hand it to this one.
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    hold_back(True)
    try:
        yield
    finally:
        hold_back(False)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for caught in came[:1]:
            signal.raise_signal(caught)


def failed_result(job: Job, exercise_id: str, settings: Settings, reason: str) -> Result:
    """The result of a hand-in that could not be graded, with the reason."""
    return Result(
        student=job.student,
        exercise=exercise_id,
        hand_in=job.hand_in or job.path.name,
        failed=reason,
        complete=False,
        data=settings.data,
        device=settings.device,
        secret_hash=settings.secret_hash,
        demo_secret=settings.demo_secret,
    )
