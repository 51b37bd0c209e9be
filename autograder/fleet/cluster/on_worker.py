"""What runs inside a Dask worker: it unpacks the course once, keeps judges, and hands them one hand-in at a time.

The worker need not have this project: `cluster` sends this module by value, so it may import nothing of the
project, and remembers nothing in globals. Every function answers bytes, a letter and a text, and never raises:
Dask writes the arguments of a failed task into its logs.
"""

import hashlib
import io
import os
import queue
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

__all__ = [
    *("ENDED", "ERROR", "FAILED", "LATE", "MISSING", "READY", "RESULT"),
    *("Sealed", "close_kit", "grade", "hold", "is_left", "open_kit"),
]

READY, RESULT, FAILED, ERROR = b"+", b"R", b"F", b"E"
ENDED, LATE, MISSING = b"D", b"L", b"M"

_KITS = "autograder_kits"
_PREFIX = "autograder-kit-"
_OWNER = ".owner"
_LOG_CHARACTERS = 600
# Isolated, so that no file of the current folder and no variable is imported instead of the kit.
_START = "import sys; sys.path.insert(0, sys.argv[1]); from autograder.fleet.cluster.remote_judge import main; main()"
# Reads until the Dask worker has gone, however that was, and removes the folder, whatever a killed hand-in left in it.
_WARDEN = """
import os, shutil, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdin.buffer.read()
for _ in range(100):
    for path, names, _ in os.walk(sys.argv[1]):
        for name in (os.path.join(path, name) for name in names):
            try:
                os.path.islink(name) or os.chmod(name, 0o700)
            except OSError:
                pass
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not os.path.lexists(sys.argv[1]):
        break
    time.sleep(0.1)
"""
_WARDEN_SECONDS = 15
_NOT_PASSED_ON = ("AUTOGRADER_SECRET", "AUTOGRADER_COURSE")


class Sealed:
    """Arguments that do not show: what Dask prints of a task, on its pages and in its logs, is `Sealed()`."""

    def __init__(self, **content: Any) -> None:
        self.content = content

    def __repr__(self) -> str:
        return "Sealed()"


def open_kit(sealed: Sealed) -> bytes:
    """`READY` and the versions found here as JSON, or `ERROR` and why this worker cannot judge."""
    from distributed import get_worker

    kit = None
    try:
        kits, run = _kits(get_worker()), sealed.content["run"]
        if run not in kits:
            made = _Kit(kits, **sealed.content)
            if kits.setdefault(run, made) is not made:
                made.close()
        kit = kits[run]
        if kit is None:
            return ERROR + b"this run has ended"
        answer = kit.begin()
        # The run may have ended while the judge started.
        if answer.startswith(READY) and kits[run] is kit:
            return answer
    except Exception as error:  # noqa: BLE001 - see above: nothing may be raised from here
        answer = ERROR + _words(error)
    if kit is not None:
        if kits.get(run) is kit:
            del kits[run]
        kit.close()
    return answer


def grade(sealed: Sealed) -> bytes:
    """A judge's answer on one hand-in, `RESULT` or `FAILED` with the result as JSON; else a letter and the reason."""
    from distributed import get_worker

    try:
        kit = _kits(get_worker()).get(sealed.content["run"])
        if kit is None:
            return MISSING + b"the worker has forgotten the course"
        answer: bytes = kit.grade(sealed.content["parcel"])
        return answer
    except Exception as error:  # noqa: BLE001 - see above: nothing may be raised from here
        return ENDED + _words(error)


def close_kit(sealed: Sealed, dask_worker: Any) -> bytes:
    """`READY` once the judges have ended and the course is removed; Dask says on which worker."""
    try:
        kits, run = _kits(dask_worker), sealed.content["run"]
        kit, kits[run] = kits.get(run), None
        if kit is not None:
            kit.close()
        return READY
    except Exception as error:  # noqa: BLE001 - see above: nothing may be raised from here
        return ERROR + _words(error)


