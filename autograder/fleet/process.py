"""The process of one judge: it judges what it is sent until its parent is gone."""

import contextlib
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from exercise_code.common.errors import CourseError

from ..base.settings import Settings
from ..judging.job import Job
from ..judging.judge import Judge

__all__ = ["READY", "hold_back", "judge_process", "resident_bytes"]
# Bytes of address space that a judge may take for itself while it grades.
JUDGE_MEMORY = 2 * 2**30
# What a judge says when its tests have been collected.
READY = "ready"


def hold_back(held: bool) -> None:
    # Windows has no such masks.
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK if held else signal.SIG_UNBLOCK, {signal.SIGINT})


def _reason(error: OSError) -> str:
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        # shutil's own lists every file that could not be copied.
        return str(error.args[0][-1][-1]).split(": ", 1)[0]
    return error.strerror or str(error)


def limit_memory() -> None:
    """Let an answer that blows up while it is compared end in a `MemoryError`, not in the machine's memory."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        import resource

        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY:
            # The soft limit alone: a worker, which maps torch, lifts it for itself.
            resource.setrlimit(resource.RLIMIT_AS, (mapped + JUDGE_MEMORY, hard))


def resident_bytes(pid: int) -> int:
    """Bytes that a process holds in memory; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def end_with_parent() -> None:
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


def judge_process(exercise_id: str, settings: Settings, connection: Connection, gpu: str) -> None:
    """A judge's process: takes jobs from the connection until it closes."""
    # Ctrl-C reaches the whole group; the parent decides what it means. Until here it was held back.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hold_back(False)
    end_with_parent()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if gpu:
        # Before the workers start: they, and not the judge, talk to the GPU.
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu

    def send(message: Any) -> None:
        # Whoever waited for it may have gone; pytest would say so with a traceback.
        with contextlib.suppress(BrokenPipeError):
            connection.send(message)

    def jobs() -> Iterator[Job]:
        send(READY)
        while True:
            try:
                yield connection.recv()
            except (EOFError, OSError):
                return

    limit_memory()
    try:
        with Judge(exercise_id, settings) as judge:
            judge.serve(jobs(), lambda _, result: send(result))
        return
    except CourseError as error:
        fault = str(error)
    except OSError as error:
        fault = (
            f"a judge could not start ({_reason(error)}): make room for temporary files, or name a folder for them "
            "in TMPDIR"
        )
    with contextlib.suppress(OSError):
        connection.send(fault)
