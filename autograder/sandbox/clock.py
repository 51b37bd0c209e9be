"""The time that one answer takes: on a processor, waiting for one, and asleep."""

import os
import time
from pathlib import Path
from typing import Any

from ..base.errors import AutograderError

__all__ = ["SLEEP_FACTOR", "WALL_FACTOR", "Clock"]

# How long a child may sleep, and how long its answer may take where nobody knows whether it sleeps: times its CPU
# limit.
SLEEP_FACTOR, WALL_FACTOR = 2, 5
# Where that is known, an answer that takes so long was kept from computing by the machine.
STARVED_FACTOR = 20


class Clock:
    """Starts when it is made; `slept` are seconds in which the child neither computed nor waited for a processor.

    `child` is a `Child`, whose `waited` is how long it had waited for a processor when somebody looked last.
    `seconds` replace its limits on sleep and on the wall clock.
    """

    def __init__(self, child: Any, cpu_seconds: float, seconds: float | None = None) -> None:
        self._child = child
        self._cpu_seconds, self._seconds = cpu_seconds, seconds
        # A GPU's answers are waited for asleep.
        self._sleep_seconds = seconds or cpu_seconds * (WALL_FACTOR if child.worker.device == "cuda" else SLEEP_FACTOR)
        self._start, self._cpu, self._waited = time.monotonic(), child.cpu(), child.waited
        self.slept = 0.0

    def look(self) -> str:
        """Why the child's time is over, or nothing; an `AutograderError` when the machine gave it none."""
        used, took = self._child.cpu() - self._cpu, time.monotonic() - self._start
        if used > self._cpu_seconds:
            return f"used more than {self._cpu_seconds:.3g} s of CPU time"
        waited = _waited(self._child.pid)
        if waited is None:
            self.slept = max(0.0, took - used) * SLEEP_FACTOR / WALL_FACTOR
            seconds = self._seconds or self._cpu_seconds * WALL_FACTOR
            return f"did not answer within {seconds:.3g} s" if took > seconds else ""
        self._child.waited = waited
        self.slept = max(self.slept, took - used - max(0.0, waited - self._waited))
        if self.slept > self._sleep_seconds:
            if _state(self._child.pid) in "DTt":
                raise AutograderError("a child of the sandbox was stopped, or waits for a disk that does not answer")
            return f"did not answer within {self._sleep_seconds:.3g} s"
        if took > (self._seconds or self._cpu_seconds * STARVED_FACTOR):
            raise AutograderError("the machine is too busy: a child of the sandbox waited for a processor all the time")
        return ""


def _waited(pid: int) -> float | None:
    """Seconds that a process's threads could have run and had no processor; None where the kernel does not say."""
    try:
        names = os.listdir(f"/proc/{pid}/task")
        waits = [Path(f"/proc/{pid}/task/{name}/schedstat").read_text().split()[1] for name in names]
    except (OSError, IndexError):
        return None
    return sum(map(int, waits)) / 1e9


def _state(pid: int) -> str:
    """The letter for what a process does now, such as S for sleeping."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return "?"