def _kits(worker: Any) -> "dict[str, _Kit | None]":
    """The kits of all runs that this Dask worker has seen; None for a run that has ended."""
    kits: dict[str, _Kit | None] = worker.__dict__.setdefault(_KITS, {})
    return kits


def _words(error: BaseException) -> bytes:
    return f"{type(error).__name__}: {error}"[:_LOG_CHARACTERS].encode("utf-8", "replace")


class _Kit:
    """The course in a private folder, and the judges that read it there."""

    def __init__(
        self,
        kits: "dict[str, _Kit | None]",
        run: str,
        archive: bytes,
        digest: str,
        order: bytes,
        judges: int,
        start_seconds: float,
        seconds: float,
        idle_seconds: float,
        grown: int,
    ) -> None:
        if hashlib.sha256(archive).hexdigest() != digest:
            raise ValueError("the course arrived damaged")
        self._kits, self._run = kits, run
        self._order, self._judges = order, judges
        self._start_seconds, self._seconds = start_seconds, seconds
        self._idle_seconds, self._grown = idle_seconds, grown
        self._places: queue.LifoQueue[_Judge | None] = queue.LifoQueue()
        for _ in range(judges):
            self._places.put(None)
        self._started: list[_Judge] = []
        self._busy = 0
        self._used = time.monotonic()
        self._guard = threading.Lock()
        self._closed = False
        self._lock: Any = None
        self._warden: subprocess.Popen[bytes] | None = None
        _sweep()
        # Private from the start: mkdtemp makes folders that nobody else may enter.
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        try:
            self._lock = hold(self.folder)
            # Before anything is in the folder: a Dask worker may be killed at any moment.
            self._warden = _start_warden(self.folder)
            with zipfile.ZipFile(io.BytesIO(archive)) as course:
                course.extractall(self.folder)
            (self.folder / "tmp").mkdir(mode=0o700)
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._end_when_forgotten, name="autograder kit", daemon=True).start()

    def begin(self) -> bytes:
        """Start the first judge: what it says first."""
        try:
            place = self._places.get(timeout=self._start_seconds)
        except queue.Empty:
            return ERROR + b"its judges were busy for too long"
        judge, answer = (place, place.ready) if place is not None else self._start()
        self._places.put(judge)
        return answer

    def grade(self, parcel: bytes) -> bytes:
        with self._guard:
            self._busy += 1
        judge = None
        taken = False
        try:
            judge = self._places.get(timeout=self._seconds)
            taken = True
            if judge is None:
                judge, answer = self._start()
                if judge is None:
                    return answer
            answer = judge.ask(parcel, self._seconds)
            # As in a local fleet: after a failure, or once it has grown, the next hand-in gets a fresh judge.
            if not answer.startswith(RESULT) or judge.resident() > self._grown:
                self._end(judge)
                judge = None
            # It had started: the fault is this hand-in's, until others fail as well.
            return ENDED + answer[1:] if answer.startswith(ERROR) else answer
        except queue.Empty:
            return LATE + b"all judges of the worker were busy for too long"
        finally:
            if taken:
                self._places.put(judge)
            with self._guard:
                self._busy -= 1
                self._used = time.monotonic()

    def _start(self) -> "tuple[_Judge | None, bytes]":
        judge = _Judge(self.folder, self._order, self._seconds)
        with self._guard:
            self._started.append(judge)
        if self._closed:
            self._end(judge)
            return None, ENDED + b"the worker is closing"
        judge.ready = judge.wait(self._start_seconds)
        if judge.ready.startswith(READY):
            return judge, judge.ready
        answer = judge.ready
        if answer.startswith((ENDED, LATE)):
            answer = ERROR + b"its judge did not start: " + (judge.last_words() or answer[1:])
        self._end(judge)
        return None, answer

    def _end(self, judge: "_Judge") -> None:
        judge.end()
        with self._guard:
            if judge in self._started:
                self._started.remove(judge)

    def close(self) -> None:
        self._closed = True
        for judge in list(self._started):
            self._end(judge)
        if self._warden is not None:
            _end_warden(self._warden)
        # Should somebody have killed the warden.
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    def _end_when_forgotten(self) -> None:
        """Remove everything when the client that sent it is gone without a word."""
        while not self._closed:
            time.sleep(min(30.0, self._idle_seconds / 4))
            with self._guard:
                forgotten = not self._busy and time.monotonic() - self._used > self._idle_seconds
            if forgotten:
                self._kits.pop(self._run, None)
                self.close()


