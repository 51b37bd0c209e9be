"""Processes of a run, for tests that end it: who belongs to it, and who is still there."""

import time
from pathlib import Path


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None for a process that is not there."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def descendants(root: int) -> set[tuple[int, str]]:
    """The processes below `root`, each with the time it started, which tells it from a later one of its number."""
    parents: dict[int, list[int]] = {}
    started: dict[int, str] = {}
    for path in Path("/proc").glob("[0-9]*"):
        if (fields := _stat(int(path.name))) is not None:
            parents.setdefault(int(fields[1]), []).append(int(path.name))
            started[int(path.name)] = fields[19]
    found, pending = set(), [root]
    while pending:
        for pid in parents.get(pending.pop(), []):
            found.add((pid, started[pid]))
            pending.append(pid)
    return found


def alive(processes: set[tuple[int, str]]) -> set[int]:
    """Those that still run; a dead one that nobody has asked for yet does not."""
    found = set()
    for pid, started in processes:
        fields = _stat(pid)
        if fields is not None and fields[19] == started and fields[0] not in "ZX":
            found.add(pid)
    return found


def wait_until_gone(processes: set[tuple[int, str]], seconds: float = 10) -> set[int]:
    """Those that still run after so many seconds; empty as soon as none does."""
    end = time.monotonic() + seconds
    while (left := alive(processes)) and time.monotonic() < end:
        time.sleep(0.05)
    return left
