"""Judges on other machines: a Dask cluster, or Slurm jobs that become one, with the face of a local fleet.

What goes out to a worker: the course, once, with the run's settings; then hand-ins, one by one. What comes back is
JSON, and checked. Workers are trusted as this machine is: they see the secret and the answers, and whoever may
connect to the scheduler can run code on all machines of the cluster, this one included. Therefore TLS, and
certificates on both sides, unless somebody says otherwise. Students' code stays behind the sandbox's walls there too.
"""

import asyncio
import json
import logging
import queue
import secrets
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import load_exercise

from ...base.errors import AutograderError
from ...base.settings import Settings
from ...judging.job import Job
from ...judging.result import Result
from ..local import GRACE_SECONDS, GROWN, SLOW_SECONDS, TRIES, ended_in_order, failed_result, put_last
from . import on_worker as worker_kit
from .certificates import FOLDER, cluster_error, open_certificates
from .course_archive import make_archive
from .hand_in_bytes import pack
from .on_worker import ENDED, ERROR, FAILED, MISSING, READY, RESULT, Sealed
from .remote_judge import make_order
from .settings import INSTALL, JUDGE_BYTES, ClusterSettings, python_fault, versions_fault

__all__ = ["DaskFleet"]

CONNECT_SECONDS = 30.0
START_SECONDS = 240.0
LOOK_EVERY = 2.0
SAY_EVERY = 30.0
CLOSE_SECONDS = 10.0
# A worker without any, at an address; jobs that wait in Slurm's queue may do so for long.
PATIENCE, SLURM_PATIENCE = 60.0, 12 * 3600.0
# Hand-ins on their way for each judge: one in work and one that waits beside it.
IN_FLIGHT = 2
# After so many failures in a row a worker gets no more hand-ins.
STRIKES = 5
# Far above any result, far below what would hurt this process.
MAX_RESULT = 64 * 2**20

_Answer = TypeVar("_Answer")


@dataclass(eq=False)
class _Member:
    """A worker of the cluster: how many judges it has, what it is busy with, and why it was dropped."""

    address: str
    judges: int
    ready: bool = False
    dropped: str = ""
    strikes: int = 0
    lost: int = 0
    tasks: "list[_Task]" = field(default_factory=list)

    def has_room(self) -> bool:
        return self.ready and not self.dropped and len(self.tasks) < IN_FLIGHT * self.judges


@dataclass(eq=False)
class _Task:
    """Something a worker was asked to do: to open the kit (no job), or to grade one hand-in."""

    key: str
    member: _Member
    job: Job | None
    deadline: float
    future: Any = None


