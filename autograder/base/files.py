"""Files that are written whole or not at all, and only where they would be others."""

import os
import tempfile
from pathlib import Path

from .errors import AutograderError

__all__ = ["write_if_changed", "write_whole"]


def write_whole(data: bytes, path: Path, mode: int | None = 0o600, *, staging: Path | None = None) -> None:
    """Write the file in one step: a reader, and whoever comes after a kill, finds the old one or the whole new one.

    `mode` None keeps the mode that the file has, else 0644. `staging` is the folder in which it is written first,
    on the same disk; by default the file's own. Raises `OSError`, and leaves nothing behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, temporary = tempfile.mkstemp(dir=staging or path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        # mkstemp makes files that only their owner may read.
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_if_changed(data: bytes, path: Path, mode: int = 0o600) -> bool:
    """True when the file had to be written: in one step, and only where the bytes are others."""
    try:
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
        write_whole(data, path, mode)
    except OSError as error:
        raise AutograderError(f"could not write {path}: {error.strerror}: make room or name another --out") from None
    return True