class _Judge:
    """One judge's process, started by exec: what a Dask nanny starts may have no children of multiprocessing."""

    def __init__(self, folder: Path, order: bytes, seconds: float) -> None:
        self.ready = b""
        self._folder = folder
        ours, theirs = socket.socketpair()
        # Nor may a judge that hangs before it has read a hand-in hold up the worker for ever.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", max(1, int(seconds)), 0))
        descriptor, log = tempfile.mkstemp(prefix="judge-", suffix=".log", dir=folder)
        self._log = Path(log)
        environment = {k: v for k, v in os.environ.items() if k not in _NOT_PASSED_ON}
        # Whatever the judge leaves behind when it is killed lies in the kit's folder, and goes with it.
        environment["TMPDIR"] = str(folder / "tmp")
        with os.fdopen(descriptor, "wb") as output, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", _START, str(folder), str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=folder,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())
        try:
            self._connection.send_bytes(order)
        except OSError:
            pass  # it has ended already, and `wait` says so

    def ask(self, parcel: bytes, seconds: float) -> bytes:
        try:
            self._connection.send_bytes(parcel)
        except BlockingIOError:
            return LATE + b"the judge's process did not take this hand-in in time"
        except OSError:
            return ENDED + b"the judge's process ended while it graded this hand-in"
        return self.wait(seconds)

    def wait(self, seconds: float) -> bytes:
        """The next message; the process is ended when none comes."""
        try:
            if self._connection.poll(seconds):
                return self._connection.recv_bytes()
        except (EOFError, OSError):
            return ENDED + b"the judge's process ended while it graded this hand-in"
        return LATE + b"the judge's process did not finish this hand-in in time"

    def resident(self) -> int:
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def last_words(self) -> bytes:
        """The last line of the log: of a traceback, what went wrong."""
        try:
            return self._log.read_bytes()[-_LOG_CHARACTERS:].strip().rsplit(b"\n", 1)[-1]
        except OSError:
            return b""

    def end(self) -> None:
        # Its own workers asked the kernel to end with it, and their children with them. The connection closes when
        # nobody waits at it any more: closed now, its number could be another's while a thread still reads from it.
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._log.unlink(missing_ok=True)


def _start_warden(folder: Path) -> "subprocess.Popen[bytes]":
    """A process that removes the folder when this one has ended, or when its standard input is closed."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WARDEN, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )


def _end_warden(warden: "subprocess.Popen[bytes]") -> None:
    assert warden.stdin is not None
    warden.stdin.close()
    try:
        warden.wait(timeout=_WARDEN_SECONDS)
    except subprocess.TimeoutExpired:
        warden.kill()
        warden.wait()


def hold(folder: Path) -> Any:
    """An open file with a lock on it that says: this folder's owner lives."""
    import fcntl

    # It gets its name with the lock on it: nobody ever sees it free while we live.
    new = folder / f"{_OWNER}.new"
    file = new.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pass  # a file system without locks: then nothing is ever swept from it
    # On a network file system locks may end at each machine.
    file.write(socket.gethostname().encode())
    file.flush()
    new.rename(folder / _OWNER)
    return file


def is_left(folder: Path) -> bool:
    """True when the folder is this user's, and its owner, of this machine, is gone; an `OSError` without locks."""
    import fcntl

    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        return False
    with (folder / _OWNER).open("rb") as owner:
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return owner.read(200) == socket.gethostname().encode()[:200]


def _sweep() -> None:
    """Remove what killed workers of this user left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
