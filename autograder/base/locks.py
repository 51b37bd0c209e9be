"""Locks that end with the process that holds them: on a folder of results, and on a judge's scratch folder."""

import errno
import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import AutograderError
from .hostile_folders import remove

__all__ = ["Scratch", "lock_results", "remove_left_scratch"]

OWNER = ".owner"
# Some network file systems know no locks; there a second run is not noticed, and results are still written whole.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@contextmanager
def lock_results(folder: Path) -> Iterator[None]:
    """Hold a folder of results for one run, and remove the temporary files that a killed one left in it.

    An `AutograderError` says so when another run holds it. The lock ends with the process, however it ends.
    """
    path = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Opened to append: whoever holds the lock has written a line that must not go before we have read it.
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise AutograderError(
            f"expected a writable folder for results at {folder}: {error.strerror}: name another --out"
        ) from None
    with file:
        held = _try_lock(file)
        if held is False:
            file.seek(0)
            who = file.read(200).strip() or "another run"
            raise AutograderError(f"{who} is grading into {folder} now: wait until it is done, or name another --out")
        with suppress(OSError):
            # Not through a buffer, which a full disk would leave filled, to fail once more when the file is closed.
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), f"process {os.getpid()} on {platform.node()}\n".encode())
        # Without a lock another run may be writing them now.
        for left in folder.rglob(".*.tmp") if held else ():
            left.unlink(missing_ok=True)
        yield


class Scratch:
    """A new temporary folder of this process; what remains of it when the process is killed, the next one removes."""

    def __init__(self, prefix: str) -> None:
        remove_left_scratch(prefix)
        self.folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        try:
            # It gets its name with the lock on it: nobody ever sees it free while we live.
            self._owner = (self.folder / f"{OWNER}.new").open("wb")
            _try_lock(self._owner)
            self._owner.write(_machine())
            self._owner.flush()
            (self.folder / f"{OWNER}.new").rename(self.folder / OWNER)
        except OSError:
            # Without its owner's file nobody would ever remove it.
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._owner.close()


def remove_left_scratch(prefix: str) -> None:
    """Remove this user's scratch folders whose processes are known to be gone.

    What is not known stays: a folder without a lock, on a file system without locks, or of another machine, whose
    locks may not be seen here.
    """
    place = None
    with suppress(OSError):
        # Python looks for one that it can write to, and a full disk has none.
        place = Path(tempfile.gettempdir())
    for folder in place.glob(f"{prefix}*") if place is not None else ():
        with suppress(OSError):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            with (folder / OWNER).open("rb") as owner:
                if _try_lock(owner) and owner.read(200) == _machine():
                    remove(folder)


def _machine() -> bytes:
    """This machine's name: on a network file system locks may end at each machine."""
    return platform.node().encode("utf-8", "replace")[:200]


def _try_lock(file: IO[str] | IO[bytes]) -> bool | None:
    """True when the lock is ours now, False when another process holds it, None where there are no locks."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True
