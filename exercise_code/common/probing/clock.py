"""The time limit of a check: it stops a student's loop, and never a library in the midst of its import.

A half-imported library stays broken until the kernel is restarted: torch refuses to be imported twice.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

__all__ = ["TimeUp", "time_limit"]

# Each strike comes again: a bare `except` in the student's loop may swallow the first ones.
AGAIN = 1.0
_IMPORTING = "<frozen importlib._bootstrap>"


class TimeUp(BaseException):
    """Raised in the midst of code that takes too long; no `except Exception` holds it up."""


@contextlib.contextmanager
def time_limit(seconds: float, folder: Path) -> Iterator[None]:
    """Raise `TimeUp` in the block after some seconds, where the system can (POSIX, main thread).

    While code in `folder`, the course's package, imports something from elsewhere, the limit waits, and begins
    anew when that import is done.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    running = True

    def interrupt(_number: int, frame: FrameType | None) -> None:
        if not running:
            return
        if _imports_a_library(frame, folder):
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
            return
        raise TimeUp

    before = signal.signal(signal.SIGALRM, interrupt)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def _imports_a_library(frame: FrameType | None, folder: Path) -> bool:
    """True when an import is going on between this frame and the nearest one of a file in `folder`."""
    importing = False
    while frame is not None:
        name = frame.f_code.co_filename
        if name == _IMPORTING:
            importing = True
        elif Path(name).is_relative_to(folder):
            return importing
        frame = frame.f_back
    return importing