class DaskFleet:
    """Judges of one exercise on the workers of a Dask cluster; a context manager.

    A worker that dies, hangs or is cut off costs its hand-ins a retry elsewhere; those that fail so `TRIES` times get
    a result that says so. Workers that come later join in. `say` takes what a person should read meanwhile.
    """

    def __init__(
        self,
        exercise_id: str,
        settings: Settings,
        cluster: ClusterSettings,
        say: Callable[[str], None] | None = None,
    ) -> None:
        cluster.check()
        self.exercise = load_exercise(exercise_id)
        self.settings = settings
        self.cluster = cluster
        self._say = say or _say
        self._patience = cluster.patience or (SLURM_PATIENCE if cluster.is_slurm else PATIENCE)
        # What a judge may take for one hand-in, as in a local fleet.
        self._seconds = self.exercise.limits.cpu_seconds * 6 + GRACE_SECONDS
        self._run = secrets.token_hex(8)
        self._stack = ExitStack()
        self._client: Any = None
        self._slurm: Any = None
        self._archive = make_archive(self.exercise)
        self._members: dict[str, _Member] = {}
        self._tasks: dict[str, _Task] = {}
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._todo: deque[Job] = deque()
        self._tries: dict[Job, int] = {}
        self._tried: dict[Job, set[str]] = {}
        self._count = 0
        self._looked = -LOOK_EVERY
        self._alone_since = time.monotonic()
        self._said = 0.0

    def __enter__(self) -> "DaskFleet":
        try:
            # Jobs in Slurm's queue would outlive a plain end.
            self._stack.enter_context(ended_in_order())
            self._connect()
            self._await_workers()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the workers end their judges and forget the course; Slurm jobs of ours end."""
        try:
            if self._client is not None:
                self._forget(self._client)
        finally:
            self._stack.close()
            self._client = None
            self._members, self._tasks = {}, {}

    def grade(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result, as they are done."""
        self._todo = deque(jobs)
        self._tries, self._tried = {}, {}
        try:
            while self._todo or any(task.job for task in self._tasks.values()):
                yield from self._look()
                yield from self._hand_out()
                yield from self._collect()
        finally:
            self._cancel([task for task in self._tasks.values() if task.job is not None])

    def _connect(self) -> None:
        try:
            import cloudpickle
            import dask
            from distributed import Client
        except ImportError as error:
            raise cluster_error(error) from None
        # Dask logs each lost connection with its traceback; what matters of it is said here.
        for name in ("distributed", *(f"distributed.{part}" for part in ("batched", "client", "comm", "core"))):
            logger = logging.getLogger(name)
            self._stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL)
        # By value: the workers need not have this project.
        if worker_kit.__name__ not in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.register_pickle_by_value(worker_kit)
            self._stack.callback(cloudpickle.unregister_pickle_by_value, worker_kit)
        # A hand-in with a model is larger than what Dask likes to send with a task.
        self._stack.enter_context(dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}))
        connect: Any = Client
        security: Any = None
        address = self.cluster.address
        if self.cluster.is_slurm:
            from .slurm import SlurmWorkers

            self._slurm = SlurmWorkers(self.cluster, self.settings.device)
            self._stack.callback(self._slurm.close)
            address, security = self._slurm.address, self._slurm.security
        elif address.startswith("tls"):
            security = open_certificates(self.cluster.certificates or FOLDER).security()
        with warnings.catch_warnings():
            # We compare the versions that matter here ourselves, with advice.
            warnings.simplefilter("ignore")
            try:
                self._client = _within(
                    2 * CONNECT_SECONDS,
                    lambda: connect(
                        address, security=security, timeout=CONNECT_SECONDS, set_as_default=False, name="autograder"
                    ),
                )
            except (OSError, TimeoutError, ValueError, ImportError, RuntimeError) as error:
                raise AutograderError(
                    f"could not connect to a Dask scheduler at {address} ({_short(error)}): see whether it runs there, "
                    "with these certificates"
                ) from None
        self._stack.callback(_close_client, self._client)
        found = self._ask(self._client.scheduler.versions, packages=[])
        if fault := python_fault(found):
            raise AutograderError(f"the scheduler at {address} {fault}")

    def _await_workers(self) -> None:
        """Return when the first worker is ready to judge."""
        self._alone_since = time.monotonic()
        while not any(member.ready for member in self._members.values()):
            for _ in self._look():
                pass
            for _ in self._collect():
                pass
        ready = [m for m in self._members.values() if m.ready]
        self._say(f"workers that are ready: {len(ready)}, judges: {sum(m.judges for m in ready)}; others may join")

    def _look(self) -> Iterator[tuple[Job, Result]]:
        """See, now and then, which workers came, went or hang; hand-ins that were lost for good come out failed."""
        now = time.monotonic()
        if now - self._looked < (LOOK_EVERY if any(m.ready for m in self._members.values()) else 0.5):
            return
        self._looked = now
        workers = self._workers()
        if workers is None:
            self._reconnect()
            return
        for address, member in list(self._members.items()):
            late = [task for task in member.tasks if now > task.deadline]
            if address not in workers:
                del self._members[address]
                yield from self._lose(member, "the worker that graded this hand-in was lost")
            elif late:
                self._drop(member, "it does not answer")
                yield from self._lose(member, "the worker did not finish this hand-in in time")
        for address in self._new(workers):
            self._members[address] = member = _Member(address, self._judges(workers[address]))
            self._open(member)
        self._expect_workers(now)

    def _new(self, workers: dict[str, Any]) -> list[str]:
        """Addresses of workers that came, at most as many as are wanted and of a Python that understands ours."""
        used = sum(not member.dropped for member in self._members.values())
        most = self.cluster.workers if self.cluster.workers and not self.cluster.is_slurm else len(workers)
        came = [a for a in sorted(workers) if a not in self._members and workers[a].get("status") == "running"]
        came = came[: max(0, most - used)]
        if not came:
            return []
        # Before any of our code goes there: it travels compiled.
        for address, found in self._versions(came).items():
            fault = python_fault(found) if found else "does not answer"
            if fault:
                self._members[address] = member = _Member(address, 1)
                self._drop(member, f"it {fault}")
        return [address for address in came if address not in self._members]

    def _versions(self, addresses: list[str]) -> dict[str, dict[str, Any]]:
        """What Dask finds on each worker; nothing for one that does not answer."""
        broadcast = self._client.scheduler.broadcast
        message = {"op": "versions", "packages": []}

        async def asked() -> list[Any]:
            # One by one, so that one which hangs holds up no other.
            calls = [broadcast(msg=message, workers=[address], on_error="ignore") for address in addresses]
            return await asyncio.gather(*(asyncio.wait_for(c, CLOSE_SECONDS) for c in calls), return_exceptions=True)

        answers = self._client.sync(asked)
        return {a: f.get(a) or {} if isinstance(f, dict) else {} for a, f in zip(addresses, answers, strict=True)}

    def _judges(self, worker: dict[str, Any]) -> int:
        """How many judges the worker has: its threads, as its memory allows; on a GPU one."""
        if self.cluster.judges is not None:
            return self.cluster.judges
        threads, memory = int(worker.get("nthreads") or 1), int(worker.get("memory_limit") or 0)
        if self.settings.device == "cuda":
            return 1
        return max(1, min(threads, memory // JUDGE_BYTES if memory else threads))

    def _open(self, member: _Member) -> None:
        sealed = Sealed(
            run=self._run,
            archive=self._archive.content,
            digest=self._archive.digest,
            order=make_order(self.exercise.id, self.settings),
            judges=member.judges,
            start_seconds=START_SECONDS,
            seconds=self._seconds,
            # Longer than the longest silence between two hand-ins of one run.
            idle_seconds=4 * self._seconds + START_SECONDS,
            grown=GROWN,
        )
        self._submit(member, None, worker_kit.open_kit, sealed, START_SECONDS + CONNECT_SECONDS)

    def _submit(
        self, member: _Member, job: Job | None, function: Callable[[Sealed], bytes], sealed: Sealed, seconds: float
    ) -> None:
        self._count += 1
        # Keys are on Dask's pages and in its logs: they say nothing of whose hand-in it is.
        key = f"autograder-{self._run}-{self._count}"
        task = _Task(key, member, job, time.monotonic() + seconds)
        self._tasks[key] = task
        member.tasks.append(task)
        task.future = self._client.submit(
            function, sealed, key=key, workers=[member.address], allow_other_workers=False, pure=False
        )
        task.future.add_done_callback(lambda future: self._done.put(future.key))

    def _hand_out(self) -> Iterator[tuple[Job, Result]]:
        """Give hand-ins to the workers with most room; one that cannot be read comes out failed."""
        while self._todo:
            free = [member for member in self._members.values() if member.has_room()]
            chosen = self._choose(free)
            if chosen is None:
                return
            member, job = chosen
            self._todo.remove(job)
            try:
                parcel = pack(job.path, self.exercise)
            except CourseError as error:
                yield job, failed_result(job, self.exercise.id, self.settings, str(error))
                continue
            # It may have to wait for the hand-ins before it.
            seconds = (IN_FLIGHT + 1) * self._seconds
            self._submit(member, job, worker_kit.grade, Sealed(run=self._run, parcel=parcel), seconds)

    def _choose(self, free: list[_Member]) -> tuple[_Member, Job] | None:
        """The next hand-in and where it goes: elsewhere, when it was tried before and there is an elsewhere."""
        everywhere = {m.address for m in self._members.values() if m.ready and not m.dropped}
        free.sort(key=lambda member: len(member.tasks) / member.judges)
        for job in self._todo:
            tried = self._tried.get(job, set())
            for member in free:
                if member.address not in tried or everywhere <= tried:
                    return member, job
            if not tried:
                break
        return None

    def _collect(self) -> Iterator[tuple[Job, Result]]:
        """What has come back, within half a second."""
        try:
            keys = [self._done.get(timeout=0.5)]
        except queue.Empty:
            return
        with suppress(queue.Empty):
            while True:
                keys.append(self._done.get_nowait())
        for key in keys:
            task = self._tasks.pop(key, None)
            if task is None:
                continue
            task.member.tasks.remove(task)
            letter, text = self._answer(task)
            if task.job is None:
                self._opened(task.member, letter, text)
            else:
                yield from self._graded(task.member, task.job, letter, text)

    def _answer(self, task: _Task) -> tuple[bytes, str]:
        """The letter and the text that a task's function answered."""
        future, task.future = task.future, None
        try:
            if future.status != "finished":
                return ENDED, "the worker that graded this hand-in was lost"
            answer = future.result(timeout=CONNECT_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever Dask raises for a worker that is gone
            return ENDED, f"the worker's answer did not arrive ({type(error).__name__})"
        if not isinstance(answer, bytes) or not answer or len(answer) > MAX_RESULT:
            return ERROR, "it answers with something that is no result"
        return answer[:1], answer[1:].decode("utf-8", "replace")

    def _opened(self, member: _Member, letter: bytes, text: str) -> None:
        if letter != READY:
            self._drop(member, text)
        elif fault := versions_fault(text):
            self._drop(member, f"{fault}: install the same there, with `{INSTALL}`")
        else:
            member.ready = True

    def _graded(self, member: _Member, job: Job, letter: bytes, text: str) -> Iterator[tuple[Job, Result]]:
        if letter in (RESULT, FAILED):
            result = self._read(job, text)
            if result is None:
                letter, text = ERROR, "it answers with something that is no result of this run"
            elif not result.failed and (fault := versions_fault(json.dumps(result.versions))):
                # A judge that was started later, after somebody had changed what is installed there.
                letter, text = ERROR, fault
            elif letter == RESULT and not result.failed:
                member.strikes = 0
                if result.wall_seconds > SLOW_SECONDS:
                    put_last(self._todo, job.student)
                yield job, result
                return
            else:
                self._strike(member, result.failed)
                yield from self._again(member, job, result)
                return
        if letter == MISSING:
            # The worker was restarted at its old address: that costs the hand-ins that it had nothing.
            self._todo.appendleft(job)
            if member.ready and not member.dropped:
                member.ready = False
                member.lost += 1
                if member.lost < STRIKES:
                    self._open(member)
                else:
                    self._drop(member, f"it was started again {STRIKES} times")
            return
        if letter == ERROR:
            self._drop(member, text)
        else:
            self._strike(member, text)
        yield from self._again(member, job, failed_result(job, self.exercise.id, self.settings, text))

    def _again(self, member: _Member, job: Job, result: Result) -> Iterator[tuple[Job, Result]]:
        """Put the job back for a try elsewhere, or let its failed result out."""
        self._tries[job] = self._tries.get(job, 0) + 1
        self._tried.setdefault(job, set()).add(member.address)
        if self._tries[job] < TRIES:
            self._todo.append(job)
        else:
            yield job, result

    def _read(self, job: Job, text: str) -> Result | None:
        """The result in an answer; None when it is none of this exercise, secret and data."""
        try:
            result = Result.model_validate_json(text)
        except ValueError:
            return None
        mine = (self.exercise.id, self.settings.secret_hash, self.settings.data, self.settings.device)
        if (result.exercise, result.secret_hash, result.data, result.device) != mine:
            return None
        # Whose hand-in it is never left this machine.
        return result.model_copy(update={"student": job.student, "hand_in": job.hand_in or job.path.name})

    def _strike(self, member: _Member, reason: str) -> None:
        member.strikes += 1
        if member.strikes >= STRIKES:
            self._drop(member, f"it failed {STRIKES} times in a row, at last because {reason}")

    def _drop(self, member: _Member, reason: str) -> None:
        """Give the worker nothing more; what it has in work may still come back."""
        if not member.dropped:
            member.dropped = reason or "it gave no reason"
            member.ready = False
            self._say(f"worker {member.address} is not used: {member.dropped}")

    def _lose(self, member: _Member, reason: str) -> Iterator[tuple[Job, Result]]:
        """Take back what a worker had; a try is counted for what it had in work, not for what waited beside it."""
        tasks = list(member.tasks)
        self._cancel(tasks)
        for number, task in enumerate(task for task in tasks if task.job is not None):
            assert task.job is not None
            if number < member.judges:
                failed = failed_result(task.job, self.exercise.id, self.settings, reason)
                yield from self._again(member, task.job, failed)
            else:
                self._todo.appendleft(task.job)

    def _cancel(self, tasks: list[_Task]) -> None:
        futures = []
        for task in tasks:
            self._tasks.pop(task.key, None)
            task.member.tasks.remove(task)
            if task.future is not None:
                futures.append(task.future)
                task.future = None
        if futures and self._client is not None and self._client.status == "running":
            with suppress(Exception):
                self._ask(self._client.cancel, futures=futures, asynchronous=True)

    def _expect_workers(self, now: float) -> None:
        """Nothing while there are workers; a message now and then while there are none, an error at last."""
        if any(m.ready or (not m.dropped and m.tasks) for m in self._members.values()):
            self._alone_since = now
            return
        dropped = sorted({f"{m.address}: {m.dropped}" for m in self._members.values()})
        if dropped and (not self._slurm or now - self._alone_since > PATIENCE):
            raise AutograderError(f"no worker of the cluster can grade {self.exercise.id}: {'; '.join(dropped)[:1500]}")
        waited = now - self._alone_since
        if waited > self._patience:
            raise AutograderError(
                f"no worker came to {self.cluster.address} within {self._patience:.0f} s: start some with "
                "`dask worker`, and run the same command again; results so far are kept"
            )
        if now - self._said > SAY_EVERY or not self._said:
            self._said = now
            detail = ""
            if self._slurm is not None:
                detail = f"; Slurm's jobs: {self._slurm.waiting()}"
            self._say(f"waiting for workers at {self.cluster.address}{detail}")

    def _workers(self) -> dict[str, Any] | None:
        """The scheduler's workers by address; None when it does not answer."""
        if self._client.status != "running":
            return None
        try:
            workers: dict[str, Any] = self._ask(self._client.scheduler.identity, n_workers=-1)["workers"]
        except (OSError, TimeoutError):
            return None
        return workers

    def _reconnect(self) -> None:
        """Wait for the scheduler to answer again: Dask has dropped what was in work, which costs no try."""
        self._say(f"lost the scheduler at {self.cluster.address}: trying to reach it again")
        end = time.monotonic() + 2 * CONNECT_SECONDS
        while self._workers() is None:
            if time.monotonic() > end or self._client.status == "closed":
                raise AutograderError(
                    f"lost the scheduler at {self.cluster.address}: start it and its workers again, and run the same "
                    "command; results so far are kept"
                )
            time.sleep(0.5)
        tasks = list(self._tasks.values())
        self._cancel(tasks)
        self._todo.extendleft(task.job for task in tasks if task.job is not None)
        self._members = {}
        self._looked = -LOOK_EVERY

    def _ask(self, function: Callable[..., Any], **arguments: Any) -> Any:
        """The scheduler's answer to a request, within a time limit."""

        # A coroutine of ours, because `client.sync(function, asynchronous=True)` awaits nothing.
        async def asked() -> Any:
            return await asyncio.wait_for(function(**arguments), CONNECT_SECONDS)

        return self._client.sync(asked)

    def _forget(self, client: Any) -> None:
        """Let all workers end their judges and remove the course, at once; left alone they do so in time."""
        self._cancel(list(self._tasks.values()))
        addresses = list(self._members)

        def run() -> None:
            with suppress(Exception):
                # Not as a task: that would wait behind the hand-ins that are in work.
                client.run(worker_kit.close_kit, Sealed(run=self._run), workers=addresses, on_error="ignore")

        if addresses and client.status == "running":
            # A worker that hangs would never answer.
            closing = threading.Thread(target=run, name="close the kits", daemon=True)
            closing.start()
            closing.join(timeout=CLOSE_SECONDS)


def _within(seconds: float, call: Callable[[], _Answer]) -> _Answer:
    """What the call answers, or a `TimeoutError`: Dask waits for ever for one that takes connections and is silent."""
    answers: list[_Answer] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # noqa: BLE001 - raised in the other thread
            errors.append(error)

    thread = threading.Thread(target=run, name="connect", daemon=True)
    thread.start()
    thread.join(seconds)
    for error in errors:
        raise error
    if not answers:
        raise TimeoutError("it takes connections and does not answer: is this the scheduler's own port?")
    return answers[0]


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _close_client(client: Any) -> None:
    with suppress(Exception):
        client.close(timeout=CLOSE_SECONDS)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
