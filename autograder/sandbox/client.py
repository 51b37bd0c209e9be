"""The judge's side of the sandbox: start a worker, ask its children, watch and end them."""

import contextlib
import json
import os
import pickle
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exercise_code.common.checks.reasons import Reason
from exercise_code.common.wire import MAX_BYTES, WireError, decode

from ..base.errors import AutograderError
from ..base.hostile_folders import MAX_DISK, MAX_FILES, is_small
from ..settings import versions
from .child import EXCEPTION, HEADER, NONCE_BYTES, READY, REFUSED, VALUE
from .clock import Clock

__all__ = ["Answer", "Child", "ChildDied", "Worker", "readable_paths"]

PROJECT = Path(__file__).resolve().parent.parent.parent
MAX_THREADS = 64
GPU_BASE_MB = 4_000
LOOK_EVERY = 0.05
START_SECONDS = 120
# CPU seconds after the judge's own limit at which the kernel ends a child.
BACKSTOP = 5
NO_VALUE = "answered with something that is no plain value"
REPORT_CHARACTERS = {"type": 80, "text": 2000, "place": 300, "call": 300, "probe": 300}
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


class ChildDied(Exception):
    """A child that had to be ended, or ended itself.

    `reason` is in our words alone. `detail` holds what the code could choose (an exit code, a count) and so
    could carry hidden inputs out: it is not shown to students where the test is hidden. `late` says that time
    ran out, `overdrew` that the code took more of something else than a hand-in has.
    """

    def __init__(self, reason: str, detail: str = "", *, late: bool = False, overdrew: bool = False) -> None:
        super().__init__(f"{reason} ({detail})" if detail else reason)
        self.reason, self.detail, self.late = reason, detail, late
        self.code = Reason.TIMED_OUT if late else Reason.OVERDREW if overdrew else Reason.DIED


@dataclass(frozen=True)
class Answer:
    """A child's answer: the probe's value, or what the student's code raised."""

    value: Any = None
    exception: dict[str, Any] | None = None
    size: int = 0


def readable_paths(base: Path) -> list[str]:
    """What every child may read: the system's libraries, the Python installation and the given code."""
    return sorted({*SYSTEM_PATHS, sys.prefix, sys.base_prefix, str(base)})


