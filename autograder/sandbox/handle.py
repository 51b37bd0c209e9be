"""The judge's hold on a child: ask it, watch it, end it."""

import contextlib
import os
import pickle
import secrets
import select
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from exercise_code.common.probing.wire import MAX_BYTES, WireError, decode
from exercise_code.common.reasons import Reason

from ..base.errors import AutograderError
from ..base.hostile_folders import MAX_DISK, MAX_FILES, is_small
from . import mounts
from .child import EXCEPTION, HEADER, INTRO_BYTES, NONCE_BYTES, REFUSED, VALUE
from .clock import Clock
from .libraries import NOTES

__all__ = ["MAX_THREADS", "Answer", "Child", "ChildDied", "Forker"]

MAX_THREADS = 64
GPU_BASE_MB = 4_000
LOOK_EVERY = 0.05
NO_VALUE = "answered with something that is no plain value"
REPORT_CHARACTERS = {"type": 80, "text": 2000, "place": 300, "call": 300, "probe": 300}


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


class Forker(Protocol):
    """Who forked a child, and reaps it."""

    device: str

    @property
    def is_private(self) -> bool:
        """True when its children have a root and a scratch folder of their own."""

    def end(self, pid: int, gone: bool) -> dict[str, Any]:
        """How a child ended, which was killed if it lived."""


@dataclass
class Child:
    """One walled process that answers probes on one hand-in."""

    worker: Forker
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
    notes: set[str] = field(default_factory=set)
    """What the child said of itself, out of `NOTES`."""

    def cpu(self) -> float:
        """CPU seconds used so far."""
        if self.ended is not None:
            return float(self.ended["cpu"])
        try:
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0

    def threads(self) -> int:
        """How many threads it has, 0 when it is gone; by the cheapest look, for after each answer."""
        with contextlib.suppress(OSError):
            return os.stat(f"/proc/{self.pid}/task").st_nlink - 2
        return 0

    @property
    def is_private(self) -> bool:
        """True when the child writes to a scratch folder of its own, which nothing but its code can fill."""
        return self.worker.is_private

    @property
    def places(self) -> list[str]:
        """Folders whose names only say where the hand-in was unpacked."""
        if self.is_private:
            return [f"{mounts.SCRATCH}/work", mounts.HAND_IN]
        return [str(self.writable)] if self.writable else []

    def ask(self, seed: int, payload: bytes, *, cpu_seconds: float, max_bytes: int = MAX_BYTES) -> Answer:
        """The child's answer to a pickled call; `ChildDied`, with the child ended, when there is none.

        `payload` is a pickle of `(probe, inputs)`, or one of the probe and one of its inputs behind it.
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        body = nonce + pickle.dumps(seed, protocol=5) + payload
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
                if not HEADER.size + INTRO_BYTES <= size <= max_bytes:
                    raise ChildDied("answered with more bytes than the grader takes", f"{size:,} bytes", overdrew=True)
            if time.monotonic() - looked > LOOK_EVERY:
                looked = time.monotonic()
                self._look(clock)
        if self.threads() > MAX_THREADS:
            self._look(clock)
        if len(data) > size or data[HEADER.size : HEADER.size + NONCE_BYTES] != nonce:
            raise ChildDied("wrote into the answer pipe by itself")
        at = HEADER.size + NONCE_BYTES
        self.notes |= {note for bit, note in enumerate(NOTES) if data[at + 1] >> bit & 1}
        return bytes(data[at : at + 1]), bytes(data[at + 2 :])

    def _look(self, clock: Clock) -> None:
        """End the child when it has overdrawn CPU time, wall time, threads, memory or disk."""
        late = clock.look()
        self.slept = clock.slept
        if late:
            raise ChildDied(late, late=True)
        threads, resident_mb = _threads_and_memory(self.pid)
        if threads > MAX_THREADS:
            raise ChildDied(f"started more than {MAX_THREADS} threads", f"{threads} threads", overdrew=True)
        # CUDA maps far more than it uses, so there the resident size stands in for RLIMIT_AS.
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


def _threads_and_memory(pid: int) -> tuple[int, float]:
    """Threads and resident MB of a process, zeros when it is gone."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        # The first line is the process's name, which is its own choice, but cannot hold an end of a line.
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").split("\n")[1:]
        found = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        return int(found["Threads"]), int(found["VmRSS"].split()[0]) / 1024
    return 0, 0.0


def _printable(text: str, limit: int) -> str:
    return "".join(c for c in text[: 2 * limit] if c.isprintable() or c == "\n")[:limit]
