"""The judge's side of the sandbox: start a worker, let it fork children."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base.errors import AutograderError
from ..base.hostile_folders import remove
from ..base.settings import versions
from . import access_times, mounts
from .child import NONCE_BYTES, READY
from .handle import MAX_THREADS, Answer, Child, ChildDied
from .thread_group import ThreadGroup
from .walls import GPU_READS

__all__ = ["Answer", "Child", "ChildDied", "Worker", "readable_paths"]

PROJECT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 120
# Children at one time: one for most tests, one with a watched folder, one that a test has to itself.
MAX_CHILDREN = 3
# CPU seconds after the judge's own limit at which the kernel ends a child.
BACKSTOP = 5
SYSTEM_PATHS = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/dev/urandom",
]


def readable_paths(base: Path) -> list[str]:
    """What every child may read: the system's libraries, the Python installation and the given code."""
    return sorted({*SYSTEM_PATHS, sys.prefix, sys.base_prefix, str(base)})


def _environment(device: str) -> dict[str, str]:
    fixed = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
        "COURSE_SANDBOX": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }
    fixed["COURSE_DEVICE"] = device
    return fixed | {k: os.environ[k] for k in ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH") if k in os.environ}


@dataclass
class Worker:
    """A warm worker for one exercise; a context manager. `base` holds the given `exercise_code`.

    Once it is started, `why_not_private` says why its children have no root and scratch folder of their own, and
    is empty when they have; `readable` is what they may read; `threads` is the group that limits their threads, where
    there is one. `namespaces` False does without, as on a machine that offers none.
    """

    exercise: str
    base: Path
    imports: Sequence[str]
    device: str = "cpu"
    unsafe: bool = False
    namespaces: bool = True
    why_not_private: str = field(default="", init=False)
    readable: list[str] = field(default_factory=list, init=False, repr=False)
    threads: ThreadGroup | None = field(default=None, init=False, repr=False)
    _home: Path | None = field(default=None, init=False, repr=False)
    _settle_again: float = field(default=0.0, init=False, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _control: socket.socket | None = field(default=None, init=False, repr=False)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the process and wait until it has imported everything; nothing happens if it runs already.

        An `AutograderError` when it has ended by itself: children of a hand-in may have ended with it.
        """
        if self._process is not None:
            if self._process.poll() is None:
                return
            self.close()
            raise AutograderError(f"the sandbox's worker for {self.exercise} ended: run the command again")
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        gpu = self.device == "cuda"
        devices = ["/dev/null"]
        readable = readable_paths(self.base)
        if gpu:
            devices += [str(p) for p in Path("/dev").glob("nvidia*")]
            readable += GPU_READS
        self._home = Path(tempfile.mkdtemp(prefix="home-", dir=self.base.parent)).resolve()
        config = {
            "control": theirs.fileno(),
            "project": str(PROJECT),
            "base": str(self.base),
            "exercise": self.exercise,
            "imports": list(self.imports),
            "gpu": gpu,
            "unsafe": self.unsafe,
            # The driver looks at its own process in /proc, which a root of its own would have to show.
            "private": self.namespaces and not self.unsafe and not gpu,
            "home": str(self._home),
            "threads": self._max_threads,
            "readable": readable,
            "devices": devices,
        }
        script = Path(__file__).with_name("worker.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", str(script), json.dumps(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None if "COURSE_DEBUG" in os.environ else subprocess.DEVNULL,
            env=_environment(self.device),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        self._control = ours
        ours.settimeout(START_SECONDS)
        if not self.unsafe:
            self.threads = ThreadGroup.make(self._max_threads, self._process.pid)
        reply = self._read_reply("start")
        self._expect_versions(reply)
        self.why_not_private = reply["why_not"]
        self.readable = [*readable, str(self._home)]

    @property
    def is_private(self) -> bool:
        """True when each child has a scratch folder of its own to write to."""
        return self._process is not None and not self.why_not_private

    @property
    def _max_threads(self) -> int:
        return 1 + MAX_CHILDREN * MAX_THREADS

    def _expect_versions(self, reply: dict[str, Any]) -> None:
        theirs, ours = dict(reply["versions"]), versions()
        if theirs != ours:
            self.close()
            names = sorted(name for name in {*theirs, *ours} if theirs.get(name) != ours.get(name))
            gap = ", ".join(f"{name} {theirs.get(name, 'none')}, not {ours.get(name, 'none')}" for name in names)
            raise AutograderError(f"the sandbox's worker has {gap}: the environment has changed, run the command again")

    def close(self) -> None:
        """End the worker and, with it, its children."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self.threads is not None:
            self.threads.close()
            self.threads = None
        if self._home is not None:
            remove(self._home)
            self._home = None

    @property
    def pid(self) -> int | None:
        """The worker's process id, None before `start`."""
        return self._process.pid if self._process else None

    def _read_reply(self, what: str) -> dict[str, Any]:
        assert self._control is not None
        data = b""
        try:
            while not data.endswith(b"\n"):
                part = self._control.recv(65536)
                if not part:
                    raise OSError("it ended")
                data += part
        except OSError as error:
            self.close()
            raise AutograderError(
                f"the sandbox's worker for {self.exercise} failed to {what} ({error}): "
                "run `autograder doctor`, or set COURSE_DEBUG=1 to see its messages"
            ) from None
        reply: dict[str, Any] = json.loads(data)
        return reply

    def _request(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        if self._control is None:
            raise AutograderError(f"the sandbox's worker for {self.exercise} ended: run the command again")
        try:
            with contextlib.suppress(OSError):  # the reply says what there is to say
                socket.send_fds(self._control, [json.dumps(message).encode()], descriptors)
            return self._read_reply(message["op"])
        except BaseException:
            # The reply to come would be taken for that of the next request: better a fresh worker.
            self.close()
            raise

    def fork(self, workspace: Path, *, memory_mb: int, cpu_seconds: float, writable: Path | None = None) -> Child:
        """A fresh child, walled in, that has read no line of the workspace's code yet.

        A private child writes to its own scratch folder; elsewhere `writable` names a folder, which is watched.
        """
        self.start()
        if self.is_private:
            writable = None
        elif not self.unsafe and time.monotonic() > self._settle_again:
            access_times.settle(self.readable)
            self._settle_again = time.monotonic() + access_times.EVERY_SECONDS
        request_read, request_write = os.pipe()
        answer_read, answer_write = os.pipe()
        message = {
            "op": "fork",
            "workspace": os.path.realpath(workspace),
            "writable": str(writable) if writable else None,
            "memory": memory_mb * 2**20,
            # The kernel's own limit is a backstop: the judge ends a child first, test by test.
            "cpu_seconds": int(cpu_seconds) + BACKSTOP,
            "file_size": mounts.SCRATCH_BYTES if self.is_private else 16 * 2**20 if writable else 0,
        }
        try:
            reply = self._request(message, [request_read, answer_write])
        except BaseException:
            os.close(request_write)
            os.close(answer_read)
            raise
        finally:
            os.close(request_read)
            os.close(answer_write)
        child = Child(self, reply["pid"], request_write, answer_read, writable, memory_mb, int(cpu_seconds) + BACKSTOP)
        try:
            kind, message_bytes = child._read(bytes(NONCE_BYTES), START_SECONDS, START_SECONDS)
        except ChildDied as died:
            child.end()
            raise AutograderError(f"a child of the sandbox did not start: it {died}") from None
        if kind != READY:
            child.end()
            raise AutograderError(f"the sandbox's walls do not stand: {message_bytes.decode(errors='replace')}")
        return child

    def end(self, pid: int, gone: bool = False) -> dict[str, Any]:
        """Kill and reap a child; how it ended and what it used. `gone` says that it seems to have ended."""
        return self._request({"op": "end", "pid": pid, "gone": gone})