def _environment(device: str) -> dict[str, str]:
    fixed = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
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
    """A warm worker for one exercise; a context manager. `base` holds the given `exercise_code`."""

    exercise: str
    base: Path
    imports: Sequence[str]
    device: str = "cpu"
    unsafe: bool = False
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
            readable += ["/proc/driver/nvidia", "/proc/self", "/proc/devices", "/sys"]
        config = {
            "control": theirs.fileno(),
            "project": str(PROJECT),
            "base": str(self.base),
            "exercise": self.exercise,
            "imports": list(self.imports),
            "gpu": gpu,
            "unsafe": self.unsafe,
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
        self._expect_versions(self._read_reply("start"))

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

    def fork(self, workspace: Path, *, memory_mb: int, cpu_seconds: float, writable: Path | None = None) -> "Child":
        """A fresh child, walled in, that has read no line of the workspace's code yet."""
        self.start()
        request_read, request_write = os.pipe()
        answer_read, answer_write = os.pipe()
        message = {
            "op": "fork",
            "workspace": str(workspace),
            "writable": str(writable) if writable else None,
            "memory": memory_mb * 2**20,
            # The kernel's own limit is a backstop: the judge ends a child first, test by test.
            "cpu_seconds": int(cpu_seconds) + BACKSTOP,
            "file_size": 16 * 2**20 if writable else 0,
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


@dataclass
class Child:
    """One walled process that answers probes on one hand-in."""

    worker: Worker
    pid: int
    request: int
    answer: int
    writable: Path | None
    memory_mb: int
    cpu_limit: int
    waited: float = 0.0
    """Seconds in all that it waited for a processor, when somebody looked last."""
    slept: float = 0.0
    """Seconds of the last answer in which the child neither computed nor waited for a processor."""
    ended: dict[str, Any] | None = None

    def cpu(self) -> float:
        """CPU seconds used so far."""
        if self.ended is not None:
            return float(self.ended["cpu"])
        try:
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0

    def threads(self) -> int:
        """How many threads it has, 0 when it is gone."""
        with contextlib.suppress(OSError):
            return len(os.listdir(f"/proc/{self.pid}/task"))
        return 0

    def ask(self, seed: int, payload: bytes, *, cpu_seconds: float, max_bytes: int = MAX_BYTES) -> Answer:
        """The child's answer to a pickled `(probe, inputs)`; `ChildDied`, with the child ended, when there is none."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        body = nonce + pickle.dumps((seed, payload), protocol=5)
        self.slept = 0.0
        try:
            self._signal(signal.SIGCONT)
            self._write(HEADER.pack(len(body)) + body, cpu_seconds)
            kind, message = self._read(nonce, cpu_seconds, None, max_bytes)
            # Between two probes a child stands still: threads left behind cannot eat what nobody watches.
            self._signal(signal.SIGSTOP)
            if kind == VALUE:
                return Answer(decode(message), size=len(message))
            if kind == EXCEPTION:
                report = decode(message)
                if type(report) is not dict or set(report) != set(REPORT_CHARACTERS):
                    raise WireError("a malformed report of an exception")
                if any(type(text) is not str for text in report.values()):
                    raise WireError("a malformed report of an exception")
                return Answer(exception={key: _printable(report[key], n) for key, n in REPORT_CHARACTERS.items()})
            if kind == REFUSED:
                raise ChildDied(NO_VALUE, _printable(message.decode("utf-8", "replace"), 300))
            raise WireError("an answer of an unknown kind")
        except (WireError, MemoryError, RecursionError) as error:
            self.end()
            raise ChildDied(NO_VALUE, str(error)) from None
        except BaseException:
            self.end()
            raise

    def end(self, gone: bool = False) -> None:
        """Kill and reap the child, and close its pipes; nothing happens the second time."""
        if self.ended is not None:
            return
        os.close(self.request)
        os.close(self.answer)
        self.ended = {"status": int(signal.SIGKILL), "cpu": 0.0, "memory_mb": 0.0, "alone": False}
        self.ended = self.worker.end(self.pid, gone)

    def _signal(self, number: int) -> None:
        # The worker reaps its children only when asked to, so the number cannot be another process's by now.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _write(self, data: bytes, cpu_seconds: float) -> None:
        os.set_blocking(self.request, False)
        view = memoryview(data)
        poll = select.poll()
        poll.register(self.request, select.POLLOUT)
        clock = Clock(self, cpu_seconds)
        while view:
            if not poll.poll(LOOK_EVERY * 1000):
                self._look(clock)
                continue
            try:
                view = view[os.write(self.request, view[: 1 << 20]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._how_it_ended() from None

    def _read(
        self, nonce: bytes, cpu_seconds: float, wall_seconds: float | None, max_bytes: int = MAX_BYTES
    ) -> tuple[bytes, bytes]:
        """Kind and body of the next answer."""
        os.set_blocking(self.answer, False)
        data = bytearray()
        size: int | None = None
        clock = Clock(self, cpu_seconds, wall_seconds)
        looked = time.monotonic()
        poll = select.poll()
        poll.register(self.answer, select.POLLIN)
        while size is None or len(data) < size:
            if poll.poll(LOOK_EVERY * 1000):
                try:
                    part = os.read(self.answer, 1 << 20)
                except BlockingIOError:
                    part = None
                if part == b"":
                    raise self._how_it_ended()
                data += part or b""
            if size is None and len(data) >= HEADER.size:
                size = HEADER.size + HEADER.unpack_from(data)[0]
                if not HEADER.size + NONCE_BYTES < size <= max_bytes:
                    raise ChildDied("answered with more bytes than the grader takes", f"{size:,} bytes", overdrew=True)
            if time.monotonic() - looked > LOOK_EVERY:
                looked = time.monotonic()
                self._look(clock)
        if len(data) > size or data[HEADER.size : HEADER.size + NONCE_BYTES] != nonce:
            raise ChildDied("wrote into the answer pipe by itself")
        at = HEADER.size + NONCE_BYTES
        return bytes(data[at : at + 1]), bytes(data[at + 1 :])

    def _look(self, clock: Clock) -> None:
        """End the child when it has overdrawn CPU time, wall time, threads, memory or disk."""
        late = clock.look()
        self.slept = clock.slept
        if late:
            raise ChildDied(late, late=True)
        with contextlib.suppress(OSError, ValueError, IndexError):
            status = Path(f"/proc/{self.pid}/status").read_text()
            threads = int(status.split("Threads:")[1].split()[0])
            if threads > MAX_THREADS:
                raise ChildDied(f"started more than {MAX_THREADS} threads", f"{threads} threads", overdrew=True)
            # CUDA maps far more than it uses, so there the resident size stands in for RLIMIT_AS.
            resident_mb = int(status.split("VmRSS:")[1].split()[0]) / 1024
            if self.worker.device == "cuda" and resident_mb > self.memory_mb + GPU_BASE_MB:
                raise ChildDied("used more memory than allowed", f"{resident_mb:.0f} MB", overdrew=True)
        if self.writable is not None and not is_small(self.writable):
            raise ChildDied(f"wrote more than {MAX_DISK // 2**20} MB or {MAX_FILES:,} files", overdrew=True)

    def _how_it_ended(self) -> ChildDied:
        self.end(gone=True)
        assert self.ended is not None
        status = int(self.ended["status"])
        if os.WIFEXITED(status):
            return ChildDied("ended its process before it answered", f"exit code {os.WEXITSTATUS(status)}")
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU or (number == signal.SIGKILL and self.cpu() >= self.cpu_limit - 1):
            return ChildDied("used up its CPU time", late=True)
        if number == signal.SIGKILL and self.ended["alone"]:
            # The kernel takes a process when the machine's memory is used up, and a worker takes its children along.
            raise AutograderError("a child of the sandbox was ended from outside: is the machine's memory used up?")
        if number == signal.SIGKILL:
            # By us: it lived on, and nobody would have heard of it any more.
            return ChildDied("closed its answer pipe")
        return ChildDied("crashed", f"signal {number}, {signal.strsignal(number) or 'unknown'}")


def _printable(text: str, limit: int) -> str:
    return "".join(c for c in text[: 2 * limit] if c.isprintable() or c == "\n")[:limit]
