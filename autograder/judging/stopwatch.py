"""The judge's own CPU time on one hand-in: an answer must not make it compare for hours."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from exercise_code.common.probing.failures import Failure
from exercise_code.common.reasons import Reason

__all__ = ["Stopwatch"]

# CPU seconds that the judge spends on comparing one hand-in's answers; honest ones take tenths of a second.
CHECK_SECONDS = 5.0
# What each test has all the same once they are used up: another function's answers must not fail it.
LEAST_SECONDS = 0.1


class Stopwatch:
    """Ends a test with a `Failure` when the judge's CPU time for this hand-in is used up.

    It rings by a signal, so the failure may be raised between any two steps of Python. Code that must not be cut
    short, such as a talk with the worker, runs inside `holding`.
    """

    def __init__(self, seconds: float = CHECK_SECONDS) -> None:
        self._left = seconds
        self._raises = False
        self._rang = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Answer the signal for as long as a hand-in is graded."""
        if not _can_watch():
            yield
            return
        before = signal.signal(signal.SIGPROF, self._ring)
        try:
            yield
        finally:
            signal.signal(signal.SIGPROF, before)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the CPU time of one test."""
        if not _can_watch():
            yield
            return
        self._rang = False
        try:
            self._raises = True
            signal.setitimer(signal.ITIMER_PROF, max(self._left, LEAST_SECONDS))
            yield
        finally:
            self._raises = False
            self._left = signal.setitimer(signal.ITIMER_PROF, 0)[0]

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Count on, but ring only when this is over."""
        raises, self._raises = self._raises, False
        try:
            yield
        finally:
            self._raises = raises
        if raises and self._rang:
            raise _failure()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count what is no hand-in's doing."""
        with self.holding():
            left = signal.setitimer(signal.ITIMER_PROF, 0)[0] if _can_watch() else 0.0
            try:
                yield
            finally:
                if left:
                    signal.setitimer(signal.ITIMER_PROF, left)

    def _ring(self, *_: object) -> None:
        self._rang = True
        if self._raises:
            raise _failure()


def _failure() -> Failure:
    return Failure("the code's answers take too long to check", kind="sandbox", code=Reason.TIMED_OUT)


def _can_watch() -> bool:
    return hasattr(signal, "SIGPROF") and threading.current_thread() is threading.main_thread()
