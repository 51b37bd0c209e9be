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
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from exercise_code.common.exercise import load_exercise

from .errors import AutograderError
from .judge import Job, Judge
from .locks import lock_results, remove_left_scratch
from .machine import Machine, plan_judges, this_machine
from .results import Result
from .settings import Settings

__all__ = ["Fleet", "lock_results", "plan_judges"]

# Beyond what the sandbox itself allows a hand-in, for unpacking, the metric and a worker's first start.
GRACE_SECONDS = 180
# Bytes of address space that a judge may take for itself while it grades.
JUDGE_MEMORY = 2 * 2**30
# Resident bytes at which a judge makes room for a fresh one; after a thousand ordinary hand-ins it has 70 MB.
GROWN = 512 * 2**20
TRIES = 2


@dataclass
class _Member:
    """One judge process and what it is busy with."""

    process: Any
    connection: Connection
    gpu: str = ""
    job: Job | None = None
    deadline: float = 0.0


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

    def __enter__(self) -> "Fleet":
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

    def grade(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result, as they are done."""
        todo = deque(jobs)
        tries: dict[Job, int] = {}
        while len(self._members) < min(self.size, len(todo)):
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
                good = isinstance(outcome, Result) and not outcome.failed
                if not good or (todo and _resident(member.process.pid) > GROWN):
                    self._members[self._members.index(member)] = self._restart(member)
                if isinstance(outcome, Result) and good:
                    yield job, outcome
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
            if isinstance(message, str):
                raise AutograderError(message)
            yield member, message
        for member in busy:
            if time.monotonic() > member.deadline:
                yield member, "the judge's process did not finish this hand-in in time"

    def _start(self, gpu: str) -> _Member:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_judge_process, args=(self.exercise.id, self.settings, theirs, gpu), daemon=True
        )
        process.start()
        theirs.close()
        return _Member(process, ours, gpu)

    def _restart(self, member: _Member) -> _Member:
        self._stop(member, kill=True)
        return self._start(member.gpu)

    def _stop(self, member: _Member, kill: bool = False) -> None:
        member.connection.close()
        if kill or member.job is not None:
            # The worker asked the kernel to end with its parent, and its children with it.
            member.process.kill()
        member.process.join(timeout=10)
        if member.process.is_alive():
            member.process.kill()
            member.process.join()


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


def _limit_memory() -> None:
    """Let an answer that blows up while it is compared end in a `MemoryError`, not in the machine's memory."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        import resource

        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY:
            # The soft limit alone: a worker, which maps torch, lifts it for itself.
            resource.setrlimit(resource.RLIMIT_AS, (mapped + JUDGE_MEMORY, hard))


def _resident(pid: int) -> int:
    """Bytes that a process holds in memory; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _end_with_parent() -> None:
    """Let this process end as soon as its parent has, in the middle of a hand-in too.

    Not by PR_SET_PDEATHSIG: that follows the parent's thread, which may end long before the parent does.
    """
    parent = multiprocessing.parent_process()

    def wait_and_end() -> None:
        if parent is not None:
            parent.join()
            # The worker and its children end with this process, the scratch folder goes when the next judge starts.
            os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait_and_end, name="end with parent", daemon=True).start()


def _judge_process(exercise_id: str, settings: Settings, connection: Connection, gpu: str) -> None:
    """A judge's process: takes jobs from the connection until it closes."""
    # Ctrl-C reaches the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if gpu:
        # Before the workers start: they, and not the judge, talk to the GPU.
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu

    def jobs() -> Iterator[Job]:
        while True:
            try:
                yield connection.recv()
            except (EOFError, OSError):
                return

    _limit_memory()
    try:
        with Judge(exercise_id, settings) as judge:
            judge.serve(jobs(), lambda _, result: connection.send(result))
    except AutograderError as error:
        connection.send(str(error))
    except BrokenPipeError:
        return
