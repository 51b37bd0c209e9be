"""Files that are written whole or not at all, and only where they would be others."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .errors import AutograderError

__all__ = ["read_stamps", "write_if_changed"]


def write_if_changed(data: bytes, path: Path, mode: int = 0o600) -> bool:
    """True when the file had to be written: atomically, and only where the bytes are others."""
    temporary = ""
    try:
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise AutograderError(f"could not write {path}: {error.strerror}: make room or name another --out") from None
    return True


def read_stamps(path: Path) -> dict[str, Any]:
    """What was noted of files when they were made, a JSON object; empty where that cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
