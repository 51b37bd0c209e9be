"""Access times that tell nothing, for machines on which children read files through the machine's own mounts.

A kernel that mounts with `relatime` notes a file's reading only when the last note is a day old, or older than the
file. What was read before the hand-ins come is not noted again. (Read-only mounts note nothing: `mounts`.)
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterable

__all__ = ["EVERY_SECONDS", "is_noted_always", "settle"]

# The kernel's day, less the time until the next look and some more.
STALE_SECONDS = 12 * 3600
EVERY_SECONDS = 6 * 3600
# What statvfs says of a mount; Python has names for some of them only.
ST_RDONLY, ST_NOATIME, ST_RELATIME = 1, 1024, 4096


def is_noted_always(path: str) -> bool:
    """True where each reading of `path` is noted (`strictatime`), which nothing can hide."""
    try:
        flags = os.statvfs(path).f_flag
    except OSError:
        return False
    return not flags & (ST_RDONLY | ST_NOATIME | ST_RELATIME)


def settle(paths: Iterable[str], now: float | None = None) -> int:
    """Read all below `paths` whose next reading would be noted: a byte, a list of names, a link. Their number."""
    now = time.time() if now is None else now
    files = {path for path in paths if not path.startswith(("/proc", "/sys", "/dev"))}
    pending, read = sorted(files | set(map(os.path.realpath, files))), 0
    while pending:
        path = pending.pop()
        with contextlib.suppress(OSError):
            found = os.lstat(path)
            is_stale = found.st_atime <= max(found.st_mtime, found.st_ctime) or found.st_atime < now - STALE_SECONDS
            if stat.S_ISDIR(found.st_mode):
                # The list is read anyway, to go on.
                pending.extend(f"{path}/{name}" for name in os.listdir(path))
            elif stat.S_ISLNK(found.st_mode):
                os.readlink(path)
            elif stat.S_ISREG(found.st_mode) and is_stale:
                with open(path, "rb", buffering=0) as file:
                    file.read(1)
            read += is_stale
    return read
