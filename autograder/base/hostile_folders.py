"""A child's writable folder, measured and removed by a judge whom its owner works against.

Folders may be nested without end, have no permission bits (the child's umask decides), and change meanwhile.
"""

import contextlib
import os
import stat
from pathlib import Path

__all__ = ["MAX_DISK", "MAX_FILES", "is_small", "remove"]

MAX_DISK = 64 * 2**20
MAX_FILES = 500
# Low enough that a path below a temporary folder stays within what the kernel takes.
MAX_DEPTH = 12


def is_small(folder: Path) -> bool:
    """True when the folder holds no more bytes, files and levels of folders than a test may write."""
    size = files = 0
    pending = [(str(folder), 0)]
    while pending:
        path, depth = pending.pop()
        try:
            with _entries(path) as entries:
                for entry in entries:
                    files += 1
                    found = entry.stat(follow_symlinks=False)
                    size += found.st_blocks * 512
                    if stat.S_ISDIR(found.st_mode):
                        pending.append((entry.path, depth + 1))
                    if files > MAX_FILES or size > MAX_DISK or depth > MAX_DEPTH:
                        return False
        except FileNotFoundError:
            continue  # removed or renamed while we looked; the next look finds it
        except OSError:
            return False
    return True


def remove(folder: Path) -> None:
    """Remove the folder and all in it, once no process writes to it any more. Links are not followed."""
    root = str(folder)
    count = 0
    with contextlib.suppress(OSError):
        while found := _first_folder(root):
            # Folders move up to the top and are emptied there: no path grows, nothing recurses.
            with _entries(found) as entries:
                names = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
            for path, is_folder in names:
                if is_folder:
                    count += 1
                    os.chmod(path, 0o700)
                    os.rename(path, os.path.join(root, f".remove-{count}-{os.getpid()}"))
                else:
                    os.unlink(path)
            if found == root:
                os.rmdir(root)
                return
            os.rmdir(found)


def _entries(path: str) -> "os._ScandirIterator[str]":
    try:
        return os.scandir(path)
    except PermissionError:
        os.chmod(path, 0o700)
        return os.scandir(path)


def _first_folder(root: str) -> str:
    """A folder directly in `root`, or `root` itself when it holds none."""
    with _entries(root) as entries:
        return next((entry.path for entry in entries if entry.is_dir(follow_symlinks=False)), root)
